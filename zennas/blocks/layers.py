"""What every block is made of. Costs, scores, modules and latencies all read these descriptions and nothing else.

`Layer` is what they ask of a layer. Each kind of layer answers in one class; `docs/own-layer.md` adds one.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from zennas.architecture.model import out_side
from zennas.errors import ArchitectureError

Activation = Literal["relu", "relu6", "hardswish", "silu", "sigmoid", "hardsigmoid"] | None
"""Those of `zennas.architecture.model.ACTIVATIONS` follow layers of the main path, the others are gates."""


class TimedLayer(NamedTuple):
    """What one layer's time depends on, and what tells it from others.

    Attributes:
        kind: `conv`, `depthwise` and `grouped` come with batch norm and activation; `maxpool` and `avgpool` are
            pooling; `add` is a residual sum with its activation; `gate` is squeeze-excitation's pooling and product
            (its two convolutions stand for themselves); `linear` is global pooling with the classifier.
        in_channels: channels that come in.
        out_channels: channels that go out; the classes of `linear`.
        kernel: side of the window, 1 where there is none.
        stride: of the window.
        groups: of a convolution, else 1.
        resolution: side of the square input map.
        activation: behind the layer, if any.
        bias: whether a convolution has one.
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

    @property
    def out_resolution(self) -> int:
        """Side of the square output map."""
        return out_side(self.resolution, self.stride)


LAYER_KINDS: dict[str, type["Layer"]] = {}
"""Every kind of layer by its `timed_kinds`."""


class Layer:
    """A layer of a unit's main path: what is asked of it, with the answers of a layer without weights.

    A kind of layer is a frozen dataclass that inherits from this class, has `name` and `timed_kinds`, and gives
    `in_channels`, `out_channels` and `stride` as fields or properties. The `nn.Module` and the closed form of a kind
    are registered in `zennas.nn.build.layer_modules` and `zennas.scores.closed_form.score.closed_form_rows`.

    Attributes:
        name: what a reader calls it, e.g. `max pooling`.
        timed_kinds: the `TimedLayer.kind`s of its own time; they stand in files of measured latencies.
        decoration: whether the Zen-score drops it (paper, Section 3). A decoration rescales the map in place.
    """

    __slots__ = ()
    name: ClassVar[str]
    timed_kinds: ClassVar[tuple[str, ...]]
    decoration: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        for kind in cls.__dict__.get("timed_kinds", ()):
            LAYER_KINDS[kind] = cls

    if TYPE_CHECKING:  # At run time a dataclass would take an inherited property for its field's default.

        @property
        def in_channels(self) -> int: ...
        @property
        def out_channels(self) -> int: ...
        @property
        def stride(self) -> int: ...

    @property
    def convolutions(self) -> tuple["Convolution", ...]:
        """The convolutions that it is made of: those that hold its weights."""
        return ()

    @property
    def params(self) -> int:
        """Learnable values."""
        return sum(convolution.params for convolution in self.convolutions)

    def flops(self, resolution: int) -> int:
        """Multiply-adds on a square input of side `resolution`."""
        return 0

    def out_resolution(self, resolution: int) -> int:
        """Side of the output for a square input of side `resolution`: ⌈resolution / stride⌉."""
        return out_side(resolution, self.stride)

    def memory(self, resolution: int) -> int:
        """Values that are alive while it runs on a square input of side `resolution`: its input and its output."""
        return self.in_channels * resolution**2 + self.out_channels * self.out_resolution(resolution) ** 2

    def timed(self, resolution: int) -> tuple[TimedLayer, ...]:
        """What its time is made of, on a square input of side `resolution`."""
        return (TimedLayer(self.timed_kinds[0], self.in_channels, self.out_channels, 1, self.stride, 1, resolution),)

    @classmethod
    def from_timed(cls, timed: TimedLayer) -> "Layer | None":
        """The layer of which `timed` says the time; `None` where that has no meaning without the network around it."""
        return None

    def with_activation(self, activation: Activation) -> "Layer":
        """The same layer with that activation behind it; a layer without weights has none and stays as it is."""
        return self


@dataclass(frozen=True, slots=True)
class Convolution(Layer):
    """A square convolution with zero padding (kernel − 1) / 2, then batch norm, then an activation.

    Attributes:
        in_channels: channels that come in; a multiple of `groups`.
        out_channels: channels that go out; a multiple of `groups`.
        kernel: side k of the k×k kernel, odd.
        stride: in both directions.
        groups: 1 for a dense convolution, `in_channels` for a depthwise one.
        bias: whether the convolution has a bias (the paper's projections do, its main path does not).
        norm: whether a batch norm follows.
        activation: what follows the norm.
    """

    name = "convolution"
    timed_kinds = ("conv", "depthwise", "grouped")

    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    groups: int = 1
    bias: bool = False
    norm: bool = True
    activation: Activation = "relu"

    @property
    def convolutions(self) -> tuple["Convolution", ...]:
        """The convolution itself."""
        return (self,)

    @property
    def fan_in(self) -> int:
        """Weights that enter one output: k² · in / groups."""
        return self.kernel * self.kernel * (self.in_channels // self.groups)

    @property
    def params(self) -> int:
        """Weights, bias, and the norm's scale and shift."""
        return self.out_channels * (self.fan_in + self.bias + 2 * self.norm)

    def flops(self, resolution: int) -> int:
        """Multiply-adds on a square input of side `resolution`."""
        return self.out_channels * self.fan_in * self.out_resolution(resolution) ** 2

    def timed(self, resolution: int) -> tuple[TimedLayer, ...]:
        """The convolution with its norm and activation."""
        if self.groups == 1:
            kind = "conv"
        else:
            kind = "depthwise" if self.groups == self.in_channels == self.out_channels else "grouped"
        return (
            TimedLayer(
                kind, self.in_channels, self.out_channels, self.kernel, self.stride, self.groups,
                resolution, self.activation, self.bias,
            ),
        )  # fmt: skip

    @classmethod
    def from_timed(cls, timed: TimedLayer) -> "Convolution":
        """The convolution with its norm and activation."""
        return cls(
            timed.in_channels, timed.out_channels, timed.kernel, timed.stride, timed.groups, timed.bias,
            activation=timed.activation,
        )  # fmt: skip

    def with_activation(self, activation: Activation) -> "Convolution":
        """The same convolution with that activation behind it."""
        return replace(self, activation=activation)


@dataclass(frozen=True, slots=True)
class Pooling(Layer):
    """What the kinds of pooling have in common: a k×k window with padding (kernel − 1) // 2 over each channel.

    An even kernel needs stride 2 and follows torch's `ceil_mode=True`: on an odd side the last window takes what is
    left of the map. On even sides a kernel of 2 is `MaxPool2d(2)` or `AvgPool2d(2)`.

    Attributes:
        channels: channels that come in and go out.
        kernel: side k of the window.
        stride: in both directions.

    Raises:
        ArchitectureError: kernel or stride below 1, or an even kernel with a stride other than 2.
    """

    channels: int
    kernel: int = 3
    stride: int = 2

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.stride < 1:
            raise ArchitectureError(
                f"{self.name}: kernel {self.kernel} and stride {self.stride} are not allowed; use 1 or more"
            )
        if self.kernel % 2 == 0 and self.stride != 2:
            raise ArchitectureError(
                f"{self.name}: an even kernel needs stride 2; kernel {self.kernel} has stride {self.stride}"
            )

    @property
    def ceil_mode(self) -> bool:
        """Whether a last window that the map does not fill counts; only an even kernel has one."""
        return self.kernel % 2 == 0

    @property
    def in_channels(self) -> int:
        """Channels that come in."""
        return self.channels

    @property
    def out_channels(self) -> int:
        """Channels that go out."""
        return self.channels

    @property
    def padding(self) -> int:
        """Values beyond each border that a window may cover."""
        return (self.kernel - 1) // 2

    def timed(self, resolution: int) -> tuple[TimedLayer, ...]:
        """The pooling of a square input of side `resolution`."""
        return (TimedLayer(self.timed_kinds[0], self.channels, self.channels, self.kernel, self.stride, 1, resolution),)

    @classmethod
    def from_timed(cls, timed: TimedLayer) -> "Pooling":
        """The pooling."""
        return cls(timed.in_channels, timed.kernel, timed.stride)


@dataclass(frozen=True, slots=True)
class MaxPool(Pooling):
    """Max pooling, as in ResNet's stem. Attributes as in `Pooling`."""

    name = "max pooling"
    timed_kinds = ("maxpool",)


@dataclass(frozen=True, slots=True)
class AveragePool(Pooling):
    """Average pooling in which padded zeros count, as in torch's `AvgPool2d` by default. Attributes as in `Pooling`.

    It is the depthwise convolution whose weights are all 1 / kernel².
    """

    name = "average pooling"
    timed_kinds = ("avgpool",)


@dataclass(frozen=True, slots=True)
class SqueezeExcite(Layer):
    """Squeeze-excitation: global average pool, `reduce` and `expand` on the 1×1 map, multiply.

    A decoration: the Zen-score drops it (paper, Section 3).

    Attributes:
        reduce: 1×1 convolution to fewer channels.
        expand: 1×1 convolution back, with the gate's activation.
    """

    name = "squeeze-excitation"
    timed_kinds = ("gate",)
    decoration = True

    reduce: Convolution
    expand: Convolution

    @property
    def in_channels(self) -> int:
        """Channels that come in."""
        return self.reduce.in_channels

    @property
    def out_channels(self) -> int:
        """Channels that go out."""
        return self.expand.out_channels

    @property
    def stride(self) -> int:
        """1."""
        return 1

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        """Both convolutions on the 1×1 map."""
        return self.reduce, self.expand

    def flops(self, resolution: int) -> int:
        """Multiply-adds of the two convolutions, whatever the map's side."""
        return self.reduce.flops(1) + self.expand.flops(1)

    def memory(self, resolution: int) -> int:
        """The map, which is scaled in place, and its gates."""
        return self.out_channels * (resolution**2 + 1)

    def timed(self, resolution: int) -> tuple[TimedLayer, ...]:
        """Its two convolutions, then pooling and product."""
        channels = self.out_channels
        own = TimedLayer(self.timed_kinds[0], channels, channels, 1, 1, 1, resolution)
        return *self.reduce.timed(1), *self.expand.timed(1), own


@dataclass(frozen=True, slots=True)
class PooledLinear(Layer):
    """Global average pooling, then a 1×1 convolution of the 1×1 map: the hidden layer of MobileNetV3's classifier.

    It stands behind the pre-GAP feature map, where the Zen-score ends, and so is left out of it as a decoration is.

    Attributes:
        convolution: 1×1, with bias and activation, without batch norm.
    """

    name = "hidden layer of the classifier"
    timed_kinds = ("pooled",)
    decoration = True

    convolution: Convolution

    @property
    def in_channels(self) -> int:
        """Channels that come in."""
        return self.convolution.in_channels

    @property
    def out_channels(self) -> int:
        """Channels that go out."""
        return self.convolution.out_channels

    @property
    def stride(self) -> int:
        """1: nothing is halved, the whole map is averaged."""
        return 1

    @property
    def convolutions(self) -> tuple[Convolution, ...]:
        """The convolution on the 1×1 map."""
        return (self.convolution,)

    def flops(self, resolution: int) -> int:
        """Multiply-adds of the convolution, whatever the map's side."""
        return self.convolution.flops(1)

    def out_resolution(self, resolution: int) -> int:
        """1."""
        return 1

    def timed(self, resolution: int) -> tuple[TimedLayer, ...]:
        """Its convolution, then the pooling."""
        own = TimedLayer(self.timed_kinds[0], self.in_channels, self.in_channels, 1, 1, 1, resolution)
        return *self.convolution.timed(1), own


@dataclass(frozen=True, slots=True)
class GateLayer:
    """A convolution of a gate, e.g. one of the two of squeeze-excitation; a nonlinearity follows it.

    Attributes:
        convolution: its channels, kernel and groups.
        side: of its output map, 1 for squeeze-excitation.
        place: how many layers of the chain lie in front of the gate.
    """

    convolution: Convolution
    side: int
    place: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A main path with at most one residual link around it.

    Attributes:
        main: layers in order.
        shortcut: `None` for no link, `"identity"`, or the projection's convolution (which carries the stride).
        activation: what follows the addition; a unit without a link has none.
    """

    main: tuple[Layer, ...]
    shortcut: Convolution | Literal["identity"] | None = None
    activation: Activation = None

    @property
    def projection(self) -> Convolution | None:
        """The convolution in the link, where there is one."""
        return None if self.shortcut == "identity" else self.shortcut
