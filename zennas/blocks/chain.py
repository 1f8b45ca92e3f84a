"""The chain of an architecture: its VCN-network, what the Zen-score measures.

Residual links go with their projections, squeeze-excitation goes, and the activation after an addition follows the
last convolution of the main path (paper, Sections 3 and 4.1.1).
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.layers import AveragePool, Convolution, MaxPool, Unit
from zennas.blocks.registry import expand, expand_at
from zennas.errors import ArchitectureError

Chain = tuple[Convolution | MaxPool | AveragePool, ...]


@dataclass(frozen=True, slots=True)
class SuperBlockChain:
    """A super-block's convolutions: `first`, then `rest` as often as `repeats` says."""

    first: Chain
    rest: Chain
    repeats: int

    def layers(self) -> Chain:
        """All of them, in order."""
        return self.first + self.rest * self.repeats


@lru_cache(maxsize=1 << 16)
def super_block_chain(block: SuperBlock) -> SuperBlockChain:
    """The main path of one super-block."""
    expansion = expand(block)
    return SuperBlockChain(_main_path(expansion.first), _main_path(expansion.rest), expansion.repeats)


@lru_cache(maxsize=1 << 16)
def _main_path(units: tuple[Unit, ...]) -> Chain:
    chain: list[Convolution | MaxPool | AveragePool] = []
    for unit in units:
        path = [layer for layer in unit.main if isinstance(layer, Convolution | MaxPool | AveragePool)]
        if unit.activation is not None and path and isinstance(path[-1], Convolution):
            path[-1] = replace(path[-1], activation=unit.activation)
        chain += path
    return tuple(chain)


def architecture_chain(architecture: Architecture) -> Chain:
    """The main path of the whole architecture. Raises `ArchitectureError`."""
    chain: list[Convolution | MaxPool | AveragePool] = []
    for index, block in enumerate(architecture.super_blocks):
        expand_at(block, index)
        chain += super_block_chain(block).layers()
    if not any(isinstance(layer, Convolution) for layer in chain):
        raise ArchitectureError("the architecture has no convolution")
    return tuple(chain)
