"""Chains of many networks as rows of numbers, and scores that are computed from them.

A round of a search has them at hand where its core is compiled; a score that reads them needs no super-blocks.
"""

from abc import ABC, abstractmethod
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

C_IN, C_OUT, KERNEL, STRIDE, GROUPS, KIND, HEIGHT, WIDTH, COLUMNS = range(9)
"""Columns of a row, and their number: KIND is one of `zennas.blocks.tracing` below `EXCITE`; HEIGHT and WIDTH
are those of the map that comes in."""

PLACE, FAN_IN, GATE_OUT, GATE_COLUMNS = range(4)
"""Columns of a gate's row, one for each of its convolutions, and their number: PLACE is the number of the row of the
main path that it stands before, FAN_IN the values that enter one of its GATE_OUT outputs along a line: k·c / groups."""


class NetworkRows(NamedTuple):
    """Rows of networks, one network after another.

    Attributes:
        rows: of the main paths.
        starts: first of these rows of each network, and their number.
        gates: rows of the gates.
        gate_starts: first of these rows of each network, and their number.
    """

    rows: Integers
    starts: Integers
    gates: Integers
    gate_starts: Integers


@dataclass(frozen=True, slots=True)
class Chains:
    """Main paths of the networks of a round.

    Attributes:
        rows: of all of them, one after another.
        starts: first row of each, and the number of rows.
        ends: of each network, the rows of its chain after each super-block; one line a network.
        lengths: super-blocks of each.
        parents: id of the candidate that each is an offspring of.
        unchanged: super-blocks from the input on that each has in common with its parent.
    """

    rows: Integers
    starts: Integers
    ends: Integers
    lengths: Integers
    parents: Integers
    unchanged: Integers


@dataclass(frozen=True, slots=True)
class DecoratedChains(Chains):
    """Main paths of the networks of a round, and what a network has beside its main path.

    Attributes:
        gates: rows of all gates, one after another.
        gate_starts: first of these rows of each network, and their number.
        params: of each network, with the classifier.
        flops: multiply-adds of each network, with the classifier.
    """

    gates: Integers
    gate_starts: Integers
    params: npt.NDArray[np.float64]
    flops: npt.NDArray[np.float64]

    @property
    def networks(self) -> NetworkRows:
        """Main paths and gates."""
        return NetworkRows(self.rows, self.starts, self.gates, self.gate_starts)


class ChainScorer(ABC):
    """Scores the rounds of one search from chains."""

    @abstractmethod
    def score(self, chains: DecoratedChains) -> list[float]:
        """The scores of a round's networks, in order; they do not depend on what was kept."""

    def keep(self, ids: Mapping[int, int], alive: Container[int]) -> None:  # noqa: B027  (most have nothing to keep)
        """Learn which networks may become parents, so that what they share with their offspring is computed once.

        Args:
            ids: of networks of the last round that became candidates, by their place in it.
            alive: ids of all candidates that may be parents.
        """
