"""What a score scores: an architecture, or a user's module with its chain."""

from collections.abc import Sequence
from typing import Any, Protocol

from zennas.architecture.model import Architecture
from zennas.blocks.chain import Chain, architecture_chain
from zennas.blocks.layers import GateLayer
from zennas.counting import DEFAULT_CLASSES, native_classes
from zennas.input_size import Resolution


class ForeignNetwork(Protocol):
    """A module that no architecture describes; `zennas.nn.Conversion` is one.

    Attributes:
        module: the `nn.Module`; scores leave it untouched.
        chain: its VCN-network.
        params: learnable values of the whole module.
        flops: multiply-adds of one image at the resolution that it was traced with.
        gates: what the gates are made of that its chain leaves out.
    """

    @property
    def name(self) -> str: ...
    @property
    def module(self) -> Any: ...
    @property
    def chain(self) -> Chain: ...
    @property
    def params(self) -> int: ...
    @property
    def flops(self) -> int: ...
    @property
    def gates(self) -> Sequence[GateLayer]: ...


Network = Architecture | ForeignNetwork


def chain_of(network: Network) -> Chain:
    """The VCN-network of an architecture or a converted module. Raises `ArchitectureError`."""
    return architecture_chain(network) if isinstance(network, Architecture) else network.chain


def scorable(network: Network) -> Architecture | Chain:
    """What the Zen-scores take: the architecture itself, or the chain of a converted module."""
    return network if isinstance(network, Architecture) else network.chain


def class_count(network: Network, num_classes: int | None) -> int:
    """The given number of classes, or the architecture's own, else 1000; a module does not say how many it has."""
    if isinstance(network, Architecture):
        return native_classes(network, num_classes)
    return DEFAULT_CLASSES if num_classes is None else num_classes


def resolutions(chain: Chain, resolution: Resolution) -> list[Resolution]:
    """Size of the output map of every convolution of a chain."""
    sides: list[Resolution] = []
    for layer in chain:
        resolution = layer.out_resolution(resolution)
        sides += [resolution] * len(layer.convolutions)
    return sides


def in_channels(chain: Chain) -> int:
    """Channels of the input image."""
    return chain[0].in_channels
