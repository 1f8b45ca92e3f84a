"""Zen-NAS (Algorithm 2): offspring of uniformly drawn parents; the best `population` networks are the parents.

The paper drops an offspring that exceeds the budgets. `evolution` fits every offspring to them
(`zennas.spaces.fitting`), which finds better networks in as many iterations; `zen-nas` does as the paper does.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from zennas.counting.quantities import QUANTITIES
from zennas.searching.algorithms.algorithm import Algorithm, Offspring, Problem, Proposal, Round
from zennas.searching.algorithms.registry import register_algorithm
from zennas.searching.population import Candidate
from zennas.spaces.fitting import FIT_DRAWS
from zennas.spaces.operators import offspring_draws


def mutation_probabilities(proposed: Sequence[int], iterations: int) -> npt.NDArray[np.float64]:
    """ρ of Algorithm 2: falls from 1 to 0.1 over the first half, then stays.

    Args:
        proposed: numbers of proposals.
        iterations: of the whole search.
    """
    remaining: npt.NDArray[np.float64] = np.maximum(0, iterations - 2 * np.array(proposed)) / iterations
    return remaining + 0.1 * (1 - remaining)


@register_algorithm("zen-nas")
class ZenNas(Algorithm):
    """The paper's search. The populations of a frontier take turns."""

    fits = False
    """Whether offspring are fitted to the budgets of the population that their parents are from."""

    def breed(self, round: Round) -> Offspring:
        """Offspring of parents that are drawn uniformly from a population."""
        filled = [number for number, population in enumerate(round.populations) if population.heap]
        draws = round.rng.random((round.size, 1 + offspring_draws()))
        sets = [filled[i % len(filled)] for i in round.iterations]
        parents = [round.populations[which].pick(u) for which, u in zip(sets, draws[:, 0].tolist(), strict=True)]
        return self.offspring_of(round, parents, sets, draws[:, 1:])

    def offspring_of(
        self, round: Round, parents: Sequence[Candidate], sets: Sequence[int], draws: npt.NDArray[np.float64]
    ) -> Offspring:
        """A round's offspring of given parents.

        Args:
            round: which.
            parents: of each proposal.
            sets: number of the set of budgets that each is fitted to, if any is.
            draws: of each try of each, `offspring_draws()` uniform numbers in [0, 1).
        """
        return Offspring(
            parents,
            mutation_probabilities(round.iterations, self.problem.iterations).tolist(),
            draws,
            np.array(sets) if self.fits else None,
            round.rng.random((len(draws), FIT_DRAWS)) if self.fits else None,
            len(draws) // len(parents),
        )

    def propose(self, round: Round) -> Iterator[Proposal]:
        """The offspring of `breed`."""
        return self.breed(round).proposals(self.problem)


@register_algorithm("evolution")
class Evolution(ZenNas):
    """The paper's search, with every offspring fitted to the budgets, unless one of them is predicted: a dozen
    predictions an offspring would take too long."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        budgets = [budget for budgets in problem.budget_sets for budget in budgets]
        self.fits = not any(QUANTITIES[budget.quantity].predicted for budget in budgets)
