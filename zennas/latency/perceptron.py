"""The paper's predictor (Section 5.3): a 10-layer perceptron on the encoded architecture. No torch."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zennas.architecture.model import SuperBlock
from zennas.input_size import Resolution, mean_side
from zennas.latency.arrays import arrays_from_json, arrays_to_json, exponential
from zennas.latency.convolutions import check_forward, forward
from zennas.latency.layers import super_block_layers

DEPTH = 10
SLOTS = 16
_SLOT_FIELDS = 9


def encode(super_blocks: tuple[SuperBlock, ...], resolution: Resolution, blocks: Sequence[str]) -> NDArray[np.float64]:
    """A vector: for each of `SLOTS` super-blocks its type among `blocks`, widths, kernel, depth and resolution.

    Where there are more super-blocks than slots, the layers of those beyond count to the last slot.

    Args:
        super_blocks: the network.
        resolution: size of the input.
        blocks: block types, each with a place in the vector.
    """
    width = len(blocks) + _SLOT_FIELDS
    vector = np.zeros((SLOTS, width))
    for index, block in enumerate(super_blocks):
        slot = min(index, SLOTS - 1)
        if slot == index:
            if block.block in blocks:
                vector[slot, blocks.index(block.block)] = 1.0
            vector[slot, len(blocks) :] = [
                math.log(block.in_channels), math.log(block.out_channels), math.log(max(1, block.bottleneck)),
                math.log(block.kernel), math.log(mean_side(resolution)), block.stride, block.expansion,
                math.log1p(block.group_width), 0.0,
            ]  # fmt: skip
        vector[slot, -1] += block.layers
        resolution = super_block_layers(block, resolution)[1]
    return vector.ravel()


class Perceptron:
    """Seconds an image by a perceptron on `encode`.

    Attributes:
        blocks: block types in the order of their code.
        weights: matrices from the encoding to one output, the logarithm of seconds.
        biases: one vector each.
    """

    name = "perceptron"

    def __init__(
        self,
        blocks: Sequence[str],
        weights: Sequence[NDArray[np.float64]],
        biases: Sequence[NDArray[np.float64]],
        resolution: Resolution,
    ) -> None:
        self.blocks = list(blocks)
        self.weights = list(weights)
        self.biases = list(biases)
        self.resolution = resolution

    def predict(self, super_blocks: tuple[SuperBlock, ...]) -> float:
        """Seconds an image of a network."""
        row = encode(super_blocks, self.resolution, self.blocks)[None]
        return exponential(min(float(forward(row, self.weights, self.biases)[0, 0]), 50.0))

    def parameters(self) -> dict[str, Any]:
        """Plain values, for the predictor's file."""
        return {
            "blocks": self.blocks,
            "weights": arrays_to_json(self.weights),
            "biases": arrays_to_json(self.biases),
        }

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any], resolution: Resolution, num_classes: int) -> "Perceptron":
        """The model of plain values.

        Args:
            parameters: what `parameters` gives.
            resolution: size of the networks' input.
            num_classes: outputs of their classifier.

        Raises:
            ValueError, KeyError, TypeError: they are damaged.
        """
        blocks = [str(block) for block in parameters["blocks"]]
        weights = arrays_from_json(parameters["weights"], 2)
        biases = arrays_from_json(parameters["biases"], 1)
        check_forward(weights, biases, SLOTS * (len(blocks) + _SLOT_FIELDS))
        return cls(blocks, weights, biases, resolution)
