"""MUTATE (Algorithm 3): one super-block gets another type, width and depth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.evolution.space import Range, SearchSpace

DRAWS = 8
"""Uniform draws in [0, 1) that one mutation consumes at most."""

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
    end = len(super_blocks) - (space.last is not None and "head" in space.frozen)
    index = first + int(next(draws) * (end - first))
    block = super_blocks[index]
    if index == 0:
        return Mutation(index, (_widened(block, space.stem_width, space, draws),))
    if space.last is not None and index == len(super_blocks) - 1:
        return Mutation(index, (_widened(block, space.last_width, space, draws),))
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


def _widened(block: SuperBlock, allowed: Range, space: SearchSpace, draws: Iterator[float]) -> SuperBlock:
    return replace(block, out_channels=_near(allowed, block.out_channels, space, draws))


def _near(allowed: Range, value: int, space: SearchSpace, draws: Iterator[float]) -> int:
    return _pick(allowed.near(value, space.mutation), draws)


def _pick(values: Sequence[T], draws: Iterator[float]) -> T:
    return values[int(next(draws) * len(values))]
