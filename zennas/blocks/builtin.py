"""The block types of the paper (Tables 7 to 17), RegNet's grouped and MobileNetV2's linear bottleneck, and pooling."""

import math
from collections.abc import Sequence
from typing import cast

from zennas.architecture.model import SuperBlock
from zennas.blocks.layers import Activation, AveragePool, Convolution, Layer, MaxPool, SqueezeExcite, Unit
from zennas.blocks.registry import register_block
from zennas.blocks.symbols import at_least, largest_divisor


def round_to_8(channels: float) -> int:
    """The nearest multiple of 8, at least 8 (half rounds up)."""
    return at_least(8, math.floor(channels / 8 + 0.5) * 8)


@register_block("Conv")
def conv(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """One k×k convolution with batch norm and ReLU.

    Args:
        block: the super-block; its `kernel` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    return [
        Unit((Convolution(in_channels, block.out_channels, block.kernel, stride, activation=activation_after(block)),))
    ]


@register_block("Res", needs=("bottleneck",))
def res(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """One residual block as in ResNet-18: k×k in→b, k×k b→out.

    Args:
        block: the super-block; its `kernel`, `bottleneck` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; that one has a projection in its link.
    """
    inner, k = block.bottleneck, block.kernel
    main = (
        Convolution(in_channels, inner, k, stride, activation=activation_after(block)),
        Convolution(inner, block.out_channels, k, activation=None),
    )
    return [residual(main, in_channels, block.out_channels, stride, first, activation_after(block))]


@register_block("Btn", needs=("bottleneck",))
def btn(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """Two bottleneck blocks as in ResNet-50, each 1×1 in→b, k×k b→b, 1×1 b→out.

    Args:
        block: the super-block; its `kernel`, `bottleneck` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; that one has a projection in its link.
    """
    out = block.out_channels
    return [_bottleneck(block, in_channels, stride, 1, first), _bottleneck(block, out, 1, 1, False)]


@register_block("GBtn", needs=("bottleneck", "group_width"))
def grouped_btn(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """One bottleneck block whose k×k convolution has groups of `group_width` channels (RegNet's X block,
    Radosavovic et al. 2020). A group width that does not divide the bottleneck is lowered to one that does.

    Args:
        block: the super-block; its `kernel`, `bottleneck`, `group_width` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; that one has a projection in its link.
    """
    groups = block.bottleneck // largest_divisor(block.bottleneck, block.group_width)
    return [_bottleneck(block, in_channels, stride, groups, first)]


@register_block("MB", needs=("bottleneck", "expansion"))
def mb(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """Two MobileBlocks: in→bottleneck of depthwise width round8(b·e), then bottleneck→out of round8(out·e).

    Args:
        block: the super-block; its `kernel`, `bottleneck`, `expansion`, `se` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; that one has a projection in its link.
    """
    b, out, e = block.bottleneck, block.out_channels, block.expansion
    return [
        _mobile(block, in_channels, round_to_8(b * e), b, stride, first),
        _mobile(block, b, round_to_8(out * e), out, 1, False),
    ]


@register_block("IR", needs=("expansion",))
def inverted_residual(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """One inverted residual of MobileNetV2 (Sandler et al. 2018): depthwise width in·e, squeeze-excitation if asked
    for, no activation at its end, and a link only where the shapes match.

    Args:
        block: the super-block; its `kernel`, `expansion`, `se`, `squeeze` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    out, width = block.out_channels, math.floor(in_channels * block.expansion)
    main = (
        Convolution(in_channels, width, 1, activation=activation_after(block)),
        Convolution(width, width, block.kernel, stride, groups=width, activation=activation_after(block)),
        *((_squeeze_excite(width, block),) if block.se else ()),
        Convolution(width, out, 1, activation=None),
    )
    return [Unit(main, "identity" if stride == 1 and in_channels == out else None)]


@register_block("Basic", needs=("bottleneck",))
def basic(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """Two k×k convolutions as in ResNet-18, in→b and b→out, with a link only where the shapes match: where they do not,
    there is none, and no projection in its place.

    Args:
        block: the super-block; its `kernel`, `bottleneck` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    inner, out, k = block.bottleneck, block.out_channels, block.kernel
    opening = Convolution(in_channels, inner, k, stride, activation=activation_after(block))
    if stride == 1 and in_channels == out:
        return [Unit((opening, Convolution(inner, out, k, activation=None)), "identity", activation_after(block))]
    return [Unit((opening, Convolution(inner, out, k, activation=activation_after(block))))]


@register_block("Linear")
def linear(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """One k×k convolution with batch norm and no activation.

    Args:
        block: the super-block; its `kernel` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    return [Unit((Convolution(in_channels, block.out_channels, block.kernel, stride, activation=None),))]


@register_block("MaxPool")
def max_pool(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """Max pooling, as after the stem of ResNet.

    Args:
        block: the super-block; its `kernel` counts; `out_channels` must be `in_channels`.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    return [Unit((MaxPool(in_channels, block.kernel, stride),))]


@register_block("AvgPool")
def average_pool(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """Average pooling; the padded zeros count.

    Args:
        block: the super-block; its `kernel` counts; `out_channels` must be `in_channels`.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    return [Unit((AveragePool(in_channels, block.kernel, stride),))]


def residual(
    main: tuple[Layer, ...],
    in_channels: int,
    out_channels: int,
    stride: int,
    first: bool,
    activation: Activation = "relu",
) -> Unit:
    """`main` with its residual link, then an activation.

    The link is a projection (1×1 with bias and batch norm) for the first block of a super-block and wherever the
    shapes differ, else the identity.

    Args:
        main: layers in order; together they make `in_channels` into `out_channels` with `stride`.
        in_channels: channels that come in.
        out_channels: channels that go out.
        stride: of the whole main path, 1 or 2.
        first: whether this is the super-block's first layer.
        activation: what follows the sum; ReLU by default.
    """
    if first or stride != 1 or in_channels != out_channels:
        projection = Convolution(in_channels, out_channels, 1, stride, bias=True, activation=None)
        return Unit(main, projection, activation)
    return Unit(main, "identity", activation)


def activation_after(block: SuperBlock) -> Activation:
    """The activation of a super-block, which its own checks have found to be one."""
    return cast(Activation, block.activation)


def _bottleneck(block: SuperBlock, in_channels: int, stride: int, groups: int, first: bool) -> Unit:
    b, out = block.bottleneck, block.out_channels
    main = (
        Convolution(in_channels, b, 1, activation=activation_after(block)),
        Convolution(b, b, block.kernel, stride, groups, activation=activation_after(block)),
        Convolution(b, out, 1, activation=None),
    )
    return residual(main, in_channels, out, stride, first, activation_after(block))


def _mobile(block: SuperBlock, in_channels: int, width: int, out: int, stride: int, first: bool) -> Unit:
    main: tuple[Layer, ...] = (
        Convolution(in_channels, width, 1, activation=activation_after(block)),
        Convolution(width, width, block.kernel, stride, groups=width, activation=activation_after(block)),
        *((_squeeze_excite(width, block),) if block.se else ()),
        Convolution(width, out, 1, activation=None),
    )
    return residual(main, in_channels, out, stride, first, activation_after(block))


def _squeeze_excite(channels: int, block: SuperBlock) -> SqueezeExcite:
    squeezed = block.squeeze or at_least(1, round(channels / 4))
    return SqueezeExcite(
        Convolution(channels, squeezed, 1, activation=activation_after(block)),
        Convolution(squeezed, channels, 1, activation="sigmoid"),
    )
