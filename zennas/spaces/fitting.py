"""Fitting a network to its budgets: one of its widths gets as large as they allow.

At a full budget a change that makes one super-block more expensive does not fit, and one that makes it cheaper leaves
room unused. Fitted, both end where the best networks are: at the bound.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from zennas.architecture.model import SuperBlock
from zennas.counting import Costs
from zennas.counting.budgets import Budget
from zennas.spaces.mutation import Mutation, in_proportion
from zennas.spaces.space import SearchSpace

FIT_DRAWS = 2
"""Uniform draws in [0, 1) that `fit` takes."""


def fit(
    super_blocks: tuple[SuperBlock, ...],
    space: SearchSpace,
    budgets: Sequence[Budget],
    count: Callable[[tuple[SuperBlock, ...]], Costs],
    draws: Sequence[float],
) -> Mutation | None:
    """A mutation of one super-block's width or bottleneck to the largest value around it that exceeds no budget.

    In a share of all cases, `SearchSpace.together`, its bottleneck keeps its proportion to the width. Where every value
    exceeds a budget, it is the smallest. Costs that do not grow with widths may leave a larger one unseen.

    Args:
        super_blocks: the network.
        space: bounds of the widths, and how far a mutation goes.
        budgets: upper bounds.
        count: costs of a network.
        draws: two uniform numbers: which super-block, and whether its bottleneck, its width, or both.

    Returns:
        The mutation; `None` where the width is that already.
    """
    first = "stem" in space.frozen
    end = len(super_blocks) - (space.head is not None and "head" in space.frozen)
    index = first + int(draws[0] * (end - first))
    block = super_blocks[index]
    inner = both = False
    if index == 0:
        allowed = space.stem_width
    elif space.head is not None and index == len(super_blocks) - 1:
        allowed = space.head_width
    elif draws[1] < 0.5 * (1 - space.together) and block.bottleneck > 0:
        inner, allowed = True, space.bottleneck
    else:
        allowed = space.widths_at(super_blocks, index)
        both = draws[1] >= 1 - space.together and block.bottleneck > 0

    def widened(value: int) -> Mutation:
        if inner:
            changed = replace(block, bottleneck=value)
        elif both:
            changed = replace(block, out_channels=value, bottleneck=in_proportion(block, value, space))
        else:
            changed = replace(block, out_channels=value)
        return Mutation(index, (changed,))

    before = block.bottleneck if inner else block.out_channels
    values = allowed.near(before, space.mutation)
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high + 1) // 2
        costs = count(widened(values[middle]).apply(super_blocks))
        if all(getattr(costs, budget.quantity) <= budget.high for budget in budgets):
            low = middle
        else:
            high = middle - 1
    return None if values[low] == before else widened(values[low])
