"""MUTATE (Algorithm 3): one super-block gets another type, width and depth."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.spaces.space import BlockChoice, Range, SearchSpace
from zennas.spaces.weighted import WeightedTable

DRAWS = 8
"""Uniform draws in [0, 1) that one mutation consumes at most."""

CHANGES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("width",), 1),
    (("bottleneck",), 1),
    (("width", "bottleneck"), 1),
    (("depth",), 1),
    (("width", "depth"), 1),
    (("bottleneck", "depth"), 1),
    (("width", "bottleneck", "depth"), 1),
)
"""What a mutation changes of a stage's super-block, beside its type, with weights. Algorithm 3 changes all three each
time; searches that do not always do so end 1.4 higher (see docs/benchmarks.md)."""

_CHANGES = WeightedTable(CHANGES)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mutation:
    """Replace the super-block at `index` by `blocks`; the next one's input channels follow."""

    index: int
    blocks: tuple[SuperBlock, ...]

    def apply(self, super_blocks: tuple[SuperBlock, ...]) -> tuple[SuperBlock, ...]:
        """The mutated super-blocks."""
        rest = super_blocks[self.index + 1 :]
        out = self.blocks[-1].out_channels
        if rest and rest[0].in_channels != out:
            rest = (rest[0].resized(out, rest[0].layers), *rest[1:])
        return super_blocks[: self.index] + self.blocks + rest


def mutate(architecture: Architecture, rho: float, space: SearchSpace, rng: np.random.Generator) -> Architecture:
    """A mutated architecture (Algorithm 3).

    Args:
        architecture: what is mutated.
        rho: probability with which a new block type is drawn, which may be the old one.
        space: the block types, widths and depths to draw from.
        rng: where the randomness comes from.
    """
    mutation = draw_mutation(architecture.super_blocks, rho, space, iter(rng.random(DRAWS).tolist()))
    return Architecture(mutation.apply(architecture.super_blocks), resolution=architecture.resolution)


def draw_mutation(
    super_blocks: tuple[SuperBlock, ...], rho: float, space: SearchSpace, draws: Iterator[float]
) -> Mutation:
    """Draw a mutation of one super-block, every one as likely as the others.

    Args:
        super_blocks: the network that is mutated.
        rho: probability with which a new block type is drawn, which may be the old one.
        space: the block types, widths and depths to draw from.
        draws: uniform numbers in [0, 1), of which at most `DRAWS` are consumed.
    """
    first = "stem" in space.frozen
    end = len(super_blocks) - (space.head is not None and "head" in space.frozen)
    index = first + int(next(draws) * (end - first))
    block = super_blocks[index]
    if index == 0:
        return Mutation(index, (_widened(block, space.stem_width, space, draws),))
    if space.head is not None and index == len(super_blocks) - 1:
        return Mutation(index, (_widened(block, space.head_width, space, draws),))
    kind = draw_type(block, rho, space, draws)
    changes = _CHANGES.pick(next(draws))
    widths = block.bottleneck > 0 and ("width" in changes or "bottleneck" in changes)
    together = widths and space.together > 0 and next(draws) < space.together
    width = block.out_channels
    if together or "width" in changes:
        width = draw_width(super_blocks, index, space, draws)
    inner = block.bottleneck
    if together:
        inner = in_proportion(block, width, space)
    # A type without a bottleneck may be followed by one that needs it.
    elif "bottleneck" in changes or not inner:
        inner = draw_bottleneck(block, space, draws)
    changed = SuperBlock(
        kind.block,
        kind.kernel,
        block.in_channels,
        width,
        block.stride,
        inner,
        draw_depth(block, space, draws) if "depth" in changes else block.layers,
        kind.expansion,
        kind.group_width,
        kind.se,
        kind.squeeze,
        kind.activation,
    )
    return Mutation(index, space.split(changed))


def draw_type(block: SuperBlock, rho: float, space: SearchSpace, draws: Iterator[float]) -> BlockChoice | SuperBlock:
    """With probability `rho` one of the space's block types, else that of `block`.

    Args:
        block: the super-block that is mutated.
        rho: probability with which a type is drawn.
        space: the block types to draw from, uniformly.
        draws: uniform numbers in [0, 1), of which one or two are consumed.
    """
    return _pick(space.choices, draws) if next(draws) < rho else block


def draw_width(super_blocks: tuple[SuperBlock, ...], index: int, space: SearchSpace, draws: Iterator[float]) -> int:
    """Output channels: uniform over the allowed widths around those of a super-block of the stages.

    Args:
        super_blocks: the network that is mutated.
        index: of the super-block.
        space: the widths that are allowed, and how far one mutation goes.
        draws: uniform numbers in [0, 1), of which one is consumed.
    """
    return _near(space.widths_at(super_blocks, index), super_blocks[index].out_channels, space, draws)


def draw_bottleneck(block: SuperBlock, space: SearchSpace, draws: Iterator[float]) -> int:
    """Inner channels: uniform over the allowed ones around those of `block`.

    Args:
        block: the super-block that is mutated.
        space: the bottlenecks that are allowed, and how far one mutation goes.
        draws: uniform numbers in [0, 1), of which one is consumed.
    """
    return _near(space.bottleneck, block.bottleneck, space, draws)


def in_proportion(block: SuperBlock, width: int, space: SearchSpace) -> int:
    """The bottleneck that is to another width, as nearly as is allowed, what that of a super-block is to its own.

    Args:
        block: the super-block; its bottleneck is not 0.
        width: the other output channels.
        space: the bottlenecks that are allowed.
    """
    return space.bottleneck.nearest(block.bottleneck * width / block.out_channels)


def draw_depth(block: SuperBlock, space: SearchSpace, draws: Iterator[float]) -> int:
    """Layers: uniform over the allowed ones around those of `block`.

    Args:
        block: the super-block that is mutated.
        space: the depths that are allowed, and how far one mutation goes.
        draws: uniform numbers in [0, 1), of which one is consumed.
    """
    return _near(space.layers, block.layers, space, draws)


def applied(mutations: Iterable[Mutation], super_blocks: tuple[SuperBlock, ...]) -> tuple[SuperBlock, ...]:
    """The super-blocks after the mutations, one after another."""
    for mutation in mutations:
        super_blocks = mutation.apply(super_blocks)
    return super_blocks


def _widened(block: SuperBlock, allowed: Range, space: SearchSpace, draws: Iterator[float]) -> SuperBlock:
    return replace(block, out_channels=_near(allowed, block.out_channels, space, draws))


def _near(allowed: Range, value: int, space: SearchSpace, draws: Iterator[float]) -> int:
    return _pick(allowed.near(value, space.mutation), draws)


def _pick(values: Sequence[T], draws: Iterator[float]) -> T:
    return values[int(next(draws) * len(values))]
