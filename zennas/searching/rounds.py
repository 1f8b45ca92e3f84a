"""A search in rounds, whatever its algorithm.

In a round the algorithm makes `round_size` proposals; those that are new and within the budgets are scored, and the
populations and the algorithm are told of them in the order in which they were proposed. A round's randomness comes from
the seed and the round's first iteration alone, so that a search is the same on one core and on many, and after a crash.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.counting import Costs, count_layers
from zennas.counting.budgets import Budget, depth_within, within
from zennas.errors import ZennasError
from zennas.searching.algorithms.algorithm import Algorithm, Problem, Round
from zennas.searching.population import Candidate, Population
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
        seen: networks that were scored, or could not be.
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
        self.seen.update(unique)
        return self._enter([_Accepted(0, -1, (), blocks, self.problem.count(blocks)) for blocks in unique])

    def step(self) -> list[Candidate]:
        """One round; returns the candidates that were scored, in order.

        Raises:
            ZennasError: the algorithm proposed nothing.
        """
        before = self.iteration
        accepted = list(self._accepted())
        if self.iteration == before:
            raise ZennasError(
                f"the algorithm {type(self.algorithm).__name__} proposed nothing after iteration {before}; "
                "propose() has to yield at least one network a round"
            )
        return self._enter(accepted)

    def _accepted(self) -> Iterator[_Accepted]:
        size = min(self.round_size, self.problem.iterations - self.iteration)
        rng = np.random.default_rng([self.seed, self.iteration])
        round = Round(self.iteration, size, rng, self.populations)
        budget_sets, count, seen = self.problem.budget_sets, self.problem.count, self.seen
        for parent, mutations, blocks in islice(self.algorithm.propose(round), size):
            iteration = self.iteration = self.iteration + 1
            layers = count_layers(blocks)
            if not any(depth_within(layers, budgets) for budgets in budget_sets) or blocks in seen:
                continue
            costs = count(blocks)
            if any(within(costs, budgets) for budgets in budget_sets):
                seen.add(blocks)
                yield _Accepted(iteration, -1 if parent is None else parent.id, mutations, blocks, costs)

    def _enter(self, accepted: list[_Accepted]) -> list[Candidate]:
        scores = self.score([a.super_blocks for a in accepted]) if accepted else []
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
