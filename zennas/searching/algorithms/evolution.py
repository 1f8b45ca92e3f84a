"""Zen-NAS (Algorithm 2): offspring of uniformly drawn parents; the best `population` networks are the parents."""

from collections.abc import Iterator

from zennas.searching.algorithms.algorithm import Algorithm, Proposal, Round, offspring
from zennas.searching.algorithms.registry import register_algorithm
from zennas.spaces.operators import draw_offspring, offspring_draws


def mutation_probability(iteration: int, iterations: int) -> float:
    """ρ of Algorithm 2: falls from 1 to 0.1 over the first half, then stays."""
    if iteration < iterations / 2:
        remaining = (iterations - 2 * iteration) / iterations
        return remaining + 0.1 * (1 - remaining)
    return 0.1


@register_algorithm("evolution")
class Evolution(Algorithm):
    """The paper's search. The populations of a frontier take turns."""

    def propose(self, round: Round) -> Iterator[Proposal]:
        """Offspring of parents that are drawn uniformly from a population."""
        space, iterations = self.problem.space, self.problem.iterations
        populations = [population for population in round.populations if population.heap]
        for iteration, draws in enumerate(round.draws(1 + offspring_draws()), start=round.iteration + 1):
            parent = populations[iteration % len(populations)].pick(next(draws))
            rho = mutation_probability(iteration, iterations)
            yield offspring(parent, draw_offspring(parent.super_blocks, rho, space, draws))
