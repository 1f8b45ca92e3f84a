"""Which super-blocks a row of units is: block types are tried for what their own functions make of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from zennas.architecture.model import SuperBlock
from zennas.blocks.layers import Convolution, Layer, PooledLinear, Pooling, SqueezeExcite, Unit
from zennas.blocks.registry import block_types, expand
from zennas.errors import ZennasError

_LONGEST = 4
"""Units that one layer of a super-block can be made of."""


def super_blocks_of(units: Sequence[Unit]) -> tuple[list[SuperBlock], int]:
    """The super-blocks whose modules are those units, the longest first; equal neighbours are one of several layers.

    Args:
        units: in order; a unit without a link is as long as its block's.

    Returns:
        The super-blocks, and how many units they make: all, or those before one that no block type makes.
    """
    found: list[SuperBlock] = []
    place = 0
    while place < len(units):
        block, length = _longest(units[place : place + _LONGEST], found[-1].block if found else "")
        if block is None:
            break
        place += length
        if found and _continues(found[-1], block):
            found[-1] = found[-1].resized(found[-1].in_channels, found[-1].layers + 1)
        else:
            found.append(block)
    return found, place


def _longest(units: Sequence[Unit], likely: str) -> tuple[SuperBlock | None, int]:
    """The super-block of most of the first units, and of how many."""
    for length in range(len(units), 0, -1):
        block = _super_block(tuple(units[:length]), likely)
        if block is not None:
            return block, length
    return None, 0


def _super_block(units: tuple[Unit, ...], likely: str) -> SuperBlock | None:
    """The super-block of one layer that is made of exactly these units, of type `likely` where that makes them."""
    names = sorted(block_types(), key=lambda name: name != likely)
    for candidate in _candidates([layer for unit in units for layer in unit.main], units[-1], names):
        try:
            made = expand(candidate).first
        except ZennasError:
            continue
        if _joined(made) == _joined(units):
            return candidate
    return None


def _joined(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """Units without links run on into each other: how a block cuts them makes no difference."""
    joined: list[Unit] = []
    for unit in units:
        last = joined[-1] if joined else None
        if last is not None and last.shortcut is None and unit.shortcut is None and unit.activation is None:
            joined[-1] = replace(last, main=last.main + unit.main)
        else:
            joined.append(unit)
    return tuple(joined)


def _candidates(layers: Sequence[Layer], last: Unit, names: Sequence[str]) -> Iterator[SuperBlock]:
    """Super-blocks of the layers' sizes, of each block type, with the bottleneck and groups that it may have and
    without."""
    convolutions = [layer for layer in layers if isinstance(layer, Convolution)]
    windows = [layer for layer in layers if isinstance(layer, Convolution | Pooling)]
    stride = 1
    for layer in layers:
        stride *= layer.stride
    if stride > 2 or not layers:
        return
    grouped = next((c for c in convolutions if c.groups > 1), None)
    gate = next((layer for layer in layers if isinstance(layer, SqueezeExcite)), None)
    hidden = next((layer.convolution for layer in layers if isinstance(layer, PooledLinear)), None)
    after = [c.activation for c in (*convolutions, *filter(None, (hidden,))) if c.activation]
    kernels = [w.kernel for w in (convolutions or windows)]
    inner = convolutions[0].out_channels if len(convolutions) > 1 else 0
    group_width = grouped.in_channels // grouped.groups if grouped else 0
    # A field that a block type does not read stays at 0.
    sizes = dict.fromkeys(((0, 0), (inner, 0), (inner, group_width)))
    for name in names:
        for bottleneck, width in sizes:
            try:
                yield SuperBlock(
                    name,
                    max(kernels, default=1),
                    layers[0].in_channels,
                    layers[-1].out_channels,
                    stride,
                    bottleneck,
                    group_width=width,
                    se=gate is not None,
                    squeeze=gate.reduce.out_channels if gate else 0,
                    activation=last.activation or (after[0] if after else "relu"),
                )
            except ZennasError:
                continue


def _continues(block: SuperBlock, other: SuperBlock) -> bool:
    """Whether `other` is one more layer of `block`."""
    if other.in_channels != block.out_channels or other.out_channels != block.out_channels or other.stride != 1:
        return False
    same = replace(other, in_channels=block.in_channels, stride=block.stride, layers=block.layers)
    return same == block and expand(other).first == expand(block.resized(block.in_channels, 2)).rest
