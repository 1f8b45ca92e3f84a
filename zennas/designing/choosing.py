"""The best of many networks that are different: greedy, so that each choice can be told.

The best comes first. Then, again and again, comes the best of those that are at least so far from all that were chosen,
and from those that are there already. Where none is, half the distance has to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zennas.designing.distance import Space

NEAREST = 0.25
"""Networks that are nearer than this, a half of a layer's kind, are not told apart."""


@dataclass(frozen=True)
class Chosen:
    """A choice.

    Attributes:
        number: of the network.
        nearest: distance to the nearest of those chosen before and those there already; infinite for the first.
    """

    number: int
    nearest: float


def choose(
    space: Space,
    worth: Sequence[float],
    count: int,
    apart: float,
    taken: Sequence[int] = (),
    pools: Sequence[Sequence[int]] = (),
) -> list[Chosen]:
    """Choose networks.

    Args:
        space: all networks.
        worth: of each of them, the more the better; compared within a pool alone.
        count: networks to choose; fewer are chosen where no more are different.
        apart: smallest distance of two, in layers; it is halved where too few are so far apart.
        taken: numbers of networks that are there already.
        pools: numbers of those that may be chosen, in groups that take turns; by default all in one.
    """
    values = []
    for pool in pools or [range(len(space))]:
        values.append(np.full(len(space), -np.inf))
        values[-1][list(pool)] = np.asarray(worth, dtype=np.float64)[list(pool)]
    nearest = np.full(len(space), np.inf)
    for number in taken:
        nearest = np.minimum(nearest, space.distances(number))
    chosen: list[Chosen] = []
    turn = missed = 0
    while len(chosen) < count:
        best = _best(values[turn % len(values)], nearest, apart)
        turn += 1
        if best is not None:
            chosen.append(Chosen(best, float(nearest[best])))
            nearest, missed = np.minimum(nearest, space.distances(best)), 0
            continue
        missed += 1
        if missed < len(values):
            continue
        if apart <= NEAREST:
            break
        apart, missed = max(NEAREST, apart / 2), 0
    return chosen


def _best(values: NDArray[np.float64], nearest: NDArray[np.float64], apart: float) -> int | None:
    """The first network of the highest value among those that are far enough."""
    far = np.where(nearest >= apart, values, -np.inf)
    number = int(np.argmax(far))
    return None if far[number] == -np.inf else number
