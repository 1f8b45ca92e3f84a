"""The layers that a network's time is made of, read from the blocks' descriptions. No torch."""

from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from zennas.architecture.model import SuperBlock
from zennas.blocks.layers import Activation, Convolution, MaxPool, Unit
from zennas.blocks.registry import expand

KINDS = ("conv", "depthwise", "grouped", "add", "gate", "maxpool", "linear")


class TimedLayer(NamedTuple):
    """What one layer's time depends on, and what tells it from others.

    `conv`, `depthwise` and `grouped` come with batch norm and activation; `add` is a residual sum with its activation;
    `gate` is squeeze-excitation's pooling and product (its two convolutions stand for themselves); `linear` is
    global pooling with the classifier.
    """

    kind: str
    in_channels: int
    out_channels: int
    kernel: int
    stride: int
    groups: int
    resolution: int
    activation: Activation = None
    bias: bool = False


Layers = tuple[tuple[TimedLayer, int], ...]
"""Distinct layers, and how often each occurs."""


@lru_cache(maxsize=1 << 16)
def super_block_layers(block: SuperBlock, resolution: int) -> tuple[Layers, int]:
    """The layers of a super-block on a square input of side `resolution`, and its output's side."""
    expansion = expand(block)
    layers, resolution = _unit_layers(expansion.first, resolution)
    if not expansion.repeats:
        return layers, resolution
    counts = Counter(dict(layers))
    rest, resolution = _unit_layers(expansion.rest, resolution)
    for layer, count in rest:
        counts[layer] += count * expansion.repeats
    return tuple(counts.items()), resolution


def network_layers(super_blocks: tuple[SuperBlock, ...], resolution: int, num_classes: int) -> Layers:
    """The layers of a whole network with its classifier.

    Args:
        super_blocks: the network.
        resolution: side of its square input.
        num_classes: outputs of the classifier.
    """
    counts: Counter[TimedLayer] = Counter()
    for block in super_blocks:
        layers, resolution = super_block_layers(block, resolution)
        for layer, count in layers:
            counts[layer] += count
    counts[classifier(super_blocks[-1].out_channels, num_classes, resolution)] += 1
    return tuple(counts.items())


def classifier(channels: int, num_classes: int, resolution: int) -> TimedLayer:
    """Global pooling and the linear layer, as one layer.

    Args:
        channels: of the maps that are pooled.
        num_classes: outputs; 0 counts as one.
        resolution: side of the maps.
    """
    return TimedLayer("linear", channels, max(1, num_classes), 1, 1, 1, resolution)


@lru_cache(maxsize=1 << 16)
def _unit_layers(units: tuple[Unit, ...], resolution: int) -> tuple[Layers, int]:
    counts: Counter[TimedLayer] = Counter()
    for unit in units:
        found, resolution = _one_unit(unit, resolution)
        counts.update(found)
    return tuple(counts.items()), resolution


def _one_unit(unit: Unit, resolution: int) -> tuple[list[TimedLayer], int]:
    found: list[TimedLayer] = []
    channels = 0
    if isinstance(unit.shortcut, Convolution):
        found.append(timed_convolution(unit.shortcut, resolution))
    for layer in unit.main:
        if isinstance(layer, Convolution):
            found.append(timed_convolution(layer, resolution))
            resolution, channels = layer.out_resolution(resolution), layer.out_channels
        elif isinstance(layer, MaxPool):
            found.append(
                TimedLayer("maxpool", layer.channels, layer.channels, layer.kernel, layer.stride, 1, resolution)
            )
            resolution, channels = layer.out_resolution(resolution), layer.channels
        else:
            gated = layer.expand.out_channels
            found += [timed_convolution(layer.reduce, 1), timed_convolution(layer.expand, 1)]
            found.append(TimedLayer("gate", gated, gated, 1, 1, 1, resolution))
    if unit.shortcut is not None:
        found.append(TimedLayer("add", channels, channels, 1, 1, 1, resolution, unit.activation))
    return found, resolution


def timed_convolution(layer: Convolution, resolution: int) -> TimedLayer:
    """A convolution on a square input of side `resolution`."""
    if layer.groups == 1:
        kind = "conv"
    else:
        kind = "depthwise" if layer.groups == layer.in_channels == layer.out_channels else "grouped"
    return TimedLayer(
        kind, layer.in_channels, layer.out_channels, layer.kernel, layer.stride, layer.groups, resolution,
        layer.activation, layer.bias,
    )  # fmt: skip
