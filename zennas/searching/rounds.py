"""A search in rounds, whatever its algorithm.

In a round the algorithm makes `round_size` proposals; those that are new and within the budgets are scored, and the
populations and the algorithm are told of them in the order in which they were proposed. A round's randomness comes from
the seed and the round's first iteration alone, so that a search is the same on one core and on many, and after a crash.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.architecture.structure import format_structure
from zennas.counting import Costs, count_layers
from zennas.counting.budgets import Budget, depth_within, within
from zennas.errors import ZennasError
from zennas.scores.chains import ChainScorer
from zennas.searching.algorithms.algorithm import Algorithm, Offspring, Problem, Proposal, Round
from zennas.searching.compiled.core import Batch, Core
from zennas.searching.population import Candidate, Population, members
from zennas.searching.tasks import Failure
from zennas.spaces.mutation import Mutation

ScoreRound = Callable[[list[tuple[SuperBlock, ...]]], "list[float | Failure]"]
"""Scores of a round's networks, in order."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    iteration: int
    parent: int
    mutations: tuple[Mutation, ...]
    super_blocks: tuple[SuperBlock, ...]
    costs: Costs


@dataclass
class Search:
    """The state of a search between two rounds.

    Attributes:
        problem: what is searched for.
        algorithm: what proposes the networks.
        score: scores a round's networks.
        round_size: proposals of a round.
        seed: of everything random.
        iteration: proposals so far.
        scored: networks scored so far, the start included; the next candidate's id.
        failed: networks that could not be scored.
        failures: iteration, super-blocks and reason of each, since the caller last cleared the list.
        populations: the best networks within each set of budgets; a search has one set, a frontier one for each of its
            budgets. A network too big for one may enter another.
        seen: networks that were scored, or could not be; in the core where there is one.
        core: carries out rounds of offspring, where the search has one.
        chain_scorer: scores what the core finds, where the score can; else `score` does.
    """

    problem: Problem
    algorithm: Algorithm
    score: ScoreRound
    round_size: int
    seed: int
    iteration: int = 0
    scored: int = 0
    failed: int = 0
    failures: list[tuple[int, tuple[SuperBlock, ...], str]] = field(default_factory=list)
    populations: list[Population] = field(default_factory=list)
    seen: set[tuple[SuperBlock, ...]] = field(default_factory=set)
    core: Core | None = None
    chain_scorer: ChainScorer | None = None

    def __post_init__(self) -> None:
        if not self.populations:
            size = self.problem.population_size
            self.populations = [Population(budgets, size) for budgets in self.problem.budget_sets]

    @property
    def budget_sets(self) -> Sequence[Sequence[Budget]]:
        """The budgets of each population."""
        return self.problem.budget_sets

    @property
    def best(self) -> Candidate:
        """The highest score of all populations."""
        return max((p.best for p in self.populations if p.best), key=lambda c: (c.score, -c.id))

    @property
    def finished(self) -> bool:
        """Whether all iterations are done."""
        return self.iteration >= self.problem.iterations

    def begin(self, starts: Sequence[tuple[SuperBlock, ...]]) -> list[Candidate]:
        """Score the starting networks and found the populations."""
        unique = list(dict.fromkeys(starts))
        self.remember(unique)
        accepted = [_Accepted(0, -1, (), blocks, self.problem.count(blocks)) for blocks in unique]
        return self._entered_by_networks(accepted)

    def restore(
        self, iteration: int, candidates: Sequence[Candidate], failed: Sequence[tuple[SuperBlock, ...]]
    ) -> None:
        """Go on from candidates that there are; the caller restores populations and algorithm.

        Args:
            iteration: proposals so far.
            candidates: all of them, in the order of their ids.
            failed: networks that could not be scored.
        """
        self.iteration, self.scored, self.failed = iteration, len(candidates), len(failed)
        networks = [candidate.super_blocks for candidate in candidates]
        self.remember([*networks, *failed])
        if self.core is not None:
            self.core.add_candidates(networks)

    def state(self) -> dict[str, Any]:
        """What it goes on from beside candidates, populations and what the algorithm remembers, as JSON values."""
        return {}

    def restore_state(self, state: Mapping[str, Any], candidates: Sequence[Candidate]) -> None:
        """Take what `state` gave.

        Args:
            state: with other values beside it.
            candidates: all of the run so far; the index is the id.
        """

    def close(self) -> None:
        """Give back what it holds beside memory."""

    def remember(self, networks: Sequence[tuple[SuperBlock, ...]]) -> None:
        """Networks that are not to be scored again."""
        if self.core is not None and not self.core.take_types(block for network in networks for block in network):
            self.core = None
        if self.core is None:
            self.seen.update(networks)
        else:
            self.core.see(networks)

    def step(self) -> Sequence[Candidate]:
        """One round; returns the candidates that were scored, in order.

        Raises:
            ZennasError: the algorithm proposed nothing.
        """
        size = min(self.round_size, self.problem.iterations - self.iteration)
        round = Round(self.iteration, size, np.random.default_rng([self.seed, self.iteration]), self.populations)
        offspring = self.algorithm.breed(round) if self.core is not None else None
        if self.core is not None and offspring is not None:
            return self._bred(self.core, offspring, size)
        before = self.iteration
        accepted = list(self._accepted(round))
        if self.iteration == before:
            raise ZennasError(
                f"the algorithm {type(self.algorithm).__name__} proposed nothing after iteration {before}; "
                "propose() has to yield at least one network a round"
            )
        return self._entered_by_networks(accepted)

    def _bred(self, core: Core, offspring: Offspring, size: int) -> Sequence[Candidate]:
        """A round by the core; its candidates become objects where somebody asks for them."""
        before, self.iteration = self.iteration, self.iteration + size
        batch, chains = core.propose(offspring)
        if self.chain_scorer is not None:
            scores, whole = self.chain_scorer.score(chains), list(range(len(batch.numbers)))
        else:
            scores, whole = self._scored_networks(core, batch, before)
        entered = core.keep(batch, np.array(whole, dtype=np.int64), before, np.array(scores, dtype=np.float64))
        self.scored += len(entered)
        for population, places in zip(self.populations, core.within(entered.costs), strict=True):
            population.offer_each(entered, scores, places.tolist())
        self.algorithm.tell(entered)
        if self.chain_scorer is not None:
            ids = {place: entered.first + place for place in whole}
            self.chain_scorer.keep(ids, members(self.populations))
        return entered

    def _scored_networks(self, core: Core, batch: Batch, before: int) -> tuple[list[float], list[int]]:
        """Scores of a batch's networks by a score that has to see them, and the places of those that have one."""
        networks = core.networks(batch)
        scores: list[float] = []
        whole: list[int] = []
        for place, score in enumerate(self.score(networks) if networks else []):
            if isinstance(score, Failure):
                self.failed += 1
                self.failures.append((before + 1 + int(batch.numbers[place]), networks[place], score.reason))
            else:
                scores.append(score)
                whole.append(place)
        return scores, whole

    def _entered_by_networks(self, accepted: Sequence[_Accepted]) -> list[Candidate]:
        entered = self._enter(accepted, self.score([a.super_blocks for a in accepted]) if accepted else [])
        if self.core is not None and entered:
            self.core.add_candidates([candidate.super_blocks for candidate in entered])
        return entered

    def _accepted(self, round: Round) -> Iterator[_Accepted]:
        for proposal in islice(self.algorithm.propose(round), round.size):
            self.iteration += 1
            while (accepted := self._checked(proposal)) is None and proposal.otherwise is not None:
                proposal = proposal.otherwise()
            if accepted is not None:
                yield accepted

    def _checked(self, proposal: Proposal) -> _Accepted | None:
        """A proposal that is new and within budgets, as of this iteration."""
        parent, blocks, budget_sets = proposal.parent, proposal.super_blocks, self.problem.budget_sets
        layers = count_layers(blocks)
        if not any(depth_within(layers, budgets) for budgets in budget_sets) or blocks in self.seen:
            return None
        costs = self.problem.count(blocks)
        if not any(within(costs, budgets) for budgets in budget_sets) or not self._is_new(blocks):
            return None
        return _Accepted(self.iteration, -1 if parent is None else parent.id, proposal.mutations, blocks, costs)

    def _is_new(self, blocks: tuple[SuperBlock, ...]) -> bool:
        if self.core is not None:
            if not self.core.take_types(blocks):
                raise ZennasError(
                    f"the algorithm {type(self.algorithm).__name__} proposed {format_structure(blocks)}, of a block "
                    "type that the search did not begin with and that has no compiled form; add it to the space"
                )
            return self.core.see([blocks]) == 1
        self.seen.add(blocks)
        return True

    def _enter(self, accepted: Sequence[_Accepted], scores: Sequence[float | Failure]) -> list[Candidate]:
        entered = []
        for a, score in zip(accepted, scores, strict=True):
            if isinstance(score, Failure):
                self.failed += 1
                self.failures.append((a.iteration, a.super_blocks, score.reason))
                continue
            candidate = Candidate(self.scored, a.iteration, a.parent, a.mutations, a.super_blocks, score, a.costs)
            self.scored += 1
            for population in self.populations:
                population.offer(candidate)
            entered.append(candidate)
        self.algorithm.tell(entered)
        return entered
