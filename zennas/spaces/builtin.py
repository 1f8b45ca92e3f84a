"""The search spaces that come with zennas: the paper's two (Section 5), grouped bottlenecks, and inverted residuals."""

from collections.abc import Sequence
from dataclasses import replace

from zennas.architecture.model import SuperBlock
from zennas.input_size import Resolution, positions
from zennas.spaces.space import BlockChoice, Range, SearchSpace, register_space

SMALL_INPUT = 64
_KERNELS = (3, 5, 7)
_STEM = SuperBlock("Conv", 3, 3, 16, 1)
_STRIDED_STEM = SuperBlock("Conv", 3, 3, 16, 2)


@register_space("resnet")
def resnet(resolution: Resolution) -> SearchSpace:
    """Search Space I: residual and bottleneck blocks."""
    return staged("resnet", [BlockChoice(block, k) for block in ("Res", "Btn") for k in _KERNELS], resolution)


@register_space("mobilenet")
def mobilenet(resolution: Resolution) -> SearchSpace:
    """Search Space II: MobileBlocks, whose depthwise convolutions can carry squeeze-excitation."""
    return staged("mobilenet", [BlockChoice("MB", k, expansion=e) for e in (1, 2, 4, 6) for k in _KERNELS], resolution)


@register_space("regnet")
def regnet(resolution: Resolution) -> SearchSpace:
    """Bottlenecks with grouped convolutions (Radosavovic et al. 2020)."""
    choices = [BlockChoice("GBtn", k, group_width=g) for g in (8, 16, 24, 32, 48, 64) for k in _KERNELS]
    return staged("regnet", choices, resolution)


@register_space("inverted")
def inverted(resolution: Resolution) -> SearchSpace:
    """Inverted residuals one by one, as MobileNetV2 and its successors stack them (Sandler et al. 2018).

    A layer is a single inverted residual, where one of `mobilenet` is two with a link each; it has no bottleneck to
    choose. Stages grow wider, and the head is at most as wide as MobileNetV2's: the last convolution of an inverted
    residual has no activation, and a score that counts activations would make it narrow in front of a wide head.
    """
    choices = [BlockChoice("IR", k, expansion=e) for e in (1, 2, 4, 6) for k in _KERNELS]
    space = staged("inverted", choices, resolution)
    return replace(space, bottleneck=Range(0, 0), head_width=Range(64, 1280, 8), growing=True)


def staged(name: str, choices: Sequence[BlockChoice], resolution: Resolution) -> SearchSpace:
    """A space with the paper's stages for that size of the input.

    Inputs with fewer pixels than a square of side `SMALL_INPUT` get four stages after a stem of stride 1, larger ones
    five stages after a strided stem (paper, Section 5).

    Args:
        name: of the space.
        choices: its basic block types.
        resolution: size of the input in pixels: its side, or height and width.
    """
    small = positions(resolution) < SMALL_INPUT**2
    return SearchSpace(
        name,
        tuple(choices),
        stage_strides=(1, 2, 2, 2) if small else (2, 2, 2, 1, 2),
        stem=_STEM if small else _STRIDED_STEM,
    )
