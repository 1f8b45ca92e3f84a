"""Regularized evolution (Real et al. 2019, Algorithm 1): the best of a random sample has offspring, the oldest dies."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from zennas.counting.budgets import within
from zennas.searching.algorithms.algorithm import Algorithm, Offspring, Problem, Proposal, Round, founder
from zennas.searching.algorithms.registry import register_algorithm
from zennas.searching.algorithms.walk import RandomWalk
from zennas.searching.population import Candidate
from zennas.spaces.operators import offspring_draws

SAMPLE = 25
"""Candidates of which the best becomes a parent; S of Real et al."""
RHO = 0.5
"""Probability that a mutation draws a block type."""


@register_algorithm("regularized")
class RegularizedEvolution(Algorithm):
    """Evolution in which candidates die of age. It begins with as many random networks as the population holds, though
    with no more than a tenth of all iterations. A frontier has a population for each set of budgets."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.walks = [RandomWalk(problem, budgets) for budgets in problem.budget_sets]
        self.living: list[deque[Candidate]] = [deque(maxlen=problem.population_size) for _ in problem.budget_sets]
        self.random = min(len(self.living) * problem.population_size, problem.iterations // 10)

    def breed(self, round: Round) -> Offspring | None:
        """Offspring of the best of samples, once the random networks are there."""
        return self._breed(round, self._draws(round)) if round.iteration >= self.random else None

    def propose(self, round: Round) -> Iterator[Proposal]:
        """Random networks at first, then offspring of the best of samples; the populations take turns."""
        draws = self._draws(round)
        first = min(max(0, self.random - round.iteration), round.size)
        for iteration, row in enumerate(draws[:first].tolist(), start=round.iteration + 1):
            yield founder(self.walks[iteration % len(self.walks)].step(iter(row), round.rng))
        rest = replace(round, iteration=round.iteration + first, size=round.size - first)
        yield from self._breed(rest, draws[first:]).proposals(self.problem)

    def _draws(self, round: Round) -> npt.NDArray[np.float64]:
        return round.rng.random((round.size, SAMPLE + offspring_draws()))

    def _breed(self, round: Round, draws: npt.NDArray[np.float64]) -> Offspring:
        parents = []
        for iteration, row in enumerate(draws[:, :SAMPLE].tolist(), start=round.iteration + 1):
            living = self.living[iteration % len(self.living)]
            sample = [living[int(u * len(living))] for u in row]
            parents.append(max(sample, key=lambda candidate: candidate.score))
        return Offspring(parents, [RHO] * round.size, draws[:, SAMPLE:])

    def tell(self, candidates: Sequence[Candidate]) -> None:
        """Take the candidates in; as many of the oldest die."""
        for living, budgets in zip(self.living, self.problem.budget_sets, strict=True):
            living.extend(candidate for candidate in candidates if within(candidate.costs, budgets))

    def state(self) -> dict[str, Any]:
        """The populations, the oldest first, and where the walks are."""
        return {
            "living": [[candidate.id for candidate in living] for living in self.living],
            "walks": [walk.state() for walk in self.walks],
        }

    def restore(self, state: dict[str, Any], candidates: Sequence[Candidate]) -> None:
        """Bring the populations back to life."""
        for living, ids in zip(self.living, state["living"], strict=True):
            living.clear()
            living.extend(candidates[number] for number in ids)
        for walk, place in zip(self.walks, state["walks"], strict=True):
            walk.restore(place)
