"""Building the `nn.Module` of an architecture from its blocks' descriptions."""

from collections.abc import Callable, Sequence
from functools import partial, singledispatch

import torch
from torch import Tensor, nn

from zennas.architecture.model import Architecture
from zennas.blocks.layers import (
    Activation,
    AveragePool,
    Convolution,
    Layer,
    MaxPool,
    PooledLinear,
    SqueezeExcite,
    Unit,
)
from zennas.blocks.registry import expand_at
from zennas.counting import native_classes
from zennas.errors import ArchitectureError

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": partial(nn.ReLU, inplace=True),
    "relu6": partial(nn.ReLU6, inplace=True),
    "hardswish": partial(nn.Hardswish, inplace=True),
    "silu": partial(nn.SiLU, inplace=True),
    "sigmoid": nn.Sigmoid,
    "hardsigmoid": nn.Hardsigmoid,
}


class ZenNet(nn.Module):
    """A network made from an architecture.

    Attributes:
        architecture: what it was built from.
        super_blocks: one `nn.Sequential` of units a super-block.
        classifier: the linear layer, or `nn.Identity` where `num_classes` is 0.
    """

    def __init__(self, architecture: Architecture, num_classes: int) -> None:
        super().__init__()
        self.architecture = architecture
        self.num_classes = num_classes
        self.super_blocks = nn.ModuleList(
            nn.Sequential(*map(_unit, expand_at(block, index).units()))
            for index, block in enumerate(architecture.super_blocks)
        )
        self.classifier: nn.Module = nn.Linear(architecture.out_channels, num_classes) if num_classes else nn.Identity()
        initialise(self)

    def forward_stages(self, images: Tensor) -> list[Tensor]:
        """The last feature map at each resolution, N×C×H×W, from the largest map to the pre-GAP one."""
        maps: list[Tensor] = []
        x = images
        for block in self.super_blocks:
            x = block(x)
            if maps and maps[-1].shape[-2:] == x.shape[-2:]:
                maps[-1] = x
            else:
                maps.append(x)
        return maps

    def forward_features(self, images: Tensor) -> Tensor:
        """The pre-GAP feature map, N×C×H×W."""
        x = images
        for block in self.super_blocks:
            x = block(x)
        return x

    def forward_head(self, features: Tensor) -> Tensor:
        """Logits N×`num_classes` of a pre-GAP feature map."""
        logits: Tensor = self.classifier(features.mean((2, 3)))
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Logits N×`num_classes` of images N×3×H×W."""
        return self.forward_head(self.forward_features(images))


class ResidualUnit(nn.Module):
    """A main path, its projection or identity, and the activation after their sum."""

    def __init__(self, main: nn.Module, projection: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.main = main
        self.projection = projection
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W to N×C'×H'×W'."""
        y: Tensor = self.activation(self.main(x) + self.projection(x))
        return y


class GlobalPooling(nn.Module):
    """The average of each channel as a 1×1 map."""

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W to N×C×1×1."""
        return x.mean((2, 3), keepdim=True)


class SqueezeExcitation(nn.Module):
    """Squeeze-excitation: scales each channel by a gate in (0, 1) from the whole map."""

    def __init__(self, layer: SqueezeExcite) -> None:
        super().__init__()
        self.gate = nn.Sequential(*_convolution(layer.reduce), *_convolution(layer.expand))

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W to the same shape."""
        y: Tensor = x * self.gate(x.mean((2, 3), keepdim=True))
        return y


def build(architecture: Architecture, num_classes: int | None = None) -> ZenNet:
    """The network of an architecture, initialised after He et al. with zero-scaled residual branches.

    Args:
        architecture: the network as data.
        num_classes: outputs of the classifier, 0 for none; by default the architecture's own, else 1000.

    Raises:
        ArchitectureError: a block type is unknown or incomplete.
    """
    return ZenNet(architecture, native_classes(architecture, num_classes))


def initialise(module: nn.Module, generator: torch.Generator | None = None) -> None:
    """He et al.'s initialisation; the last norm of each residual branch starts at zero, so that every
    residual unit starts as its link alone.

    Args:
        module: changed in place: its convolutions, batch norms and linear layers.
        generator: what weights are drawn from; by default torch's global one.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu", generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, 0, 0.01, generator=generator)
            nn.init.zeros_(part.bias)
    for part in module.modules():
        if isinstance(part, ResidualUnit):
            norms = [m for m in part.main.modules() if isinstance(m, nn.BatchNorm2d)]
            nn.init.zeros_(norms[-1].weight)


def _unit(unit: Unit) -> nn.Module:
    layers: list[nn.Module] = []
    for layer in unit.main:
        layers += layer_modules(layer)
    main = nn.Sequential(*layers)
    if unit.shortcut is None:
        return main
    projection = nn.Identity() if unit.projection is None else layer_module(unit.projection)
    return ResidualUnit(main, projection, nn.Sequential(*_activation(unit.activation)))


def layer_module(layer: Layer) -> nn.Module:
    """One layer with its norm and activation."""
    return nn.Sequential(*layer_modules(layer))


@singledispatch
def layer_modules(layer: Layer) -> Sequence[nn.Module]:
    """The modules that a layer is built of, in order. A kind of layer registers its own by its class.

    Args:
        layer: of a unit's main path.

    Raises:
        ArchitectureError: nothing is registered for that kind of layer.
    """
    kind = type(layer).__name__
    raise ArchitectureError(f"no module is known for the layer {kind}; register one by @layer_modules.register")


@layer_modules.register
def _max_pool(layer: MaxPool) -> Sequence[nn.Module]:
    return [nn.MaxPool2d(layer.kernel, layer.stride, layer.padding, ceil_mode=layer.ceil_mode)]


@layer_modules.register
def _average_pool(layer: AveragePool) -> Sequence[nn.Module]:
    return [nn.AvgPool2d(layer.kernel, layer.stride, layer.padding, ceil_mode=layer.ceil_mode)]


@layer_modules.register
def _squeeze_excite(layer: SqueezeExcite) -> Sequence[nn.Module]:
    return [SqueezeExcitation(layer)]


@layer_modules.register
def _pooled_linear(layer: PooledLinear) -> Sequence[nn.Module]:
    return [GlobalPooling(), *_convolution(layer.convolution)]


@layer_modules.register
def _convolution(layer: Convolution) -> Sequence[nn.Module]:
    parts: list[nn.Module] = [
        nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            layer.kernel,
            layer.stride,
            (layer.kernel - 1) // 2,
            groups=layer.groups,
            bias=layer.bias,
        )
    ]
    if layer.norm:
        parts.append(nn.BatchNorm2d(layer.out_channels))
    return [*parts, *_activation(layer.activation)]


def _activation(name: Activation) -> Sequence[nn.Module]:
    if name is None:
        return []
    return [_ACTIVATIONS[name]()]
