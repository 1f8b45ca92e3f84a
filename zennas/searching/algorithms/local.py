"""Local search: steepest ascent over single mutations, from one random network after another."""

from collections.abc import Iterator, Sequence
from typing import Any

from zennas.counting.budgets import Budget, within
from zennas.searching.algorithms.algorithm import Algorithm, Problem, Proposal, Round, founder, offspring
from zennas.searching.algorithms.registry import register_algorithm
from zennas.searching.algorithms.walk import STEPS, RandomWalk
from zennas.searching.population import Candidate
from zennas.spaces.mutation import draw_mutation
from zennas.spaces.operators import offspring_draws

NEIGHBOURS = 256
"""Mutations of a network that are tried before the ascent goes on or ends."""
RHO = 0.5
"""Probability that a mutation draws a block type."""


class Climb:
    """One ascent after another within one set of budgets.

    Attributes:
        top: where the ascent is; `None` while a random walk looks for a place to set out from.
        better: the best network met since then that the ascent may go on with.
        tried: proposals since then.
    """

    def __init__(self, problem: Problem, budgets: Sequence[Budget]) -> None:
        self._space, self._budgets = problem.space, budgets
        self.walk = RandomWalk(problem, budgets)
        self.top: Candidate | None = None
        self.better: Candidate | None = None
        self.tried = 0

    def propose(self, draws: Iterator[float], round: Round) -> Proposal:
        """A mutation of the top, or, without one, the next step of the walk."""
        self.tried += 1
        if self.top is None:
            return founder(self.walk.step(draws, round.rng))
        return offspring(self.top, (draw_mutation(self.top.super_blocks, RHO, self._space, draws),))

    def tell(self, candidates: Sequence[Candidate]) -> None:
        """Go up to the best of the neighbours once enough were tried; where none is better, set out anew."""
        parent = -1 if self.top is None else self.top.id
        for candidate in candidates:
            bar = self.better or self.top
            if (
                candidate.parent == parent
                and (bar is None or candidate.score > bar.score)
                and within(candidate.costs, self._budgets)
            ):
                self.better = candidate
        if self.top is None:
            # The start of the search is told before anything is proposed; a walk that has not found a network within
            # the budgets goes on until it has.
            if self.better is not None and (self.tried == 0 or self.tried >= STEPS):
                self._go_to(self.better)
        elif self.tried >= NEIGHBOURS:
            self._go_to(self.better)

    def _go_to(self, top: Candidate | None) -> None:
        self.top, self.better, self.tried = top, None, 0
        if top is None:
            self.walk.start_anew()


@register_algorithm("local")
class LocalSearch(Algorithm):
    """Steepest ascent: of `NEIGHBOURS` single mutations (Algorithm 3) of a network the best that improves it is next;
    where none does, the ascent sets out anew from the best network of a random walk. A frontier has an ascent for each
    set of budgets."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.climbs = [Climb(problem, budgets) for budgets in problem.budget_sets]

    def propose(self, round: Round) -> Iterator[Proposal]:
        """The next proposals of the ascents, which take turns."""
        for iteration, draws in enumerate(round.draws(offspring_draws()), start=round.iteration + 1):
            yield self.climbs[iteration % len(self.climbs)].propose(draws, round)

    def tell(self, candidates: Sequence[Candidate]) -> None:
        """Let every ascent go on."""
        for climb in self.climbs:
            climb.tell(candidates)

    def state(self) -> dict[str, Any]:
        """Where the ascents are."""
        return {"climbs": [[_id(c.top), _id(c.better), c.tried, c.walk.state()] for c in self.climbs]}

    def restore(self, state: dict[str, Any], candidates: Sequence[Candidate]) -> None:
        """Go on with the ascents."""
        for climb, (top, better, tried, walk) in zip(self.climbs, state["climbs"], strict=True):
            climb.top = None if top is None else candidates[top]
            climb.better = None if better is None else candidates[better]
            climb.tried = tried
            climb.walk.restore(walk)


def _id(candidate: Candidate | None) -> int | None:
    return None if candidate is None else candidate.id
