"""Other people's modules as architectures, with their weights carried over.

Unlike the conversion for a score, nothing is left out or replaced: what no block type says exactly is refused by name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from zennas.architecture.model import Architecture
from zennas.blocks.layers import Convolution, Layer
from zennas.blocks.recognition import super_blocks_of
from zennas.counting import costs
from zennas.errors import ArchitectureError, ScoreError, cut
from zennas.nn.build import ZenNet, build
from zennas.nn.steps import read_steps
from zennas.nn.traced import traced
from zennas.nn.units import Reading, Weighted, read_units

TOLERANCE = 1e-4
"""Between outputs in float32 of two networks of the same weights, which add up in another order."""
RESOLUTION = 224
"""Side of the image with which a module is traced that does not say its own."""


@dataclass(frozen=True)
class Imported:
    """A module as an architecture.

    Attributes:
        architecture: whose network has the module's parameters and multiply-adds.
        weighted: the module's convolutions and linear layers by their names, each with its batch norm, in the order
            in which the network has its own.
    """

    architecture: Architecture
    weighted: tuple[Weighted, ...]


def import_network(module: nn.Module, resolution: int | None = None, name: str = "") -> Imported:
    """The architecture of a module whose chain is made of blocks of the vocabulary.

    Args:
        module: traced on a weightless copy; itself untouched.
        resolution: side of the square input; by default what the module says (timm's do), else 224.
        name: what the architecture is called, and messages say; by default the module's class.

    Raises:
        ArchitectureError: no block type says what the module does; the message names the layer.
    """
    name = name or type(module).__name__
    resolution = resolution or _own_resolution(module)
    try:
        found = traced(module, resolution, name)
    except ScoreError as error:
        raise ArchitectureError(str(error)) from None
    try:
        reading = read_units(read_steps(found), found)
        architecture = _architecture(reading, name, resolution)
        _check_costs(architecture, sum(p.numel() for p in module.parameters()), found.multiply_adds())
    except ArchitectureError as error:
        raise ArchitectureError(f"{name} cannot be imported: {error}") from None
    return Imported(architecture, reading.weighted)


def import_weights(module: nn.Module, imported: Imported) -> ZenNet:
    """The network of an imported module with its weights, in evaluation mode.

    Args:
        module: that was imported.
        imported: what `import_network` read of it.

    Returns:
        A network whose outputs are the module's. Its batch norms have torch's ε; what the module's differ by is added
        to their variances.
    """
    network = build(imported.architecture)
    network.eval()
    sources = dict(module.named_modules())
    own = [part for part in network.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    norms = dict(_norms_behind(network))
    with torch.no_grad():
        for part, (weights, norm) in zip(own, imported.weighted, strict=True):
            source = sources[weights]
            part.weight.copy_(source.weight.reshape(part.weight.shape))
            if part.bias is not None:
                part.bias.copy_(source.bias)
            if norm is not None:
                _copy_norm(sources[norm], norms[part])
    return network


def largest_difference(module: nn.Module, network: ZenNet) -> float:
    """How far the outputs of a module and of its network are apart on two random images, of the largest output.

    Raises:
        ArchitectureError: more than `TOLERANCE`: the network is not the module's.
    """
    side, channels = network.architecture.resolution or RESOLUTION, network.architecture.in_channels
    images = torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(0))
    was_training = module.training
    with torch.no_grad():
        own, other = module.eval()(images), network.eval()(images)
    module.train(was_training)
    own, other = own.flatten(1), other.flatten(1)
    largest = own.abs().max().clamp(min=torch.finfo(own.dtype).tiny)
    difference = float((own - other).abs().max() / largest)
    if not difference <= TOLERANCE:
        raise ArchitectureError(
            f"{network.architecture.name}: the imported network's outputs differ by {difference:.1e} of the largest, "
            f"more than {TOLERANCE:g}: it is not the model's"
        )
    return difference


def _architecture(reading: Reading, name: str, resolution: int) -> Architecture:
    blocks, read = super_blocks_of(reading.units)
    if read < len(reading.units):
        layers = reading.units[read].main
        raise ArchitectureError(
            f"no block type has what begins at {reading.places[read]}: {cut(', '.join(map(_described, layers)), 300)}"
        )
    return Architecture(tuple(blocks), name, resolution, reading.num_classes)


def _check_costs(architecture: Architecture, params: int, flops: int) -> None:
    counted = costs(architecture)
    if (counted.params, counted.flops) != (params, flops):
        raise ArchitectureError(
            f"it has {params} params and {flops} multiply-adds, its blocks {counted.params} and {counted.flops}: there "
            "are layers beside its chain"
        )


def _described(layer: Layer) -> str:
    if not isinstance(layer, Convolution):
        return layer.name
    parts = [f"{layer.kernel}×{layer.kernel} convolution {layer.in_channels}→{layer.out_channels}"]
    parts += [f"stride {layer.stride}"] * (layer.stride > 1) + [f"{layer.groups} groups"] * (layer.groups > 1)
    parts += ["with a bias"] * layer.bias + ["without batch norm"] * (not layer.norm)
    return " ".join([*parts, layer.activation or "without activation"])


def _norms_behind(network: nn.Module) -> Iterable[tuple[nn.Module, nn.Module]]:
    parts = [part for part in network.modules() if not list(part.children())]
    return ((one, other) for one, other in pairwise(parts) if isinstance(other, nn.BatchNorm2d))


def _copy_norm(source: nn.Module, norm: nn.Module) -> None:
    for part in ("weight", "bias", "running_mean"):
        getattr(norm, part).copy_(getattr(source, part))
    norm.running_var.copy_(source.running_var + (source.eps - norm.eps))


def _own_resolution(module: nn.Module) -> int:
    size = (getattr(module, "default_cfg", None) or {}).get("input_size")
    return int(size[-1]) if size else RESOLUTION
