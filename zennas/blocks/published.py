"""The blocks of published families as torchvision and timm build them, so that such a network is data like any other.

They differ from the paper's in what it changed: a link is the identity wherever shapes match, else a projection without
bias; squeeze-excitation has biases, no batch norms, and as many channels as `squeeze` says; and `bottleneck` is the
width of a depthwise convolution itself, where published networks round in ways of their own.
"""

from collections.abc import Sequence

from zennas.architecture.model import SuperBlock
from zennas.blocks.builtin import activation_after
from zennas.blocks.layers import Activation, Convolution, Layer, MaxPool, PooledLinear, SqueezeExcite, Unit
from zennas.blocks.registry import register_block
from zennas.blocks.symbols import at_least, largest_divisor

POOL_KERNEL = 3
"""Side of the window of ResNet's max pooling."""


@register_block("BasicBlock", needs=("bottleneck",))
def basic_block(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """ResNet-18's block (He et al. 2016): k×k in→b, k×k b→out, squeeze-excitation if asked for.

    Args:
        block: the super-block; its `kernel`, `bottleneck`, `se`, `squeeze` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    inner, out = block.bottleneck, block.out_channels
    main = (
        _convolution(block, in_channels, inner, block.kernel, stride),
        Convolution(inner, out, block.kernel, activation=None),
        *_squeeze_excite(block, out, activation_after(block)),
    )
    return [_linked(block, main, in_channels, stride)]


@register_block("Bottleneck", needs=("bottleneck",))
def bottleneck(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """ResNet-50's block, ResNeXt's where `group_width` is given: 1×1 in→b, k×k b→b with the stride, 1×1 b→out,
    squeeze-excitation behind it if asked for (SE-ResNet, Hu et al. 2018).

    Args:
        block: the super-block; its `kernel`, `bottleneck`, `group_width`, `se`, `squeeze` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    opening, closing = _narrowed(block, in_channels, stride)
    main = (*opening, closing, *_squeeze_excite(block, block.out_channels, activation_after(block)))
    return [_linked(block, main, in_channels, stride)]


@register_block("PoolBasicBlock", needs=("bottleneck",))
def pool_basic_block(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """BasicBlock whose stride is ResNet's max pooling in front of it: the first stage of ResNet-18.

    Args:
        block: the super-block, as of BasicBlock.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    return [*_pooled(in_channels, stride), *basic_block(block, in_channels, 1, first)]


@register_block("PoolBottleneck", needs=("bottleneck",))
def pool_bottleneck(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """Bottleneck whose stride is ResNet's max pooling in front of it: the first stage of ResNet-50.

    Args:
        block: the super-block, as of Bottleneck.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    return [*_pooled(in_channels, stride), *bottleneck(block, in_channels, 1, first)]


@register_block("RegBlock", needs=("bottleneck",))
def reg_block(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """RegNet's X block, with squeeze-excitation its Y block (Radosavovic et al. 2020): Bottleneck with
    squeeze-excitation behind the k×k convolution.

    Args:
        block: the super-block; its `kernel`, `bottleneck`, `group_width`, `se`, `squeeze` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    opening, closing = _narrowed(block, in_channels, stride)
    main = (*opening, *_squeeze_excite(block, block.bottleneck, activation_after(block)), closing)
    return [_linked(block, main, in_channels, stride)]


@register_block("MBConv", needs=("bottleneck",))
def mb_conv(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """The inverted residual of MobileNetV2, MnasNet and EfficientNet: 1×1 in→b, depthwise k×k with the stride,
    squeeze-excitation if asked for, 1×1 b→out, and a link only where the shapes match.

    Args:
        block: the super-block; its `kernel`, `bottleneck`, `se`, `squeeze` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    gate = _squeeze_excite(block, block.bottleneck, activation_after(block))
    return [_inverted(block, in_channels, block.bottleneck, stride, gate)]


@register_block("HardMBConv", needs=("bottleneck",))
def hard_mb_conv(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """MobileNetV3's inverted residual (Howard et al. 2019): MBConv whose gates have ReLU and a hard sigmoid.

    Args:
        block: the super-block, as of MBConv.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    gate = _squeeze_excite(block, block.bottleneck, "relu", "hardsigmoid")
    return [_inverted(block, in_channels, block.bottleneck, stride, gate)]


@register_block("DSConv")
def ds_conv(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """A depthwise separable convolution: MBConv without its opening 1×1.

    Args:
        block: the super-block; its `kernel`, `se`, `squeeze` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    return [_inverted(block, in_channels, 0, stride, _squeeze_excite(block, in_channels, activation_after(block)))]


@register_block("HardDSConv")
def hard_ds_conv(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """DSConv whose gates have ReLU and a hard sigmoid.

    Args:
        block: the super-block, as of DSConv.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    gate = _squeeze_excite(block, in_channels, "relu", "hardsigmoid")
    return [_inverted(block, in_channels, 0, stride, gate)]


@register_block("FusedMBConv", needs=("bottleneck",))
def fused_mb_conv(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """EfficientNetV2's block (Tan and Le 2021): k×k in→b with the stride, squeeze-excitation if asked for, 1×1 b→out,
    and a link only where the shapes match.

    Args:
        block: the super-block; its `kernel`, `bottleneck`, `se`, `squeeze` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    inner, out = block.bottleneck, block.out_channels
    main = (
        _convolution(block, in_channels, inner, block.kernel, stride),
        *_squeeze_excite(block, inner, activation_after(block)),
        Convolution(inner, out, 1, activation=None),
    )
    return [Unit(main, "identity" if stride == 1 and in_channels == out else None)]


@register_block("SkipConv")
def skip_conv(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """A k×k convolution with its activation, added to its input where the shapes match: EfficientNetV2's first stage.

    Args:
        block: the super-block; its `kernel` and `out_channels` count.
        in_channels: channels that come into this layer.
        stride: of this layer, 1 or 2.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    out = block.out_channels
    main = (_convolution(block, in_channels, out, block.kernel, stride),)
    return [Unit(main, "identity" if stride == 1 and in_channels == out else None)]


@register_block("Hidden")
def hidden(block: SuperBlock, in_channels: int, stride: int, first: bool) -> Sequence[Unit]:
    """Global average pooling and the hidden layer of MobileNetV3's classifier: a network's last super-block.

    Args:
        block: the super-block; its `out_channels` count.
        in_channels: channels that come into this layer.
        stride: 1.
        first: whether it is the super-block's first layer; it makes no difference here.
    """
    layer = Convolution(in_channels, block.out_channels, 1, bias=True, norm=False, activation=activation_after(block))
    return [Unit((PooledLinear(layer),))]


def _convolution(
    block: SuperBlock, in_channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> Convolution:
    return Convolution(in_channels, out, kernel, stride, groups, activation=activation_after(block))


def _linked(block: SuperBlock, main: tuple[Layer, ...], in_channels: int, stride: int) -> Unit:
    out = block.out_channels
    if stride == 1 and in_channels == out:
        return Unit(main, "identity", activation_after(block))
    return Unit(main, Convolution(in_channels, out, 1, stride, activation=None), activation_after(block))


def _narrowed(block: SuperBlock, in_channels: int, stride: int) -> tuple[tuple[Layer, ...], Layer]:
    """The first two convolutions of a bottleneck, and the last."""
    inner = block.bottleneck
    groups = inner // largest_divisor(inner, block.group_width) if block.group_width else 1
    opening = (
        _convolution(block, in_channels, inner),
        _convolution(block, inner, inner, block.kernel, stride, groups),
    )
    return opening, Convolution(inner, block.out_channels, 1, activation=None)


def _pooled(channels: int, stride: int) -> Sequence[Unit]:
    return [Unit((MaxPool(channels, POOL_KERNEL, stride),))] if stride > 1 else []


def _inverted(block: SuperBlock, in_channels: int, inner: int, stride: int, gate: tuple[Layer, ...]) -> Unit:
    """A depthwise convolution between 1×1 ones; without the first where `inner` is 0."""
    width, out = inner or in_channels, block.out_channels
    main = (
        *((_convolution(block, in_channels, inner),) if inner else ()),
        _convolution(block, width, width, block.kernel, stride, width),
        *gate,
        Convolution(width, out, 1, activation=None),
    )
    return Unit(main, "identity" if stride == 1 and in_channels == out else None)


def _squeeze_excite(
    block: SuperBlock, channels: int, inner: Activation, gate: Activation = "sigmoid"
) -> tuple[Layer, ...]:
    if not block.se:
        return ()
    squeezed = block.squeeze or at_least(1, channels // 4)
    reduce = Convolution(channels, squeezed, 1, bias=True, norm=False, activation=inner)
    return (SqueezeExcite(reduce, Convolution(squeezed, channels, 1, bias=True, norm=False, activation=gate)),)
