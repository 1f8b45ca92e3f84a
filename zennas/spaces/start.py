"""The start of a search: a random small network that meets the budgets (paper, Section 5)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.counting import QUANTITIES, Costs, count_super_blocks
from zennas.counting.budgets import Budget, total_violation
from zennas.errors import BudgetError
from zennas.input_size import Resolution
from zennas.spaces.mutation import DRAWS, draw_mutation
from zennas.spaces.space import BlockChoice, SearchSpace

RANDOM_TRIES = 64
REPAIRS = 4000


def random_small(space: SearchSpace, rng: np.random.Generator) -> tuple[SuperBlock, ...]:
    """A random network of one layer a stage, with widths near the small end of the space."""

    def pick(values: Sequence[int]) -> int:
        return int(values[int(rng.integers(len(values)))])

    def choice() -> BlockChoice:
        return space.choices[int(rng.integers(len(space.choices)))]

    widths = [pick(space.width.below(64)) for _ in space.stage_strides]
    if space.growing:
        widths.sort()
    return _assemble(
        space,
        [choice() for _ in space.stage_strides],
        pick(space.stem_width.below(32)),
        widths,
        [pick(space.bottleneck.below(32)) for _ in space.stage_strides],
        pick(space.head_width.below(256)),
    )


def smallest_of(space: SearchSpace, choice: BlockChoice) -> tuple[SuperBlock, ...]:
    """The network with every width at its minimum, made of one block type."""
    stages = len(space.stage_strides)
    return _assemble(
        space,
        [choice] * stages,
        space.stem_width.low,
        [space.width.low] * stages,
        [space.bottleneck.low] * stages,
        space.head_width.low,
    )


def _assemble(
    space: SearchSpace,
    choices: Sequence[BlockChoice],
    stem: int,
    widths: Sequence[int],
    bottlenecks: Sequence[int],
    last: int,
) -> tuple[SuperBlock, ...]:
    first = space.stem if "stem" in space.frozen else replace(space.stem, out_channels=stem)
    blocks = [first]
    for choice, stride, width, bottleneck in zip(choices, space.stage_strides, widths, bottlenecks, strict=True):
        plain = SuperBlock("", 1, blocks[-1].out_channels, width, stride, bottleneck, space.layers.low)
        blocks.append(space.with_choice(plain, choice))
    if space.head is not None:
        head = space.head if "head" in space.frozen else replace(space.head, out_channels=last)
        blocks.append(replace(head, in_channels=blocks[-1].out_channels))
    return tuple(blocks)


def starting_network(
    space: SearchSpace,
    budgets: Sequence[Budget],
    resolution: Resolution,
    num_classes: int,
    rng: np.random.Generator,
    count: Callable[[tuple[SuperBlock, ...]], Costs] | None = None,
) -> tuple[SuperBlock, ...]:
    """A network of the space that meets all budgets.

    Random small networks are tried first, then the smallest ones, then the nearest of all is mutated towards the
    budgets (which is how lower bounds are reached).

    Args:
        space: what the network has to be of.
        budgets: what it has to meet, all of them.
        resolution: size of the input in pixels: its side, or height and width.
        num_classes: outputs of the classifier.
        rng: where the randomness comes from.
        count: costs of a network, where they are more than can be counted: latencies.

    Raises:
        BudgetError: none was found; the message has the smallest network that was tried.
    """
    if count is None:

        def count(super_blocks: tuple[SuperBlock, ...]) -> Costs:
            return count_super_blocks(super_blocks, resolution, num_classes)

    nearest: tuple[float, tuple[SuperBlock, ...]] | None = None
    least: dict[str, float] = {}
    smallest_tried: Costs | None = None
    for blocks in _first_tries(space, rng):
        costs = count(blocks)
        if smallest_tried is None or costs.params < smallest_tried.params:
            smallest_tried = costs
        for budget in budgets:
            value = getattr(costs, budget.quantity)
            least[budget.quantity] = min(value, least.get(budget.quantity, value))
        violation = total_violation(costs, budgets)
        if violation == 0:
            return blocks
        if nearest is None or violation < nearest[0]:
            nearest = (violation, blocks)
    assert nearest is not None
    assert smallest_tried is not None
    unreachable = [b for b in budgets if QUANTITIES[b.quantity].least_in_smallest and least[b.quantity] > b.high]
    if not unreachable:
        repaired = _repair(nearest, space, budgets, count, rng)
        if repaired is not None:
            return repaired
    raise BudgetError(_explain(space, budgets, unreachable, least, smallest_tried))


def _first_tries(space: SearchSpace, rng: np.random.Generator) -> Iterator[tuple[SuperBlock, ...]]:
    if space.start:
        yield space.start
        return
    for _ in range(RANDOM_TRIES):
        yield random_small(space, rng)
    for choice in space.choices:
        yield smallest_of(space, choice)


def _repair(
    nearest: tuple[float, tuple[SuperBlock, ...]],
    space: SearchSpace,
    budgets: Sequence[Budget],
    count: Callable[[tuple[SuperBlock, ...]], Costs],
    rng: np.random.Generator,
) -> tuple[SuperBlock, ...] | None:
    violation, blocks = nearest
    for _ in range(REPAIRS):
        other = draw_mutation(blocks, 0.5, space, iter(rng.random(DRAWS).tolist())).apply(blocks)
        reached = total_violation(count(other), budgets)
        if reached <= violation:
            violation, blocks = reached, other
        if violation == 0:
            return blocks
    return None


def _explain(
    space: SearchSpace,
    budgets: Sequence[Budget],
    unreachable: Sequence[Budget],
    least: dict[str, float],
    smallest: Costs,
) -> str:
    wanted = ", ".join(map(str, unreachable or budgets))
    reached = ", ".join(f"{b.quantity} {b.show(least[b.quantity])}" for b in unreachable or budgets)
    lifted = "; flops_per_param 0 lifts the implied bound" if any(b.implied for b in unreachable or budgets) else ""
    return (
        f"no network of the {space.name} space was found with {wanted}; the smallest tried has {reached} "
        f"(its smallest in all: {smallest.params} params, {smallest.flops} multiply-adds, {smallest.layers} layers)"
        f"{lifted}"
    )
