"""Chains of many networks as rows of numbers, and scores that are computed from them.

A round of a search has them at hand where its core is compiled; a score that reads them needs no super-blocks.
"""

from abc import ABC, abstractmethod
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from zennas.blocks.tracing import EXCITE

Integers = npt.NDArray[np.int64]

C_IN, C_OUT, KERNEL, STRIDE, GROUPS, KIND, HEIGHT, WIDTH, COLUMNS = range(9)
"""Columns of a row, and their number: KIND is one of `zennas.blocks.tracing` up to `EXCITE`; HEIGHT and WIDTH are those
of the map that comes in, 1 for a gate, of which each convolution is a row."""


@dataclass(frozen=True, slots=True)
class Chains:
    """Main paths of the networks of a round, with the gates at their places.

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

    def without_gates(self) -> "Chains":
        """The main paths alone, which are what the Zen-score measures."""
        path = self.rows[:, KIND] != EXCITE
        if path.all():
            return self
        before = np.concatenate([[0], np.cumsum(path)])
        # What stands behind a network's last super-block is of no network.
        ends = before[np.clip(self.ends, 0, len(path))]
        return replace(self, rows=self.rows[path], starts=before[self.starts], ends=ends)


@dataclass(frozen=True, slots=True)
class CountedChains(Chains):
    """Chains of whole networks, with what they cost.

    Attributes:
        params: of each, with the classifier.
        flops: multiply-adds of each, with the classifier.
    """

    params: npt.NDArray[np.float64]
    flops: npt.NDArray[np.float64]


class ChainScorer(ABC):
    """Scores the rounds of one search from chains."""

    @abstractmethod
    def score(self, chains: CountedChains) -> list[float]:
        """The scores of a round's networks, in order; they do not depend on what was kept."""

    def keep(self, ids: Mapping[int, int], alive: Container[int]) -> None:  # noqa: B027  (most have nothing to keep)
        """Learn which networks may become parents, so that what they share with their offspring is computed once.

        Args:
            ids: of networks of the last round that became candidates, by their place in it.
            alive: ids of all candidates that may be parents.
        """
