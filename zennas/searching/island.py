"""One island of a search: a population of its own, in a process of its own, that gets and gives some of the best.

An island carries out blocks of iterations on the compiled core and sends back its candidates as rows of numbers, which
the search that owns the islands appends (`zennas.searching.islands`). Candidates are numbered by the island itself, in
the order in which it met them.
"""

import pickle
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.counting import Costs
from zennas.scores.chains import ChainScorer
from zennas.scores.learned.model import AccuracyModel
from zennas.scores.learned.score import hold
from zennas.searching.algorithms import Algorithm, Round, make_algorithm
from zennas.searching.collection import collection_put_off
from zennas.searching.compiled.bred import Bred, joined
from zennas.searching.compiled.core import Core, core_of
from zennas.searching.population import Candidate, Population, members
from zennas.searching.problem import configured_problem
from zennas.searching.scoring import chain_scorer
from zennas.searching.settings import SearchConfig


class Guest(NamedTuple):
    """A candidate of another island, or one of before.

    Attributes:
        super_blocks: the network.
        score: its score.
        costs: what it costs.
    """

    super_blocks: tuple[SuperBlock, ...]
    score: float
    costs: Costs


def guest_of(candidate: Candidate) -> Guest:
    """What another island, or the same one later, has to know of a candidate."""
    return Guest(candidate.super_blocks, candidate.score, candidate.costs)


@dataclass(frozen=True, slots=True)
class Past:
    """What an island goes on from.

    Attributes:
        candidates: all that it met, in the order of its numbers.
        populations: numbers in heap order, for each set of budgets.
        algorithm: what the algorithm remembers, by the island's numbers; nothing at the start.
    """

    candidates: Sequence[Guest]
    populations: Sequence[Sequence[int]]
    algorithm: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """What came of a block of iterations, but for its candidates: what the next blocks need.

    Attributes:
        taken: of each guest, whether it was new.
        scored: candidates.
        populations: numbers in heap order, for each set of budgets.
        emigrants: the best of each population with their numbers, none twice.
        algorithm: what the algorithm remembers.
    """

    taken: tuple[bool, ...]
    scored: int
    populations: tuple[tuple[int, ...], ...]
    emigrants: tuple[tuple[int, Guest], ...]
    algorithm: dict[str, Any]


class Island:
    """A search without the parts that only its owner needs."""

    def __init__(self, config: SearchConfig) -> None:
        """An island that has met nothing yet.

        Args:
            config: of the whole search.
        """
        self.problem = configured_problem(config)
        self._round_size, self._seed = config.round_size, config.seed
        self._algorithm: Algorithm = make_algorithm(config.algorithm, self.problem)
        core, scorer = (
            core_of(self._algorithm.problem, config.resolution, config.num_classes, config.deployed_type),
            chain_scorer(config),
        )
        assert core is not None
        assert scorer is not None
        self._core: Core = core
        self._scorer: ChainScorer = scorer
        self._populations = [Population(budgets, config.population) for budgets in self.problem.budget_sets]
        self._met = 0

    def go_on_from(self, past: Past) -> None:
        """Take in what there was before."""
        networks = [guest.super_blocks for guest in past.candidates]
        self._core.take_types(block for network in networks for block in network)
        self._core.see(networks)
        candidates = self._add(past.candidates)
        for population, numbers in zip(self._populations, past.populations, strict=True):
            population.restore([candidates[number] for number in numbers], None)
        if past.algorithm:
            self._algorithm.restore(past.algorithm, candidates)

    def _add(self, guests: Sequence[Guest]) -> list[Candidate]:
        self._core.add_candidates([guest.super_blocks for guest in guests])
        added = [Candidate(self._met + i, 0, -1, (), *guest) for i, guest in enumerate(guests)]
        self._met += len(added)
        return added

    def run(self, first: int, last: int, guests: Sequence[Guest], best: int) -> tuple[Block, list[Bred]]:
        """Carry iterations out.

        Args:
            first: iterations before, of all islands.
            last: iterations afterwards.
            guests: candidates of other islands, which may enter the populations first.
            best: how many of each population may go to another island.

        Returns:
            The block, and its candidates by round under the island's own numbers.
        """
        taken = []
        for guest in guests:
            new = self._core.see([guest.super_blocks]) == 1
            taken.append(new)
            if new:
                (candidate,) = self._add([guest])
                for population in self._populations:
                    population.offer(candidate)
                self._algorithm.tell([candidate])
        parts: list[Bred] = []
        for before in range(first, last, self._round_size):
            size = min(self._round_size, last - before)
            rng = np.random.default_rng([self._seed, before])
            offspring = self._algorithm.breed(Round(before, size, rng, self._populations))
            assert offspring is not None
            batch, chains = self._core.propose(offspring)
            count = len(batch.numbers)
            if not count:
                continue
            scores = self._scorer.score(chains)
            bred = self._core.keep(batch, np.arange(count), before, np.array(scores))
            self._met += count
            for population, places in zip(self._populations, self._core.within(bred.costs), strict=True):
                population.offer_each(bred, scores, places.tolist())
            self._algorithm.tell(bred)
            self._scorer.keep({place: bred.first + place for place in range(count)}, members(self._populations))
            parts.append(bred)
        leaving = {c.id: c for population in self._populations for c in population.ranked()[:best]}
        block = Block(
            tuple(taken),
            sum(len(bred) for bred in parts),
            tuple(tuple(population.ids()) for population in self._populations),
            tuple((number, guest_of(candidate)) for number, candidate in leaving.items()),
            self._algorithm.state(),
        )
        return block, parts


def live(connection: Connection, config: SearchConfig, models: Sequence[AccuracyModel]) -> None:
    """The life of an island in its process: it answers until its owner is gone.

    Args:
        connection: to the owner. It sends a `Past` first, then the arguments of `Island.run`, which is answered by a
            `Block` and a `Bred`, or `None` where no candidates came of it.
        config: of the search.
        models: of accuracy, that the owner keeps and the score may name.
    """
    for model in models:
        hold(model)
    # Ctrl-C at a terminal and the end of a batch job reach all processes, and the owner decides when to end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    answers: SimpleQueue[bytes] = SimpleQueue()
    with collection_put_off(), connection:
        island = Island(config)
        try:
            island.go_on_from(connection.recv())
            # The owner reads when it has time, while the island goes on.
            Thread(target=_answer, args=(connection, answers), daemon=True).start()
            while True:
                arguments: tuple[Any, ...] = connection.recv()
                block, parts = island.run(*arguments)
                answers.put(pickle.dumps(block, pickle.HIGHEST_PROTOCOL))
                answers.put(pickle.dumps(joined(parts) if parts else None, pickle.HIGHEST_PROTOCOL))
        except (EOFError, ConnectionResetError):
            return


def _answer(connection: Connection, answers: SimpleQueue[bytes]) -> None:
    """Send what is put into a queue, one after another, until nobody reads."""
    with suppress(OSError):  # of a closed pipe, by each of its names
        while True:
            connection.send_bytes(answers.get())
