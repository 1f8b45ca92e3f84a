"""What every block is made of. Costs, scores and modules all read these descriptions and nothing else."""

from dataclasses import dataclass
from typing import Literal

from zennas.errors import ArchitectureError

Activation = Literal["relu", "sigmoid"] | None


@dataclass(frozen=True, slots=True)
class Convolution:
    """A square convolution with zero padding (kernel − 1) / 2, then batch norm, then an activation.

    Attributes:
        bias: whether the convolution has a bias (the paper's projections do, its main path does not).
        norm: whether a batch norm follows.
        activation: what follows the norm.
    """

    in_channels: int
    out_channels: int
    kernel: int
    stride: int = 1
    groups: int = 1
    bias: bool = False
    norm: bool = True
    activation: Activation = "relu"

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

    def out_resolution(self, resolution: int) -> int:
        """Side of the output for an input of side `resolution`: ⌈resolution / stride⌉."""
        return -(-resolution // self.stride)


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Max pooling with padding (kernel − 1) / 2, as in ResNet's stem."""

    channels: int
    kernel: int = 3
    stride: int = 2

    def out_resolution(self, resolution: int) -> int:
        """Side of the output for an input of side `resolution`."""
        return -(-resolution // self.stride)


@dataclass(frozen=True, slots=True)
class AveragePool:
    """Average pooling with zero padding (kernel − 1) // 2; the zeros count, as in torch's `AvgPool2d` by default.

    It is the depthwise convolution whose weights are all 1 / kernel². An even kernel needs stride 2 and follows
    `ceil_mode=True`: on an odd side the last window averages what is left of it. On even sides
    `AveragePool(c, 2, 2)` is `AvgPool2d(2)`.
    """

    channels: int
    kernel: int = 3
    stride: int = 2

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.stride < 1:
            raise ArchitectureError(
                f"average pooling: kernel {self.kernel} and stride {self.stride} are not allowed; use 1 or more"
            )
        if self.kernel % 2 == 0 and self.stride != 2:
            raise ArchitectureError(
                f"average pooling: an even kernel needs stride 2; kernel {self.kernel} has stride {self.stride}"
            )

    def out_resolution(self, resolution: int) -> int:
        """Side of the output for an input of side `resolution`."""
        return -(-resolution // self.stride)


@dataclass(frozen=True, slots=True)
class SqueezeExcite:
    """Squeeze-excitation: global average pool, `reduce` and `expand` on the 1×1 map, multiply.

    A decoration: the Zen-score drops it (paper, Section 3).
    """

    reduce: Convolution
    expand: Convolution


Layer = Convolution | MaxPool | AveragePool | SqueezeExcite


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
