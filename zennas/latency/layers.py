"""The layers that a network's time is made of, read from the blocks' descriptions. No torch."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from zennas.architecture.model import SuperBlock
from zennas.blocks.layers import LAYER_KINDS, Layer, TimedLayer, Unit
from zennas.blocks.registry import expand, kept_by_block
from zennas.errors import LatencyError
from zennas.input_size import Resolution

KINDS = ("conv", "depthwise", "grouped", "add", "gate", "maxpool", "linear")
"""The kinds of layer that every predictor knows; one that was fitted on more of them lists those in its file."""


def known_kinds() -> tuple[str, ...]:
    """`KINDS`, then those of every other kind of layer that there is."""
    return (*KINDS, *(kind for kind in LAYER_KINDS if kind not in KINDS))


def kinds_of(layers: Iterable[TimedLayer]) -> tuple[str, ...]:
    """`KINDS`, then those others that occur among the layers."""
    found = {layer.kind for layer in layers}
    return (*KINDS, *(kind for kind in known_kinds() if kind in found and kind not in KINDS))


def layer_alone(timed: TimedLayer) -> Layer | None:
    """The layer whose time that is; `None` for what has none without the network around it."""
    kind = LAYER_KINDS.get(timed.kind)
    return None if kind is None else kind.from_timed(timed)


Layers = tuple[tuple[TimedLayer, int], ...]
"""Distinct layers, and how often each occurs."""


@kept_by_block(maxsize=1 << 16)
def super_block_layers(block: SuperBlock, resolution: Resolution) -> tuple[Layers, Resolution]:
    """The layers of a super-block on an input of that size, and its output's side."""
    expansion = expand(block)
    layers, resolution = _unit_layers(expansion.first, resolution)
    if not expansion.repeats:
        return layers, resolution
    counts = Counter(dict(layers))
    rest, resolution = _unit_layers(expansion.rest, resolution)
    for layer, count in rest:
        counts[layer] += count * expansion.repeats
    return tuple(counts.items()), resolution


def network_layers(super_blocks: tuple[SuperBlock, ...], resolution: Resolution, num_classes: int) -> Layers:
    """The layers of a whole network with its classifier.

    Args:
        super_blocks: the network.
        resolution: size of the input.
        num_classes: outputs of the classifier.
    """
    counts: Counter[TimedLayer] = Counter()
    for block in super_blocks:
        layers, resolution = super_block_layers(block, resolution)
        for layer, count in layers:
            counts[layer] += count
    counts[classifier(super_blocks[-1].out_channels, num_classes, resolution)] += 1
    return tuple(counts.items())


def classifier(channels: int, num_classes: int, resolution: Resolution) -> TimedLayer:
    """Global pooling and the linear layer, as one layer.

    Args:
        channels: of the maps that are pooled.
        num_classes: outputs; 0 counts as one.
        resolution: side of the maps.
    """
    return TimedLayer("linear", channels, max(1, num_classes), 1, 1, 1, resolution)


@lru_cache(maxsize=1 << 16)
def _unit_layers(units: tuple[Unit, ...], resolution: Resolution) -> tuple[Layers, Resolution]:
    counts: Counter[TimedLayer] = Counter()
    for unit in units:
        found, resolution = _one_unit(unit, resolution)
        counts.update(found)
    return tuple(counts.items()), resolution


def _one_unit(unit: Unit, resolution: Resolution) -> tuple[list[TimedLayer], Resolution]:
    found: list[TimedLayer] = []
    if unit.projection is not None:
        found += unit.projection.timed(resolution)
    for layer in unit.main:
        found += layer.timed(resolution)
        resolution = layer.out_resolution(resolution)
    if unit.shortcut is not None:
        channels = unit.main[-1].out_channels
        found.append(TimedLayer("add", channels, channels, 1, 1, 1, resolution, unit.activation))
    return found, resolution


def unseen_kind(kind: str, kinds: Sequence[str]) -> LatencyError:
    """What a predictor of those kinds says of a layer of another."""
    return LatencyError(f"the latency predictor has never seen a layer of kind {kind!r}; it knows {', '.join(kinds)}")
