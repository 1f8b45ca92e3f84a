"""The per-convolution model: a network's time is the sum of its layers', with a learned correction. No torch.

One small network gives the time of any layer; it learns from layers measured alone and from whole networks, of which
it is a part (`zennas.latency.learn`). What a super-block's layers add up to is kept, so that a search pays for what
a mutation changed alone.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zennas.architecture.model import MAX_CHANNELS, SuperBlock
from zennas.blocks.layers import TimedLayer
from zennas.input_size import Resolution, out_size
from zennas.latency.arrays import arrays_from_json, arrays_to_json, exponential
from zennas.latency.layers import KINDS, classifier, super_block_layers, unseen_kind

VECTOR_WIDTH = 16
_LOGS = [math.log(max(1, n)) for n in range(1 << 13)]
_MOST_CACHED = 1 << 18


def _log(number: int) -> float:
    return _LOGS[number] if number < 1 << 13 else math.log(min(number, MAX_CHANNELS))


def _log_side(resolution: Resolution) -> float:
    """Logarithm of the side; of a map that is not square, of the square with as many pixels."""
    if isinstance(resolution, int):
        return _log(resolution)
    return (_log(resolution.height) + _log(resolution.width)) / 2


def _padding(channels: int) -> float:
    """Logarithm of how much of the last vector of channels stays unused."""
    return _log(-(-channels // VECTOR_WIDTH) * VECTOR_WIDTH) - _log(channels)


@lru_cache(maxsize=16)
def _kind_codes(kinds: tuple[str, ...]) -> dict[str, list[float]]:
    return {kind: [float(kind == other) for other in kinds] for kind in kinds}


def layer_features(layer: TimedLayer, kinds: tuple[str, ...] = KINDS) -> list[float]:
    """The kind as a one-hot code, then logarithms: multiply-adds and bytes are sums of these.

    Args:
        layer: what is timed.
        kinds: the kinds that the code tells apart, in its order.

    Raises:
        LatencyError: the layer is of another kind.
    """
    kind, in_, out, kernel, stride, groups, resolution, activation, bias = layer
    code = _kind_codes(kinds).get(kind)
    if code is None:
        raise unseen_kind(kind, kinds)
    return [
        *code,
        _log(in_), _log(out), _log(kernel), _log_side(resolution), _log_side(out_size(resolution, stride)),
        _log(groups),
        _padding(in_), _padding(out), 1.0 if activation else 0.0, 1.0 if bias else 0.0,
    ]  # fmt: skip


def feature_matrix(layers: Sequence[TimedLayer], kinds: tuple[str, ...] = KINDS) -> NDArray[np.float64]:
    """`layer_features` of each layer, a row each."""
    return np.array([layer_features(layer, kinds) for layer in layers])


class ConvolutionModel:
    """Seconds an image of networks at one resolution.

    Attributes:
        weights: three matrices of the layers' network, features first.
        biases: its three bias vectors; its output is the logarithm of seconds.
        correction: the logarithm of a network's time is that of the layers' sum plus
            `c0 + c1·log(sum) + c2·log(number of layers)`.
        kinds: the kinds of layer that it was fitted on, in the order of their code.
    """

    name = "convolutions"

    def __init__(
        self,
        weights: Sequence[NDArray[np.float64]],
        biases: Sequence[NDArray[np.float64]],
        correction: Sequence[float],
        resolution: Resolution,
        num_classes: int,
        kinds: Sequence[str] = KINDS,
    ) -> None:
        self.weights = list(weights)
        self.biases = list(biases)
        self.correction = tuple(map(float, correction))
        self.resolution = resolution
        self.num_classes = num_classes
        self.kinds = tuple(kinds)
        self._layers: dict[TimedLayer, float] = {}
        self._blocks: dict[tuple[SuperBlock, Resolution], tuple[float, int, Resolution]] = {}

    def predict(self, super_blocks: tuple[SuperBlock, ...]) -> float:
        """Seconds an image of a network."""
        total, count, resolution = 0.0, 1, self.resolution
        known = self._blocks
        for block in super_blocks:
            entry = known.get((block, resolution))
            if entry is None:
                entry = self._add_block(block, resolution)
            seconds, layers, resolution = entry
            total += seconds
            count += layers
        total += self._seconds([classifier(super_blocks[-1].out_channels, self.num_classes, resolution)])[0]
        if not 0 < total < math.inf:
            return math.inf
        c0, c1, c2 = self.correction
        return exponential(c0 + (1 + c1) * math.log(total) + c2 * math.log(count))

    def layer_seconds(self, layers: Sequence[TimedLayer]) -> NDArray[np.float64]:
        """Seconds an image of single layers, as parts of a network, before the correction."""
        with np.errstate(over="ignore"):  # a damaged file's weights; what comes out is checked
            return np.exp(forward(feature_matrix(layers, self.kinds), self.weights, self.biases)[:, 0])

    def _add_block(self, block: SuperBlock, resolution: Resolution) -> tuple[float, int, Resolution]:
        layers, after = super_block_layers(block, resolution)
        seconds = self._seconds([layer for layer, _ in layers])
        counts = [count for _, count in layers]
        entry = (sum(s * c for s, c in zip(seconds, counts, strict=True)), sum(counts), after)
        if len(self._blocks) >= _MOST_CACHED:
            self._blocks.clear()
        self._blocks[block, resolution] = entry
        return entry

    def _seconds(self, layers: Sequence[TimedLayer]) -> list[float]:
        known = self._layers
        missing = [layer for layer in layers if layer not in known]
        if missing:
            if len(known) >= _MOST_CACHED:
                known.clear()
                missing = list(layers)
            known.update(zip(missing, self.layer_seconds(missing).tolist(), strict=True))
        return [known[layer] for layer in layers]

    def parameters(self) -> dict[str, Any]:
        """Plain values, for the predictor's file."""
        return {
            "weights": arrays_to_json(self.weights),
            "biases": arrays_to_json(self.biases),
            "correction": list(self.correction),
            "kinds": list(self.kinds),
        }

    @classmethod
    def from_parameters(
        cls, parameters: dict[str, Any], resolution: Resolution, num_classes: int
    ) -> "ConvolutionModel":
        """The model of plain values.

        Args:
            parameters: what `parameters` gives.
            resolution: size of the networks' input.
            num_classes: outputs of their classifier.

        Raises:
            ValueError, KeyError, TypeError: they are damaged.
        """
        weights = arrays_from_json(parameters["weights"], 2)
        biases = arrays_from_json(parameters["biases"], 1)
        correction = arrays_from_json([parameters["correction"]], 1)[0]
        kinds = kinds_from_json(parameters)
        check_forward(weights, biases, len(layer_features(TimedLayer("conv", 1, 1, 1, 1, 1, 1), kinds)))
        if len(correction) != 3:
            raise ValueError("the correction has three values")
        return cls(weights, biases, correction.tolist(), resolution, num_classes, kinds)


def kinds_from_json(parameters: dict[str, Any]) -> tuple[str, ...]:
    """The kinds of layer of a predictor's file; `KINDS` where it is older than the list. Raises `ValueError`."""
    kinds = tuple(map(str, parameters.get("kinds", KINDS)))
    if kinds[: len(KINDS)] != KINDS or len(set(kinds)) != len(kinds):
        raise ValueError(f"kinds {', '.join(kinds)} do not begin with {', '.join(KINDS)}, or repeat one")
    return kinds


def forward(
    rows: NDArray[np.float64], weights: Sequence[NDArray[np.float64]], biases: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """A perceptron with ReLU between its layers.

    Args:
        rows: N×F features.
        weights: a matrix of each layer, inputs × outputs.
        biases: a vector of each layer.

    Returns:
        N×1 outputs.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # as above
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            rows = np.maximum(rows @ weight + bias, 0.0)
        return rows @ weights[-1] + biases[-1]


def check_forward(weights: Sequence[NDArray[np.float64]], biases: Sequence[NDArray[np.float64]], features: int) -> None:
    """Refuse a perceptron whose shapes do not chain from its features to one output.

    Args:
        weights: a matrix of each layer, inputs × outputs.
        biases: a vector of each layer.
        features: inputs of the first layer.

    Raises:
        ValueError: they do not.
    """
    width = features
    if not weights or len(weights) != len(biases):
        raise ValueError("as many weights as biases are needed")
    for weight, bias in zip(weights, biases, strict=True):
        if weight.shape != (width, len(bias)):
            raise ValueError(f"a weight of shape {weight.shape} where {(width, len(bias))} is needed")
        width = len(bias)
    if width != 1:
        raise ValueError(f"{width} outputs where one is needed")
