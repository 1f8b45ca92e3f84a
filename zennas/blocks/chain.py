"""The chain of an architecture: its VCN-network, what the Zen-score measures.

Residual links go with their projections, squeeze-excitation goes, the activation after an addition follows the last
convolution of the main path, and every activation is ReLU (paper, Sections 3 and 4.1.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from zennas.architecture.model import ACTIVATIONS, Architecture, SuperBlock
from zennas.blocks.layers import Convolution, Layer, Unit
from zennas.blocks.registry import expand, expand_at, kept_by_block
from zennas.errors import ArchitectureError

Chain = tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class SuperBlockChain:
    """A super-block's layers: `first`, then `rest` as often as `repeats` says."""

    first: Chain
    rest: Chain
    repeats: int

    def layers(self) -> Chain:
        """All of them, in order."""
        return self.first + self.rest * self.repeats


@kept_by_block(maxsize=1 << 16)
def super_block_chain(block: SuperBlock) -> SuperBlockChain:
    """The main path of one super-block."""
    expansion = expand(block)
    return SuperBlockChain(_main_path(expansion.first), _main_path(expansion.rest), expansion.repeats)


@lru_cache(maxsize=1 << 16)
def _main_path(units: tuple[Unit, ...]) -> Chain:
    return tuple(layer for layer in decorated_path(units) if not layer.decoration)


@lru_cache(maxsize=1 << 16)
def decorated_path(units: tuple[Unit, ...]) -> Chain:
    """The main path with what the Zen-score drops from it, such as squeeze-excitation.

    Args:
        units: in order; the activation after an addition follows the last layer of its main path.
    """
    chain: list[Layer] = []
    for unit in units:
        path = list(unit.main)
        places = [place for place, layer in enumerate(path) if not layer.decoration]
        if unit.activation is not None and places:
            path[places[-1]] = path[places[-1]].with_activation(unit.activation)
        chain += map(_with_relu, path)
    return tuple(chain)


def _with_relu(layer: Layer) -> Layer:
    """The layer as the scores see it."""
    if isinstance(layer, Convolution) and layer.activation in ACTIVATIONS and layer.activation != "relu":
        return layer.with_activation("relu")
    return layer


def architecture_chain(architecture: Architecture) -> Chain:
    """The main path of the whole architecture. Raises `ArchitectureError`."""
    chain: list[Layer] = []
    for index, block in enumerate(architecture.super_blocks):
        expand_at(block, index)
        chain += super_block_chain(block).layers()
    if not any(layer.convolutions for layer in chain):
        raise ArchitectureError("the architecture has no convolution")
    return tuple(chain)


def convolutions(chain: Iterable[Layer]) -> list[Convolution]:
    """The convolutions of a chain, in order."""
    return [convolution for layer in chain for convolution in layer.convolutions]
