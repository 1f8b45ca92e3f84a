"""Gradient-boosted trees on a network's totals. No torch, no scikit-learn once they are learned."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zennas.architecture.model import SuperBlock
from zennas.input_size import Resolution, positions
from zennas.latency.arrays import arrays_from_json, arrays_to_json, exponential
from zennas.latency.convolutions import kinds_from_json
from zennas.latency.layers import KINDS, network_layers, unseen_kind

_TOTALS = 4


def total_features(
    super_blocks: tuple[SuperBlock, ...], resolution: Resolution, num_classes: int, kinds: tuple[str, ...] = KINDS
) -> NDArray[np.float64]:
    """Logarithms of the layers, multiply-adds, values moved and weights of each kind of layer, then of all.

    Args:
        super_blocks: of a network.
        resolution: size of the input.
        num_classes: outputs of its classifier.
        kinds: the kinds of layer that are told apart, in the order of the features.

    Raises:
        LatencyError: a layer is of another kind.
    """
    totals = np.zeros((len(kinds) + 1, _TOTALS))
    for layer, count in network_layers(super_blocks, resolution, num_classes):
        written = positions(layer.out_resolution)
        weights = layer.kernel**2 * layer.in_channels // layer.groups * layer.out_channels
        moved = layer.in_channels * positions(layer.resolution) + layer.out_channels * written
        row = [count, count * weights * written, count * moved, count * weights]
        if layer.kind not in kinds:
            raise unseen_kind(layer.kind, kinds)
        totals[kinds.index(layer.kind)] += row
        totals[-1] += row
    return np.log1p(totals).ravel()


class Trees:
    """Seconds an image by a sum of regression trees on `total_features`.

    Attributes:
        base: what the trees' values are added to; the sum is the logarithm of seconds.
        feature: of each node of all trees, the feature that it asks for; a leaf points to itself.
        threshold: at most this goes left.
        left: node on the left.
        right: node on the right.
        value: what a leaf adds.
        roots: first node of each tree.
        depth: steps from a root that surely reach a leaf.
        kinds: the kinds of layer that it was fitted on, in the order of the features.
    """

    name = "trees"

    def __init__(
        self,
        base: float,
        nodes: NDArray[np.float64],
        roots: NDArray[np.intp],
        depth: int,
        resolution: Resolution,
        num_classes: int,
        kinds: Sequence[str] = KINDS,
    ) -> None:
        self.base, self.nodes, self.roots, self.depth = base, nodes, roots, depth
        self.feature, self.left, self.right = (nodes[i].astype(np.intp) for i in (0, 2, 3))
        self.threshold, self.value = nodes[1], nodes[4]
        self.resolution, self.num_classes, self.kinds = resolution, num_classes, tuple(kinds)

    def predict(self, super_blocks: tuple[SuperBlock, ...]) -> float:
        """Seconds an image of a network."""
        # The trees were grown on float32 features.
        row = total_features(super_blocks, self.resolution, self.num_classes, self.kinds).astype(np.float32)
        node = self.roots
        for _ in range(self.depth):
            node = np.where(row[self.feature[node]] <= self.threshold[node], self.left[node], self.right[node])
        with np.errstate(over="ignore", invalid="ignore"):  # a damaged file's values; what comes out is checked
            return exponential(self.base + float(self.value[node].sum()))

    def parameters(self) -> dict[str, Any]:
        """Plain values, for the predictor's file."""
        return {
            "base": self.base,
            "nodes": arrays_to_json([self.nodes])[0],
            "roots": self.roots.tolist(),
            "depth": self.depth,
            "kinds": list(self.kinds),
        }

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any], resolution: Resolution, num_classes: int) -> "Trees":
        """The model of plain values.

        Args:
            parameters: what `parameters` gives.
            resolution: size of the networks' input.
            num_classes: outputs of their classifier.

        Raises:
            ValueError, KeyError, TypeError: they are damaged.
        """
        nodes = arrays_from_json([parameters["nodes"]], 2)[0]
        roots = arrays_from_json([parameters["roots"]], 1)[0]
        kinds = kinds_from_json(parameters)
        features = _TOTALS * (len(kinds) + 1)
        inside = len(nodes) == 5 and nodes.shape[1] > 0 and len(roots) > 0
        if not inside or nodes[0].max() >= features or max(nodes[2:4].max(), roots.max()) >= nodes.shape[1]:
            raise ValueError("the trees' nodes do not fit together")
        if min(nodes[0].min(), nodes[2:4].min(), roots.min()) < 0:
            raise ValueError("the trees' nodes do not fit together")
        base, depth = float(parameters["base"]), int(parameters["depth"])
        if not math.isfinite(base) or not 0 <= depth <= 64:
            raise ValueError("base or depth out of range")
        return cls(base, nodes, roots.astype(np.intp), depth, resolution, num_classes, kinds)
