"""How far two networks are from each other: what it takes to make one of the other, layer by layer.

A network is the sequence of its layers, a super-block of n layers being n of them. The distance is the cheapest way to
turn one sequence into the other, where to add or take away a layer costs 1, and to change one costs

    ½·|log₂ of the widths' ratio| + ½·|log₂ of the inner widths' ratio| + ½·[another kind] + 1·[another stride];

the kind is block type, kernel, expansion, group width and squeeze-excitation. So a layer of twice the width, inside and
outside, is as far away as a layer more. It is a metric on sequences of layers (an edit distance by Levenshtein whose
changes cost a metric): 0 for networks that differ in nothing but where super-blocks are split.
"""

from collections.abc import Sequence
from math import log2

import numpy as np
from numpy.typing import NDArray

from zennas.architecture.model import SuperBlock

Layers = Sequence[tuple[float, float, int, int]]
"""Of each layer: log₂ of its width, log₂ of its inner width, the number of its kind, its stride."""


class Space:
    """Networks as sequences of layers, to be compared with each other.

    Args:
        networks: their super-blocks.
    """

    def __init__(self, networks: Sequence[tuple[SuperBlock, ...]]) -> None:
        kinds: dict[tuple[object, ...], int] = {}
        sequences = [_layers(blocks, kinds) for blocks in networks]
        self._lengths = np.array([len(layers) for layers in sequences])
        # Shorter networks are filled up by layers that are never looked at.
        longest = int(self._lengths.max(initial=1))
        self._layers = np.zeros((len(sequences), longest, 4))
        for row, layers in zip(self._layers, sequences, strict=True):
            row[: len(layers)] = layers

    def __len__(self) -> int:
        return len(self._lengths)

    def distances(self, number: int) -> NDArray[np.float64]:
        """Distances of all networks from one of them, by its number."""
        one = self._layers[number, : self._lengths[number]]
        columns = np.arange(self._layers.shape[1] + 1.0)
        # What it takes to make the first j layers of each network of the first i layers of this one, row by row.
        before = np.broadcast_to(columns, (len(self), len(columns)))
        for count, layer in enumerate(one, start=1):
            row = np.empty_like(before)
            row[:, 0] = count
            row[:, 1:] = np.minimum(before[:, 1:] + 1, before[:, :-1] + _changes(layer, self._layers))
            # Layers added one after another cost 1 each: the running minimum of what is left without them.
            before = np.minimum.accumulate(row - columns, axis=1) + columns
        distances: NDArray[np.float64] = before[np.arange(len(self)), self._lengths]
        return distances


def distance(one: tuple[SuperBlock, ...], other: tuple[SuperBlock, ...]) -> float:
    """The distance of two networks, each as its super-blocks; a layer is 1."""
    return float(Space((one, other)).distances(0)[1])


def _layers(blocks: tuple[SuperBlock, ...], kinds: dict[tuple[object, ...], int]) -> Layers:
    layers = []
    for block in blocks:
        kind = block.block, block.kernel, block.expansion, block.group_width, block.se
        number = kinds.setdefault(kind, len(kinds))
        widths = log2(block.out_channels), log2(block.bottleneck or block.out_channels)
        layers += [(*widths, number, block.stride if place == 0 else 1) for place in range(block.layers)]
    return layers


def _changes(layer: NDArray[np.float64], layers: NDArray[np.float64]) -> NDArray[np.float64]:
    """What it costs to make each of the layers of one."""
    widths = np.abs(layers[..., :2] - layer[:2]).sum(-1)
    changes: NDArray[np.float64] = 0.5 * (widths + (layers[..., 2] != layer[2])) + (layers[..., 3] != layer[3])
    return changes
