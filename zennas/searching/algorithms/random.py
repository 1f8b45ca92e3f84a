"""Random search: what is found without selection, to compare others with."""

from collections.abc import Iterator, Sequence
from typing import Any

from zennas.searching.algorithms.algorithm import Algorithm, Problem, Proposal, Round, founder
from zennas.searching.algorithms.registry import register_algorithm
from zennas.searching.algorithms.walk import RandomWalk
from zennas.searching.population import Candidate
from zennas.spaces.operators import offspring_draws


@register_algorithm("random")
class RandomSearch(Algorithm):
    """Networks along random walks within the budgets (`RandomWalk`); a frontier has a walk for each set of budgets."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.walks = [RandomWalk(problem, budgets) for budgets in problem.budget_sets]

    def propose(self, round: Round) -> Iterator[Proposal]:
        """The next steps of the walks, which take turns."""
        for iteration, draws in enumerate(round.draws(offspring_draws()), start=round.iteration + 1):
            yield founder(self.walks[iteration % len(self.walks)].step(draws, round.rng))

    def state(self) -> dict[str, Any]:
        """Where the walks are."""
        return {"walks": [walk.state() for walk in self.walks]}

    def restore(self, state: dict[str, Any], candidates: Sequence[Candidate]) -> None:
        """Go on with the walks."""
        for walk, place in zip(self.walks, state["walks"], strict=True):
            walk.restore(place)
