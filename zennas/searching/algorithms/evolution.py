"""Zen-NAS (Algorithm 2): offspring of uniformly drawn parents; the best `population` networks are the parents."""

from collections.abc import Iterator

from zennas.searching.algorithms.algorithm import Algorithm, Offspring, Proposal, Round
from zennas.searching.algorithms.registry import register_algorithm
from zennas.spaces.operators import offspring_draws


def mutation_probability(iteration: int, iterations: int) -> float:
    """ρ of Algorithm 2: falls from 1 to 0.1 over the first half, then stays."""
    if iteration < iterations / 2:
        remaining = (iterations - 2 * iteration) / iterations
        return remaining + 0.1 * (1 - remaining)
    return 0.1


@register_algorithm("evolution")
class Evolution(Algorithm):
    """The paper's search. The populations of a frontier take turns."""

    def breed(self, round: Round) -> Offspring:
        """Offspring of parents that are drawn uniformly from a population."""
        iterations = self.problem.iterations
        populations = [population for population in round.populations if population.heap]
        draws = round.rng.random((round.size, 1 + offspring_draws()))
        numbers = range(round.iteration + 1, round.iteration + 1 + round.size)
        return Offspring(
            [populations[i % len(populations)].pick(u) for i, u in zip(numbers, draws[:, 0].tolist(), strict=True)],
            [mutation_probability(i, iterations) for i in numbers],
            draws[:, 1:],
        )

    def propose(self, round: Round) -> Iterator[Proposal]:
        """The offspring of `breed`."""
        return self.breed(round).proposals(self.problem.space)
