"""Annealing (Kirkpatrick et al. 1983) of several networks at a time, of which fewer and fewer go on.

Each lineage is one network, which its offspring replaces where it is better, and now and then where it is worse: so
different divisions of depth are compared after their widths have been adapted to them, where the best of a common
population are soon all of one kind.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import exp
from operator import attrgetter
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from zennas.counting.budgets import within
from zennas.searching.algorithms.algorithm import Offspring, Problem, Round
from zennas.searching.algorithms.evolution import Evolution
from zennas.searching.algorithms.registry import register_algorithm
from zennas.searching.compiled.bred import iterations_and_scores
from zennas.searching.population import Candidate
from zennas.spaces.operators import offspring_draws

MOST, FEWEST = 16, 1
"""Lineages of each set of budgets at the start and in the end."""
HOT, COLD = 0.3, 0.003
"""Temperature at the start and in the end, in units of what an offspring's score typically differs by."""
COOLED = 0.9
"""Share of the iterations after which neither falls any further."""
MEMORY = 0.95
"""Of the unit: the weight of the rounds before against the last one."""
TRIES = 3
"""Of a proposal; its first network that is new and within budgets is kept. In the end two of three draws give none."""
TOGETHER = 0.6
"""Share of the changes and fits of a width or a bottleneck in which both change, the proportion kept: a block whose
bottleneck is as wide as its output has identity links, which the change of either alone would make convolutions."""
_SCORE, _ID = attrgetter("score"), attrgetter("id")


class _Turns(NamedTuple):
    """Which lineages the offspring of a round are of; an entry each.

    Attributes:
        first: number of the first proposal.
        sets: of budgets.
        places: of the lineages among those of the set.
        draws: by which each is taken though worse.
    """

    first: int
    sets: list[int]
    places: list[int]
    draws: list[float]


_NO_ROUND = _Turns(0, [], [], [])


@register_algorithm("annealing")
class Annealing(Evolution):
    """Lineages that accept worse networks, ever more seldom; the worst lineages end one after another. Offspring are
    fitted to the budgets as those of `evolution`, but most of what changes a width or a bottleneck changes both
    (`TOGETHER`). A frontier has lineages for each set of budgets.

    Attributes:
        lineages: for each set of budgets the networks that have offspring; none before the first round.
        unit: median difference in score between an offspring and its parent, smoothed over rounds; `None` before any.
    """

    settles = COOLED

    def __init__(self, problem: Problem) -> None:
        super().__init__(replace(problem, space=replace(problem.space, together=TOGETHER)))
        self.lineages: list[list[Candidate]] = [[] for _ in problem.budget_sets]
        self.unit: float | None = None
        self._temperature = 0.0
        self._turns = _NO_ROUND

    def breed(self, round: Round) -> Offspring:
        """Offspring of the lineages, which take turns."""
        cooled = min(1.0, round.iteration / (COOLED * self.problem.iterations))
        self._temperature = HOT * (COLD / HOT) ** cooled
        count = max(1, int(MOST * (FEWEST / MOST) ** cooled + 0.5))
        for number, population in enumerate(round.populations):
            living = self.lineages[number] or population.ranked()
            ranked = sorted(sorted(living, key=_ID), key=_SCORE, reverse=True)[:count]
            self.lineages[number] = [ranked[i % len(ranked)] for i in range(count)] if ranked else []
        filled = [number for number, living in enumerate(self.lineages) if living]
        taking = round.rng.random(round.size).tolist()
        draws = round.rng.random((round.size * TRIES, offspring_draws()))
        numbers = np.array(round.iterations)
        sets, places = np.array(filled)[numbers % len(filled)].tolist(), (numbers // len(filled) % count).tolist()
        self._turns = _Turns(round.iteration + 1, sets, places, taking)
        parents = [self.lineages[which][place] for which, place in zip(sets, places, strict=True)]
        return self.offspring_of(round, parents, sets, draws)

    def tell(self, candidates: Sequence[Candidate]) -> None:
        """Let offspring take their parents' places, and those of other islands that of the worst.

        The start of the search has no part here: lineages are founded on the populations.
        """
        first, sets, places, draws = self._turns
        differences = []
        for number, (iteration, score) in enumerate(iterations_and_scores(candidates)):
            turn = iteration - first
            if not 0 <= turn < len(draws):
                self._welcome(candidates[number])
                continue
            which, place = sets[turn], places[turn]
            living = self.lineages[which]
            difference = score - living[place].score
            differences.append(abs(difference))
            if self._taken(difference, draws[turn]):
                candidate = candidates[number]
                if within(candidate.costs, self.problem.budget_sets[which]):
                    living[place] = candidate
        self._turns = _NO_ROUND
        if differences:
            latest = median(differences)
            self.unit = latest if self.unit is None else MEMORY * self.unit + (1 - MEMORY) * latest

    def _welcome(self, guest: Candidate) -> None:
        for living, budgets in zip(self.lineages, self.problem.budget_sets, strict=True):
            worst = min(range(len(living)), key=lambda place: living[place].score, default=None)
            if worst is not None and living[worst].score < guest.score and within(guest.costs, budgets):
                living[worst] = guest

    def _taken(self, difference: float, draw: float) -> bool:
        if difference >= 0 or not self.unit:
            return difference >= 0
        return draw < exp(difference / (self.unit * self._temperature))

    def state(self) -> dict[str, Any]:
        """The lineages and the unit."""
        return {"lineages": [[candidate.id for candidate in living] for living in self.lineages], "unit": self.unit}

    def restore(self, state: dict[str, Any], candidates: Sequence[Candidate]) -> None:
        """Go on with the lineages."""
        self.lineages = [[candidates[number] for number in ids] for ids in state["lineages"]]
        self.unit = state["unit"]
