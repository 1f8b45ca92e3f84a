"""An architecture as data: a tuple of super-blocks, the rows of the paper's Tables 7 to 17."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from zennas.errors import ArchitectureError, shortened
from zennas.input_size import Resolution, read_resolution, shown
from zennas.io.html import html_table

MAX_CHANNELS = 1 << 20
MAX_LAYERS = 10_000
KERNELS = tuple(range(1, 32, 2))
STRIDES = (1, 2)
ACTIVATIONS = ("relu", "relu6", "hardswish", "silu")
"""What may follow a block's convolutions; every score counts them as ReLU."""
TYPE_FIELDS = ("block", "kernel", "expansion", "group_width", "se", "squeeze", "activation")
"""Fields of a super-block that are no sizes: what makes two of them of one type."""


def smallest_side(strides: Iterable[int]) -> int:
    """The smallest height and width of an input at which every one of the strides that is above 1 still halves both."""
    halvings = sum(stride > 1 for stride in strides)
    return int(2 ** (halvings - 1)) + 1 if halvings else 1


@dataclass(frozen=True, slots=True)
class SuperBlock:
    """`layers` repetitions of one block type; the stride sits on the first of them.

    Attributes:
        block: name of a registered block type: `Conv`, `Res`, `Btn`, `MB`, or a user's own.
        kernel: odd side k of the k×k convolutions.
        in_channels: channels that come in.
        out_channels: channels that go out.
        stride: 1 or 2.
        bottleneck: inner channels; 0 for block types that have none.
        layers: repetitions n (what a depth budget counts).
        expansion: width of a depthwise convolution relative to its block's output; 0 where there is none.
        group_width: channels of a group of a grouped convolution; 0 for a full one.
        se: squeeze-excitation, where the block type has a place for it.
        squeeze: channels that squeeze-excitation squeezes to; 0 for the block type's own rule.
        activation: what follows the convolutions, one of `ACTIVATIONS`.
    """

    block: str
    kernel: int
    in_channels: int
    out_channels: int
    stride: int = 1
    bottleneck: int = 0
    layers: int = 1
    expansion: float = 0
    group_width: int = 0
    se: bool = False
    squeeze: int = 0
    activation: str = "relu"

    def resized(self, in_channels: int, layers: int) -> "SuperBlock":
        """The same super-block with other input channels and layers."""
        # Searches call this at every mutation: several times faster than dataclasses.replace.
        return SuperBlock(
            self.block,
            self.kernel,
            in_channels,
            self.out_channels,
            self.stride,
            self.bottleneck,
            layers,
            self.expansion,
            self.group_width,
            self.se,
            self.squeeze,
            self.activation,
        )


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network without its classifier: super-blocks whose channels chain.

    Attributes:
        super_blocks: from the stem to the last block before global average pooling.
        name: what it is called, or empty.
        resolution: size of the input that it was designed for, if known; a text or a pair is read (`read_resolution`).
        num_classes: outputs of the classifier that it was designed with, if known.
    """

    super_blocks: tuple[SuperBlock, ...]
    name: str = ""
    resolution: Resolution | None = None
    num_classes: int | None = None

    def __post_init__(self) -> None:
        check_super_blocks(self.super_blocks)
        if self.resolution is not None:
            object.__setattr__(self, "resolution", read_resolution(self.resolution))
        if self.num_classes is not None and not 0 <= self.num_classes <= MAX_CHANNELS:
            raise ArchitectureError(f"num_classes {self.num_classes} is not allowed; use 0 to {MAX_CHANNELS}")

    @property
    def in_channels(self) -> int:
        """Channels of the input image."""
        return self.super_blocks[0].in_channels

    @property
    def out_channels(self) -> int:
        """Channels of the pre-GAP feature map."""
        return self.super_blocks[-1].out_channels

    def with_channels(self, channels: int | None) -> "Architecture":
        """The same network for images of so many channels; `None` for those that it has."""
        if channels is None or channels == self.in_channels:
            return self
        first = self.super_blocks[0]
        return replace(self, super_blocks=(first.resized(channels, first.layers), *self.super_blocks[1:]))

    def _repr_html_(self) -> str:
        """A row for each super-block, for notebooks; what none of them has is left out."""
        told = [
            field.name
            for field in fields(SuperBlock)
            if any(getattr(block, field.name) != field.default for block in self.super_blocks)
        ]
        rows = [[number, *(_cell(getattr(b, name)) for name in told)] for number, b in enumerate(self.super_blocks, 1)]
        titles = [name.removesuffix("_channels").replace("_", " ") for name in told]
        known = [self.name or "network"]
        if self.resolution is not None:
            known.append(f"at {shown(self.resolution)}")
        if self.num_classes is not None:
            known.append(f"with {self.num_classes} classes")
        return html_table(["", *titles], rows, " ".join(known))


def _cell(value: object) -> object:
    """A field of a super-block in a table: switches in words, and nothing where it does not apply."""
    if not value:
        return ""
    return "yes" if value is True else f"{value:g}" if isinstance(value, float) else value


def check_super_blocks(super_blocks: tuple[SuperBlock, ...]) -> None:
    """Check every field and that the channels chain.

    Raises:
        ArchitectureError: names the super-block (counted from 1), the field, the value and what is allowed.
    """
    if not super_blocks:
        raise ArchitectureError("an architecture needs at least one super-block")
    previous: SuperBlock | None = None
    for number, block in enumerate(super_blocks, start=1):
        where = f"super-block {number} ({block.block})"
        _check_fields(block, where)
        if previous is not None and block.in_channels != previous.out_channels:
            raise ArchitectureError(
                f"{where}: in is {block.in_channels}, but super-block {number - 1} ({previous.block}) "
                f"puts out {previous.out_channels}; the two must be equal"
            )
        previous = block


def _check_fields(block: SuperBlock, where: str) -> None:
    if block.kernel not in KERNELS:
        raise ArchitectureError(f"{where}: kernel {block.kernel} is not allowed; use an odd number from 1 to 31")
    if block.stride not in STRIDES:
        raise ArchitectureError(f"{where}: stride {block.stride} is not allowed; use 1 or 2")
    for name, value, least in (
        ("in", block.in_channels, 1),
        ("out", block.out_channels, 1),
        ("bottleneck", block.bottleneck, 0),
        ("group_width", block.group_width, 0),
        ("squeeze", block.squeeze, 0),
    ):
        if not least <= value <= MAX_CHANNELS:
            raise ArchitectureError(f"{where}: {name} {value} is not allowed; use {least} to {MAX_CHANNELS}")
    if not 1 <= block.layers <= MAX_LAYERS:
        raise ArchitectureError(f"{where}: layers {block.layers} is not allowed; use 1 to {MAX_LAYERS}")
    if not 0 <= block.expansion <= 100:
        raise ArchitectureError(f"{where}: expansion {block.expansion} is not allowed; use 0 to 100")
    if block.activation not in ACTIVATIONS:
        raise ArchitectureError(
            f"{where}: activation {shortened(block.activation)} is not allowed; use {', '.join(ACTIVATIONS)}"
        )
