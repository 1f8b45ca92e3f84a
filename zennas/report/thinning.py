"""Which candidates of a long search a page draws: all that can be told apart, and a sample of the rest."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zennas.counting import QUANTITIES
from zennas.searching.population import Candidate

MOST_DRAWN = 20_000
"""Candidates of a page, over all its runs."""
BINS = 512
"""Columns of a scatter chart, some two pixels wide, in which the highest and lowest score are drawn; a power of two."""
SEED = 0

Numbers = NDArray[Any]


@dataclass
class Columns:
    """Numbers of every candidate, in order: 8 bytes each, where a candidate with its network takes a thousand.

    Attributes:
        parents: ids; −1 where there is none.
        costs: by quantity; not a number where a cost is not known.
    """

    scores: "array[float]" = field(default_factory=lambda: array("d"))
    parents: "array[int]" = field(default_factory=lambda: array("q"))
    costs: "dict[str, array[float]]" = field(default_factory=lambda: {name: array("d") for name in QUANTITIES})

    def noting(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """The same candidates, each noted down on its way."""
        for candidate in candidates:
            self.scores.append(candidate.score)
            self.parents.append(candidate.parent)
            for name, values in self.costs.items():
                value = getattr(candidate.costs, name)
                values.append(float("nan") if value is None else value)
            yield candidate

    def line(self, number: int) -> list[int]:
        """A candidate and its ancestors, the youngest first."""
        line = [number]
        while self.parents[line[-1]] >= 0:
            line.append(self.parents[line[-1]])
        return line


def drawn(columns: Columns, winners: Sequence[int], most: int = MOST_DRAWN) -> list[int]:
    """Ids of the candidates that a page draws, in order.

    All of them up to `most`. Of more, those without which a chart would look otherwise: the winners with all their
    ancestors, and for each cost the highest and lowest score and the frontier (the highest score at no more than each
    cost) in each column of the chart. The rest is a uniform sample, so that dense places look dense; the same each
    time, and what is drawn of fewer is drawn of more.

    Args:
        columns: scores, parents and costs of all candidates.
        winners: ids.
        most: candidates to draw. There are more only where the winners have more ancestors.
    """
    scores = np.array(columns.scores)
    if len(scores) <= most:
        return list(range(len(scores)))
    kept = np.zeros(len(scores), bool)
    for winner in winners:
        kept[columns.line(winner)] = True
    seen = _seen(columns, scores, most // 2)
    kept[seen] = True
    others = np.flatnonzero(~kept)
    room = max(0, most - int(kept.sum()))
    # In one order whatever the room is: of fewer all are among those of more.
    kept[np.random.default_rng(SEED).permutation(others)[:room]] = True
    return [int(number) for number in np.flatnonzero(kept)]


def _seen(columns: Columns, scores: Numbers, most: int) -> Numbers:
    """Ids at the edges of the clouds and on their frontiers, in as many columns of a chart as give `most` of them."""
    bins, costs = BINS, [np.array(values) for values in columns.costs.values()]
    while True:
        seen = np.unique(np.concatenate([_edges(values, scores, bins) for values in costs]))
        if len(seen) <= most or bins == 1:
            return seen
        # Halved, so that an edge of the wider columns is one of the narrower, too.
        bins //= 2


def _edges(costs: Numbers, scores: Numbers, bins: int) -> Numbers:
    """Of a scatter of scores over costs, ids of the lowest and highest score, the first and last of the frontier in
    each column of the chart, and of the lowest and highest cost. The frontier: what scores higher than all others of no
    higher cost."""
    known = np.flatnonzero(~np.isnan(costs))
    if not len(known):
        return known
    costs, scores = costs[known], scores[known]
    low, high = float(costs.min()), float(costs.max())
    column = np.minimum(((costs - low) / (high - low or 1) * bins).astype(np.int64), bins - 1)
    by_score = np.lexsort((scores, column))
    by_cost = np.lexsort((-scores, costs))
    highest_before = np.concatenate(([-np.inf], np.maximum.accumulate(scores[by_cost])[:-1]))
    frontier = by_cost[scores[by_cost] > highest_before]
    ends = [_first_and_last(order, column[order]) for order in (by_score, frontier)]
    return known[np.concatenate((*ends, [costs.argmin(), costs.argmax()]))]


def _first_and_last(order: Numbers, column: Numbers) -> Numbers:
    """Of places in order of their column, the first and the last of each column."""
    first = np.flatnonzero(np.diff(column, prepend=-1))
    last = np.append(first[1:], len(order)) - 1
    return np.concatenate((order[first], order[last]))


def only(candidates: Iterable[Candidate], numbers: Iterable[int]) -> Mapping[int, Candidate]:
    """Those of the candidates that have one of the ids, by id."""
    wanted = set(numbers)
    return {candidate.id: candidate for candidate in candidates if candidate.id in wanted}
