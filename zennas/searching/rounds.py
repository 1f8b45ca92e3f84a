"""Zen-NAS (Algorithm 2), in rounds.

A round proposes `round_size` offspring from one population, scores those that are new and within the budgets, and
offers them in the order in which they were proposed. A round's randomness comes from the seed and the round's first
iteration alone, so that a search is the same on one core and on many, and after a crash.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.counting import Costs, count_layers
from zennas.counting.budgets import Budget, depth_within, within
from zennas.searching.population import Candidate, Population
from zennas.searching.tasks import Failure
from zennas.spaces.mutation import OFFSPRING_DRAWS, Mutation, applied, draw_offspring
from zennas.spaces.space import SearchSpace

Count = Callable[[tuple[SuperBlock, ...]], Costs]


ScoreRound = Callable[[list[tuple[SuperBlock, ...]]], "list[float | Failure]"]
"""Scores of a round's networks, in order."""


def mutation_probability(iteration: int, iterations: int) -> float:
    """ρ of Algorithm 2: falls from 1 to 0.1 over the first half, then stays."""
    if iteration < iterations / 2:
        remaining = (iterations - 2 * iteration) / iterations
        return remaining + 0.1 * (1 - remaining)
    return 0.1


@dataclass(frozen=True, slots=True)
class _Proposal:
    iteration: int
    parent: Candidate
    mutations: tuple[Mutation, ...]
    super_blocks: tuple[SuperBlock, ...]
    costs: Costs


@dataclass
class Evolution:
    """The state of a search between two rounds.

    Attributes:
        budget_sets: the budgets of each population; a search has one, a frontier one for each of its budgets. A network
            too big for one may enter another.
        iteration: offspring proposed so far.
        scored: networks scored so far, the start included; the next candidate's id.
        failed: networks that could not be scored.
        failures: iteration, super-blocks and reason of each, since the caller last cleared the list.
    """

    space: SearchSpace
    budget_sets: Sequence[Sequence[Budget]]
    count: Count
    score: ScoreRound
    iterations: int
    population_size: int
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
            self.populations = [Population(budgets, self.population_size) for budgets in self.budget_sets]

    @property
    def best(self) -> Candidate:
        """The highest score of all populations."""
        return max((p.best for p in self.populations if p.best), key=lambda c: (c.score, -c.id))

    @property
    def finished(self) -> bool:
        """Whether all iterations are done."""
        return self.iteration >= self.iterations

    def begin(self, starts: Sequence[tuple[SuperBlock, ...]]) -> list[Candidate]:
        """Score the starting networks and found the populations."""
        unique = list(dict.fromkeys(starts))
        proposals = [_Proposal(0, _NO_PARENT, (), blocks, self.count(blocks)) for blocks in unique]
        self.seen.update(unique)
        return self._enter(proposals)

    def step(self) -> list[Candidate]:
        """One round; returns the candidates that were scored, in order."""
        return self._enter(list(self._propose()))

    def _propose(self) -> Iterator[_Proposal]:
        size = min(self.round_size, self.iterations - self.iteration)
        rng = np.random.default_rng([self.seed, self.iteration])
        rows = rng.random((size, OFFSPRING_DRAWS + 1)).tolist()
        populations = [p for p in self.populations if p.heap]
        space, count, seen = self.space, self.count, self.seen
        for row in rows:
            iteration = self.iteration = self.iteration + 1
            draws = iter(row)
            parent = populations[iteration % len(populations)].pick(next(draws))
            rho = mutation_probability(iteration, self.iterations)
            mutations = draw_offspring(parent.super_blocks, rho, space, draws)
            blocks = applied(mutations, parent.super_blocks)
            layers = count_layers(blocks)
            if not any(depth_within(layers, budgets) for budgets in self.budget_sets) or blocks in seen:
                continue
            costs = count(blocks)
            if any(within(costs, budgets) for budgets in self.budget_sets):
                seen.add(blocks)
                yield _Proposal(iteration, parent, mutations, blocks, costs)

    def _enter(self, proposals: list[_Proposal]) -> list[Candidate]:
        scores = self.score([p.super_blocks for p in proposals]) if proposals else []
        entered = []
        for proposal, score in zip(proposals, scores, strict=True):
            if isinstance(score, Failure):
                self.failed += 1
                self.failures.append((proposal.iteration, proposal.super_blocks, score.reason))
                continue
            candidate = Candidate(
                self.scored,
                proposal.iteration,
                proposal.parent.id,
                proposal.mutations,
                proposal.super_blocks,
                score,
                proposal.costs,
            )
            self.scored += 1
            for population in self.populations:
                population.offer(candidate)
            entered.append(candidate)
        return entered


_NO_PARENT = Candidate(-1, 0, -1, (), (), 0.0, Costs(0, 0, 0, 0, 0))
