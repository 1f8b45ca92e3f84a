"""Tables of things that are drawn with given weights."""

from bisect import bisect
from collections.abc import Iterable
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


class WeightedTable(Generic[T]):
    """Things with weights, to be drawn in proportion to them.

    Attributes:
        items: the things whose weight is above 0.
        bounds: cumulative weights.
    """

    def __init__(self, rows: Iterable[tuple[T, float]]) -> None:
        drawn = [(item, weight) for item, weight in rows if weight > 0]
        self.items = [item for item, _ in drawn]
        self.bounds = list(accumulate(weight for _, weight in drawn))
        self._total, self._last = self.bounds[-1], len(drawn) - 1

    def pick(self, u: float) -> T:
        """The thing that a uniform draw `u` in [0, 1) selects."""
        return self.items[bisect(self.bounds, u * self._total, 0, self._last)]
