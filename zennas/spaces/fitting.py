"""Fitting a network to its budgets: it gets as deep, and one of its widths as large, as they allow.

At a full budget a change that makes one super-block more expensive does not fit, and one that makes it cheaper leaves
room unused. Fitted, both end where the best networks are: at the bound.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from zennas.architecture.model import SuperBlock
from zennas.counting import Costs, count_layers
from zennas.counting.budgets import Budget
from zennas.spaces.mutation import Mutation
from zennas.spaces.space import SearchSpace

FIT_DRAWS = 3
"""Uniform draws in [0, 1) that `fit` takes."""


def fit(
    super_blocks: tuple[SuperBlock, ...],
    space: SearchSpace,
    budgets: Sequence[Budget],
    count: Callable[[tuple[SuperBlock, ...]], Costs],
    draws: Sequence[float],
) -> tuple[Mutation, ...]:
    """The mutations that fit a network to budgets: of its depth and of one width, those that change something.

    Args:
        super_blocks: the network.
        space: bounds of depths and widths, and how far a mutation goes.
        budgets: upper bounds.
        count: costs of a network.
        draws: `FIT_DRAWS` uniform numbers.
    """
    deeper = fit_depth(super_blocks, space, budgets, draws[2])
    changed = super_blocks if deeper is None else deeper.apply(super_blocks)
    # A network that is still too deep fits with no width.
    holds = all(b.quantity != "layers" or count_layers(changed) <= b.high for b in budgets)
    wider = fit_width(changed, space, budgets, count, draws[:2]) if holds else None
    return tuple(mutation for mutation in (deeper, wider) if mutation is not None)


def fit_depth(
    super_blocks: tuple[SuperBlock, ...], space: SearchSpace, budgets: Sequence[Budget], draw: float
) -> Mutation | None:
    """A mutation of one stage's super-block to as many layers as the budgets and the space allow.

    Args:
        super_blocks: the network.
        space: bounds of a super-block's layers.
        budgets: without one of layers nothing changes.
        draw: a uniform number: which super-block.

    Returns:
        The mutation; `None` where it has so many layers already.
    """
    most = min((budget.high for budget in budgets if budget.quantity == "layers"), default=float("inf"))
    inner = len(super_blocks) - 1 - (space.head is not None)
    if most == float("inf") or inner < 1:
        return None
    index = 1 + int(draw * inner)
    block = super_blocks[index]
    wanted = block.layers + int(most) - count_layers(super_blocks)
    layers = min(max(wanted, space.layers.low), space.layers.high)
    if layers == block.layers:
        return None
    return Mutation(index, space.split(block.resized(block.in_channels, layers)))


def fit_width(
    super_blocks: tuple[SuperBlock, ...],
    space: SearchSpace,
    budgets: Sequence[Budget],
    count: Callable[[tuple[SuperBlock, ...]], Costs],
    draws: Sequence[float],
) -> Mutation | None:
    """A mutation of one super-block's width or bottleneck to the largest value around it that exceeds no budget.

    Where every value does, it is the smallest. Costs that do not grow with widths may leave a larger one unseen.

    Args:
        super_blocks: the network.
        space: bounds of the widths, and how far a mutation goes.
        budgets: upper bounds.
        count: costs of a network.
        draws: two uniform numbers: which super-block, and whether its bottleneck.

    Returns:
        The mutation; `None` where the width is that already.
    """
    first = "stem" in space.frozen
    end = len(super_blocks) - (space.head is not None and "head" in space.frozen)
    index = first + int(draws[0] * (end - first))
    block = super_blocks[index]
    field, allowed = "out_channels", space.width
    if index == 0:
        allowed = space.stem_width
    elif space.head is not None and index == len(super_blocks) - 1:
        allowed = space.head_width
    elif draws[1] < 0.5 and block.bottleneck > 0:
        field, allowed = "bottleneck", space.bottleneck
    before = getattr(block, field)
    values = allowed.near(before, space.mutation)
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high + 1) // 2
        costs = count(Mutation(index, (replace(block, **{field: values[middle]}),)).apply(super_blocks))
        if all(getattr(costs, budget.quantity) <= budget.high for budget in budgets):
            low = middle
        else:
            high = middle - 1
    return None if values[low] == before else Mutation(index, (replace(block, **{field: values[low]}),))
