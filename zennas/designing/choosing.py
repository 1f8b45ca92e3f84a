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
    space: Space, worth: Sequence[float], count: int, apart: float, taken: Sequence[int] = (), only: Sequence[int] = ()
) -> list[Chosen]:
    """Choose networks.

    Args:
        space: all networks.
        worth: of each of them, the more the better.
        count: networks to choose; fewer are chosen where no more are different.
        apart: smallest distance of two, in layers; it is halved where too few are so far apart.
        taken: numbers of networks that are there already, and are not chosen.
        only: numbers of those that may be chosen; by default all.
    """
    values = np.full(len(space), -np.inf)
    allowed = list(only) or list(range(len(space)))
    values[allowed] = np.asarray(worth, dtype=np.float64)[allowed]
    nearest = np.full(len(space), np.inf)
    for number in taken:
        nearest = np.minimum(nearest, space.distances(number))
    chosen: list[Chosen] = []
    while len(chosen) < count:
        number = _best(values, nearest, apart)
        if number is None:
            if apart <= NEAREST:
                break
            apart = max(NEAREST, apart / 2)
            continue
        chosen.append(Chosen(number, float(nearest[number])))
        nearest = np.minimum(nearest, space.distances(number))
    return chosen


def _best(values: NDArray[np.float64], nearest: NDArray[np.float64], apart: float) -> int | None:
    """The first network of the highest value among those that are far enough."""
    far = np.where(nearest >= apart, values, -np.inf)
    number = int(np.argmax(far))
    return None if far[number] == -np.inf else number
