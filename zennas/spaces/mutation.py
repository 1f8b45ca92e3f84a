"""MUTATE (Algorithm 3): one super-block gets another type, width and depth; and what a search makes of it.

At a full budget most changes of one super-block do not fit, and those that do make the network smaller. A search
therefore also changes two super-blocks at once, and moves layers from one to another (measured in docs/benchmarks.md).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.spaces.space import Range, SearchSpace

DRAWS = 8
"""Uniform draws in [0, 1) that one mutation consumes at most."""
OFFSPRING_DRAWS = 5 + 2 * DRAWS
"""The same of `draw_offspring`."""
MOVING, TWICE = 0.2, 0.5
"""Shares of the offspring: those that move layers; and of the others, those with two mutated super-blocks."""
_MOST_MOVED = 2

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
    """A mutated architecture (Algorithm 3). `rho` is the probability of another block type."""
    mutation = draw_mutation(architecture.super_blocks, rho, space, iter(rng.random(DRAWS).tolist()))
    return Architecture(mutation.apply(architecture.super_blocks), resolution=architecture.resolution)


def draw_mutation(
    super_blocks: tuple[SuperBlock, ...], rho: float, space: SearchSpace, draws: Iterator[float]
) -> Mutation:
    """Draw a mutation from at most `DRAWS` uniform numbers in [0, 1)."""
    first = "stem" in space.frozen
    end = len(super_blocks) - (space.head is not None and "head" in space.frozen)
    index = first + int(next(draws) * (end - first))
    block = super_blocks[index]
    if index == 0:
        return Mutation(index, (_widened(block, space.stem_width, space, draws),))
    if space.head is not None and index == len(super_blocks) - 1:
        return Mutation(index, (_widened(block, space.head_width, space, draws),))
    kind = _pick(space.choices, draws) if next(draws) < rho else block
    # Any of width, bottleneck and depth, but not always all three: searches end 1.4 higher (see docs/benchmarks.md).
    part = int(next(draws) * 7) + 1
    changed = SuperBlock(
        kind.block,
        kind.kernel,
        block.in_channels,
        _near(space.width, block.out_channels, space, draws) if part & 1 else block.out_channels,
        block.stride,
        _near(space.bottleneck, block.bottleneck, space, draws)
        if part & 2 or not block.bottleneck
        else block.bottleneck,
        _near(space.layers, block.layers, space, draws) if part & 4 else block.layers,
        kind.expansion,
        kind.group_width,
        kind.se,
    )
    return Mutation(index, space.split(changed))


def draw_offspring(
    super_blocks: tuple[SuperBlock, ...], rho: float, space: SearchSpace, draws: Iterator[float]
) -> tuple[Mutation, ...]:
    """Draw the mutations that make a search's offspring, to be applied one after another: one or two of Algorithm 3's,
    or layers that move from one super-block to another. Consumes at most `OFFSPRING_DRAWS` of `draws`."""
    if next(draws) < MOVING:
        moved = _moved_layers(super_blocks, space, draws)
        if moved:
            return moved
    first = draw_mutation(super_blocks, rho, space, draws)
    if next(draws) >= TWICE:
        return (first,)
    return first, draw_mutation(first.apply(super_blocks), rho, space, draws)


def _moved_layers(
    super_blocks: tuple[SuperBlock, ...], space: SearchSpace, draws: Iterator[float]
) -> tuple[Mutation, ...]:
    inner = len(super_blocks) - 1 - (space.head is not None)
    if inner < 2:
        return ()
    giver, taker = (1 + int(next(draws) * inner) for _ in range(2))
    count = 1 + int(next(draws) * _MOST_MOVED)
    given, taken = super_blocks[giver], super_blocks[taker]
    if giver == taker or given.layers - count < space.layers.low or taken.layers + count > space.layers.high:
        return ()
    less = Mutation(giver, (replace(given, layers=given.layers - count),))
    return less, Mutation(taker, space.split(replace(taken, layers=taken.layers + count)))


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
