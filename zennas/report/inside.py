"""What a super-block is made of, as rows of words: its layers, its link, what follows their sum."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from zennas.architecture.model import SuperBlock
from zennas.blocks.layers import Activation, Convolution, Layer, Pooling, Unit
from zennas.blocks.registry import expand

ACTIVATIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "hardswish": "hard swish",
    "silu": "SiLU",
    "sigmoid": "sigmoid",
    "hardsigmoid": "hard sigmoid",
}
CONVOLUTIONS = {"conv": "convolution", "depthwise": "depthwise convolution", "grouped": "grouped convolution"}
COLUMNS = ("layer", "channels", "kernel", "stride", "groups", "then")
"""Of a unit's rows."""

Written = Callable[[int], str]
"""How a number of channels, groups or layers is written."""


def inside(block: SuperBlock, written: Written = str) -> list[dict[str, Any]]:
    """The parts of a super-block, each with its `title` and its `units`: its first layer, and, where it has more, what
    all others are.

    A unit has `rows` with a text for each of `COLUMNS`, `link` (empty where there is none), `then` (what follows the
    sum of both), and `times` (how often it comes in a row).

    Args:
        block: the super-block.
        written: makes the text of each number of channels, groups or layers.
    """
    made = expand(block)
    parts = [{"title": "layer 1" if made.repeats else "the layer", "units": _units(made.first, written)}]
    if made.repeats:
        others = "layer 2" if made.repeats == 1 else f"layers 2 to {written(1 + made.repeats)}, each"
        parts.append({"title": others, "units": _units(made.rest, written)})
    return parts


def _units(units: Sequence[Unit], written: Written) -> list[dict[str, Any]]:
    return [
        {
            "rows": [layer_cells(layer, written) for layer in unit.main],
            "link": _link(unit, written),
            "then": _named(unit.activation),
            "times": len(list(same)),
        }
        for unit, same in groupby(units)
    ]


def layer_cells(layer: Layer, written: Written = str) -> list[str]:
    """A layer in words and numbers, one text for each of `COLUMNS`; what it does not have is empty.

    Args:
        layer: of any kind; one of a user's own has its name, channels and stride.
        written: makes the text of each number of channels or groups.
    """
    inner = layer.convolutions
    if isinstance(layer, Convolution):
        kind = CONVOLUTIONS[layer.timed(1)[0].kind]
        kernel, groups = f"{layer.kernel}×{layer.kernel}", written(layer.groups)
    else:
        kind, groups = layer.name, ""
        kernel = f"{layer.kernel}×{layer.kernel}" if isinstance(layer, Pooling) else ""
    widths = [inner[0].in_channels, *(c.out_channels for c in inner)] if inner else [layer.in_channels]
    if not inner and layer.out_channels != layer.in_channels:
        widths.append(layer.out_channels)
    return [kind, " → ".join(map(written, widths)), kernel, str(layer.stride), groups, "; ".join(map(_then, inner))]


def _then(convolution: Convolution) -> str:
    parts = ["bias"] * convolution.bias + ["batch norm"] * convolution.norm
    return ", ".join([*parts, *filter(None, [_named(convolution.activation)])])


def _link(unit: Unit, written: Written) -> str:
    projection = unit.projection
    if projection is None:
        return "the input itself" if unit.shortcut == "identity" else ""
    kind, channels, kernel, stride, _, then = layer_cells(projection, written)
    return f"{kernel} {kind} {channels}, stride {stride}{f', {then}' if then else ''}"


def _named(activation: Activation) -> str:
    return "" if activation is None else ACTIVATIONS[activation]
