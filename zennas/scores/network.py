"""What a score scores: an architecture, or a user's module with its chain."""

from typing import Any, Protocol

from zennas.architecture.model import Architecture
from zennas.blocks.chain import Chain, architecture_chain
from zennas.blocks.layers import AveragePool, Convolution, MaxPool


class ForeignNetwork(Protocol):
    """A module that no architecture describes; `zennas.nn.Conversion` is one.

    Attributes:
        module: the `nn.Module`; scores leave it untouched.
        chain: its VCN-network.
        params: learnable values of the whole module.
        flops: multiply-adds of one image at the resolution that it was traced with.
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


Network = Architecture | ForeignNetwork


def chain_of(network: Network) -> Chain:
    """The VCN-network of an architecture or a converted module. Raises `ArchitectureError`."""
    return architecture_chain(network) if isinstance(network, Architecture) else network.chain


def scorable(network: Network) -> Architecture | Chain:
    """What the Zen-scores take: the architecture itself, or the chain of a converted module."""
    return network if isinstance(network, Architecture) else network.chain


def resolutions(chain: Chain, resolution: int) -> list[int]:
    """Side of the output map of every convolution of a chain."""
    sides = []
    for layer in chain:
        resolution = layer.out_resolution(resolution)
        if isinstance(layer, Convolution):
            sides.append(resolution)
    return sides


def in_channels(chain: Chain) -> int:
    """Channels of the input image."""
    first = chain[0]
    return first.channels if isinstance(first, MaxPool | AveragePool) else first.in_channels
