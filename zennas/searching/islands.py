"""Several populations at a time, each in a process of its own: more cores for a score in closed form.

The iterations of a search are cut into blocks that islands take in turn. After each block an island hands some of its
best to the next one, which takes them in some blocks later: meanwhile both go on, so that none waits for another one
that is little behind, nor for what is written down. What comes of it depends on the number of islands, and on nothing
else: not on the cores, the speed of the processes, or interruptions.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.counting.budgets import within
from zennas.errors import ZennasError
from zennas.fork_server import ISLAND_READY, begin_fork_server, context
from zennas.scores.learned.score import held_models
from zennas.searching.algorithms import Round
from zennas.searching.compiled.bred import Bred, joined
from zennas.searching.island import Block, Guest, Past, guest_of, live
from zennas.searching.population import Candidate
from zennas.searching.rounds import Search
from zennas.searching.settings import SearchConfig

LONGEST_BLOCK = 4096
"""Iterations between two exchanges, of each island, at most; some hundredths of a second."""
FEWEST_BLOCKS = 16
"""Blocks that an island carries out in a search, where they are not shorter than a round."""
EMIGRANTS = 4
"""Candidates of each population that go to the next island."""
_AHEAD = 4
"""Blocks that an island has been given and that were not read; so many later its guests come in."""


@dataclass
class _Records:
    """What the owner knows of one island.

    Attributes:
        founders: ids of the candidates that it began with.
        populations: ids in heap order, for each set of budgets.
        numbers: ids of all candidates that it met, in the order of its own numbers.
        blocks: iterations before and after each that it carried out, and the ids of those that came from another island
            before it.
        invited: those that come before each of its next blocks.
        algorithm: what its algorithm remembers, by its own numbers.
    """

    founders: list[int]
    populations: list[list[int]]
    numbers: list[int] = field(default_factory=list)
    blocks: list[tuple[int, int, list[int]]] = field(default_factory=list)
    invited: list[list[tuple[int, Guest]]] = field(default_factory=lambda: [[] for _ in range(_AHEAD)])
    algorithm: dict[str, Any] = field(default_factory=dict)


class Islands(Search):
    """A search whose rounds are blocks of several islands; its own populations have the best of all of them.

    Attributes:
        config: the search's settings.
        islands: what is known of each.
    """

    def __init__(self, search: Search, config: SearchConfig) -> None:
        """The islands of a search that has not begun.

        Args:
            search: as it would be with a single population.
            config: its settings, among them the number of islands.

        Raises:
            ZennasError: something of the search has no compiled form, which islands need.
        """
        if search.core is None or search.chain_scorer is None:
            raise ZennasError(
                f"islands: this search has to be computed in Python (score {config.score}); they need numba, a score "
                "in closed form, and blocks, operators and costs that come with zennas; leave islands out, or use "
                "workers"
            )
        super().__init__(
            search.problem, search.algorithm, search.score, search.round_size, search.seed, core=search.core
        )
        begin_fork_server([ISLAND_READY])
        self.config = config
        rounds = config.iterations // (FEWEST_BLOCKS * config.islands * config.round_size)
        self._block = min(LONGEST_BLOCK, max(1, rounds) * config.round_size)
        self.islands: list[_Records] = []
        self._known: dict[int, Candidate] = {}
        self._connections: list[Connection] = []
        self._processes: list[BaseProcess] = []
        self._running: list[list[tuple[int, int]]] = []

    def begin(self, starts: Sequence[tuple[SuperBlock, ...]]) -> list[Candidate]:
        """Score the starting networks, and found the islands on them.

        Args:
            starts: as many for each island as there are sets of budgets, one island after another.
        """
        founders = super().begin(starts)
        if self.algorithm.breed(Round(0, 1, np.random.default_rng(0), self.populations)) is None:
            raise ZennasError(
                f"islands: the rounds of {self.config.algorithm} are not offspring from the first one on; "
                "use annealing or evolution"
            )
        sets = len(self.budget_sets)
        self._known = {candidate.id: candidate for candidate in founders}
        ids = {candidate.super_blocks: candidate.id for candidate in founders}
        for island in range(self.config.islands):
            own = list(dict.fromkeys(ids[start] for start in starts[island * sets : (island + 1) * sets]))
            ranked = sorted(own, key=lambda i: (self._known[i].score, -i))
            fitting = [[i for i in ranked if within(self._known[i].costs, b)] for b in self.budget_sets]
            self.islands.append(_Records(own, fitting, list(own)))
        return founders

    def step(self) -> Sequence[Candidate]:
        """One block of every island; returns the candidates that were scored, in order."""
        if not self._processes:
            self._start()
            for _ in range(_AHEAD):
                self._send()
        spans = self._running.pop(0)
        blocks: list[Block] = [self._received(island) for island in range(len(spans))]
        firsts = []
        for records, (before, last), block in zip(self.islands, spans, blocks, strict=False):
            taken = [number for (number, _), new in zip(records.invited[0], block.taken, strict=True) if new]
            records.blocks.append((before, last, taken))
            firsts.append(self.scored)
            records.numbers += [*taken, *range(self.scored, self.scored + block.scored)]
            self.scored += block.scored
            records.populations = [[records.numbers[place] for place in places] for places in block.populations]
            records.algorithm = block.algorithm
        self.iteration = spans[-1][1]
        self._invite([block.emigrants for block in blocks])
        self._send()
        parts: list[Bred] = []
        for island, first in enumerate(firsts):
            bred: Bred | None = self._received(island)
            if bred is not None:
                numbers = self.islands[island].numbers
                parts.append(bred.numbered(first, [numbers[place] for place in bred.parents.tolist()]))
        if not parts:
            return []
        made = joined(parts)
        self._offer(made)
        return made

    def _invite(self, emigrants: Sequence[Sequence[tuple[int, Guest]]]) -> None:
        """Let the emigrants of every island, under its own numbers, be the guests of the next one, before the first
        block that it has not been given."""
        for island, leaving in enumerate(emigrants):
            numbers = self.islands[island].numbers
            following = self.islands[(island + 1) % len(self.islands)]
            following.invited = [*following.invited[1:], [(numbers[place], guest) for place, guest in leaving]]

    def _offer(self, bred: Bred) -> None:
        """To the populations of all islands together, which have no network twice."""
        assert self.core is not None
        scores = bred.scores.tolist()
        for population, places in zip(self.populations, self.core.within(bred.costs), strict=True):
            held = {score for score, _, _ in population.heap}
            if population.full:
                places = places[bred.scores[places] > population.heap[0][0]]
            for place in places.tolist():
                score = scores[place]
                if not population.would_enter(score):
                    continue
                candidate = bred[place]
                equal = [other for own, _, other in population.heap if own == score] if score in held else []
                if all(other.super_blocks != candidate.super_blocks for other in equal):
                    population.enter(candidate)
                    held.add(score)

    def _start(self) -> None:
        for number, records in enumerate(self.islands):
            own, theirs = context().Pipe()
            process = context().Process(target=live, args=(theirs, self.config, held_models()), daemon=True)
            try:
                process.start()
            except (EOFError, ConnectionError):  # what is said of a server that was ended
                raise _ended(number) from None
            finally:
                theirs.close()
            self._connections.append(own)
            self._processes.append(process)
            places = {number: place for place, number in enumerate(records.numbers)}
            past = [guest_of(self._known[number]) for number in records.numbers]
            populations = [[places[number] for number in ids] for ids in records.populations]
            self._tell(number, Past(past, populations, records.algorithm))
        self._known = {}

    def _send(self) -> None:
        """Give every island the block after those that it has been given, with its guests."""
        before = self._running[-1][-1][1] if self._running else self.iteration
        spans: list[tuple[int, int]] = []
        for island, records in enumerate(self.islands):
            last = min(before + self._block, self.problem.iterations)
            if last > before:
                guests = [guest for _, guest in records.invited[len(self._running)]]
                self._tell(island, (before, last, guests, EMIGRANTS))
                spans.append((before, last))
            before = last
        if spans:
            self._running.append(spans)

    def _tell(self, island: int, what: Any) -> None:
        """Send an island something. Raises `ZennasError` where its process has ended."""
        try:
            self._connections[island].send(what)
        except OSError:
            raise _ended(island) from None

    def _received(self, island: int) -> Any:
        """The next answer of an island. Raises `ZennasError` where its process has ended, amid an answer perhaps."""
        try:
            return self._connections[island].recv()
        except (EOFError, OSError):
            raise _ended(island) from None

    def close(self) -> None:
        """End the processes."""
        for connection, process in zip(self._connections, self._processes, strict=True):
            connection.close()
            process.kill()
            process.join()
        self._connections, self._processes, self._running = [], [], []

    def state(self) -> dict[str, Any]:
        """What beside candidates, populations and algorithm it goes on from, as JSON values."""
        return {
            "islands": [
                {
                    "founders": records.founders,
                    "blocks": records.blocks,
                    "populations": records.populations,
                    "invited": [[number for number, _ in guests] for guests in records.invited],
                    "algorithm": records.algorithm,
                }
                for records in self.islands
            ]
        }

    def restore_state(self, state: Mapping[str, Any], candidates: Sequence[Candidate]) -> None:
        """Bring the islands back: what each met follows from the iterations of its blocks and of candidates, and from
        its guests.

        Args:
            state: as `state` gave it.
            candidates: all of the run so far; the index is the id.
        """
        iterations = [candidate.iteration for candidate in candidates]
        self._known = {candidate.id: candidate for candidate in candidates}
        for kept in state["islands"]:
            records = _Records(kept["founders"], kept["populations"], [*kept["founders"]])
            for before, last, taken in kept["blocks"]:
                records.blocks.append((before, last, taken))
                records.numbers += [*taken, *range(bisect_right(iterations, before), bisect_right(iterations, last))]
            records.invited = [
                [(number, guest_of(candidates[number])) for number in numbers] for numbers in kept["invited"]
            ]
            records.algorithm = kept["algorithm"]
            self.islands.append(records)


def _ended(island: int) -> ZennasError:
    return ZennasError(
        f"the process of island {island + 1} has ended; what was committed is whole, and --resume goes on"
    )
