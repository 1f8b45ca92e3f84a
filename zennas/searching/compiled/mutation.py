"""Offspring of networks of rows; what `zennas.spaces.operators` draws from the same numbers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zennas.architecture.model import TYPE_FIELDS, SuperBlock
from zennas.compiled import compiled_apart
from zennas.scores.closed_form.state import IntMatrix, IntVector, Vector
from zennas.searching.compiled.program import BOTTLENECK, IN, LAYERS, OUT, STRIDE, TYPE
from zennas.spaces.mutation import CHANGES
from zennas.spaces.operators import CHANGE, MOST_MOVED, change_super_block, move_layers, mutation_operators
from zennas.spaces.space import Range, SearchSpace
from zennas.spaces.weighted import WeightedTable

WIDTH, INNER, DEPTH = 1, 2, 4
"""Bits of what a change changes."""
MOST_MUTATIONS = 3
"""Of an offspring: two by operators, one that fits it to its budgets."""
_BITS = {"width": WIDTH, "bottleneck": INNER, "depth": DEPTH}


class Numbers(NamedTuple):
    """A space and the operators in numbers.

    Attributes:
        types: of the space's choices, as TYPE counts them.
        ranges: low, high and step of stem width, head width, width, bottleneck and layers.
        factors: between which a mutation moves widths and depths.
        together: share of the changes of a width or a bottleneck in which both change.
        split_at: layers at which a super-block splits.
        growing: whether no super-block of the stages is narrower than the one before it.
        has_head: whether the last super-block is a head.
        first: the first super-block that a mutation may touch.
        frozen_last: super-blocks at the end that none may touch.
        operator_bounds: cumulative weights of the operators, and for each of them whether it moves layers.
        again: of each operator, the share to which it is applied again.
        change_bounds: cumulative weights of the changes.
        changes: of each, the bits of what it changes.
    """

    types: IntVector
    ranges: IntMatrix
    factors: Vector
    together: float
    split_at: int
    growing: bool
    has_head: bool
    first: int
    frozen_last: int
    operator_bounds: Vector
    moves: IntVector
    again: Vector
    change_bounds: Vector
    changes: IntVector


STEM_WIDTH, HEAD_WIDTH, STAGE_WIDTH, STAGE_BOTTLENECK, STAGE_LAYERS = range(5)
"""Rows of `Numbers.ranges`."""


def numbers_of(space: SearchSpace, types: "dict[tuple[object, ...], int]") -> Numbers | None:
    """The space in numbers; `None` where the operators are not all those that are compiled.

    Args:
        space: what offspring have to stay in.
        types: number of each block type by `type_key`.
    """
    operators = mutation_operators()
    known = {change_super_block: 0, move_layers: 1}
    taken = [operator for operator in operators.values() if operator.weight > 0]
    if not taken:
        return None  # drawing from them in Python says so
    if (
        any(operator.function not in known for operator in taken)
        or operators[CHANGE].function is not change_super_block
    ):
        return None
    if any(operator.again and known[operator.function] for operator in taken):
        return None
    table = WeightedTable((operator, operator.weight) for operator in operators.values())
    change = WeightedTable(CHANGES)
    ranges = [(r.low, r.high, r.step) for r in _ranges(space)]
    return Numbers(
        np.array([types[type_key(choice)] for choice in space.choices]),
        np.array(ranges),
        np.array(space.mutation, dtype=float),
        float(space.together),
        space.split_at,
        space.growing,
        space.head is not None,
        int("stem" in space.frozen),
        int(space.head is not None and "head" in space.frozen),
        np.array(table.bounds, dtype=float),
        np.array([known[operator.function] for operator in table.items]),
        np.array([operator.again for operator in table.items] + [operators[CHANGE].again]),
        np.array(change.bounds, dtype=float),
        np.array([sum(_BITS[part] for part in parts) for parts in change.items]),
    )


def _ranges(space: SearchSpace) -> tuple[Range, ...]:
    return space.stem_width, space.head_width, space.width, space.bottleneck, space.layers


def type_key(block: object) -> tuple[object, ...]:
    """What makes two super-blocks, or a choice of a space and a super-block, of one type."""
    return tuple(getattr(block, name) for name in TYPE_FIELDS)


def most_parts(space: SearchSpace, networks: Sequence[tuple[SuperBlock, ...]]) -> int:
    """Super-blocks that one can split into at most.

    Args:
        space: bounds the layers.
        networks: that there are already, whose super-blocks may be beyond the bounds.
    """
    deepest = max([space.layers.high, *(block.layers for network in networks for block in network)])
    return (deepest + MOST_MOVED) // 3 + 2


@compiled_apart
def picked(bounds: Vector, u: float) -> int:
    """The entry of a weighted table that a uniform draw selects, as `WeightedTable.pick`.

    Args:
        bounds: cumulative weights.
        u: in [0, 1).
    """
    last = len(bounds) - 1
    value = u * bounds[last]
    for index in range(last):
        if value < bounds[index]:
            return index
    return last


@compiled_apart
def widths_at(numbers: Numbers, network: IntMatrix, index: int) -> tuple[int, int]:
    """The least and the most output channels that a super-block of the stages may have, as `SearchSpace.widths_at`.

    Args:
        numbers: of the space.
        network: a row a super-block.
        index: of the super-block.
    """
    least, most = numbers.ranges[STAGE_WIDTH, 0], numbers.ranges[STAGE_WIDTH, 1]
    if numbers.growing:
        if index > 1:
            least = max(least, network[index - 1, OUT])
        if index < len(network) - 1 - int(numbers.has_head):
            most = min(most, network[index + 1, OUT])
    return least, most


@compiled_apart
def values_near(numbers: Numbers, which: int, value: int, least: int, most: int) -> tuple[int, int]:
    """The first of the allowed values around a value, and how many there are, as `Range.near` lists them.

    Args:
        numbers: have the range.
        which: row of the range, whose step counts.
        value: what is there now.
        least: of the range, or more.
        most: of the range, or less.
    """
    step = numbers.ranges[which, 2]
    low = np.ceil(max(float(least), value * numbers.factors[0]))
    high = min(float(most), value * numbers.factors[1])
    first = -(-int(low) // step) * step
    last = int(high // step) * step
    if last < first:
        return int(min(max(int(np.rint(value / step)) * step, least), most)), 1
    return int(first), int((last - first) // step + 1)


@compiled_apart
def near(numbers: Numbers, which: int, value: int, u: float) -> int:
    """One of the allowed values around a value.

    Args:
        numbers: have the range.
        which: row of the range.
        value: what is there now.
        u: uniform draw in [0, 1).
    """
    return one_of(
        numbers, which, values_near(numbers, which, value, numbers.ranges[which, 0], numbers.ranges[which, 1]), u
    )


@compiled_apart
def one_of(numbers: Numbers, which: int, values: tuple[int, int], u: float) -> int:
    """One of the values that `values_near` gave.

    Args:
        numbers: have the range.
        which: row of the range.
        values: the first one, and how many there are.
        u: uniform draw in [0, 1).
    """
    return values[0] + int(numbers.ranges[which, 2]) * int(u * values[1])


@compiled_apart
def in_proportion(numbers: Numbers, inner: int, before: int, width: int) -> int:
    """The bottleneck that is to a width what it was to the width before, as `zennas.spaces.mutation.in_proportion`.

    Args:
        numbers: of the space.
        inner: bottleneck before.
        before: output channels before.
        width: output channels now.
    """
    step = numbers.ranges[STAGE_BOTTLENECK, 2]
    value = int(inner * width / before / step + 0.5) * step
    return int(min(max(value, numbers.ranges[STAGE_BOTTLENECK, 0]), numbers.ranges[STAGE_BOTTLENECK, 1]))


@compiled_apart
def change(
    numbers: Numbers, network: IntMatrix, rho: float, draws: Vector, drawn: int, parts: IntMatrix
) -> tuple[int, int, int]:
    """Draw a mutation of one super-block, as `draw_mutation`.

    Args:
        numbers: of the space.
        network: a row a super-block.
        rho: probability of a new block type.
        draws: uniform numbers.
        drawn: how many of them are used up.
        parts: what the super-block becomes, written.

    Returns:
        The super-block's index, the number of its parts, and how many draws are used up then.
    """
    length = len(network)
    index = numbers.first + int(draws[drawn] * (length - numbers.frozen_last - numbers.first))
    drawn += 1
    for column in range(6):
        parts[0, column] = network[index, column]
    block = parts[0]
    at_head = numbers.has_head and index == length - 1
    if index == 0 or at_head:
        block[OUT] = near(numbers, STEM_WIDTH if index == 0 else HEAD_WIDTH, block[OUT], draws[drawn])
        return index, 1, drawn + 1
    drawn += 1
    if draws[drawn - 1] < rho:
        block[TYPE] = numbers.types[int(draws[drawn] * len(numbers.types))]
        drawn += 1
    changed = numbers.changes[picked(numbers.change_bounds, draws[drawn])]
    drawn += 1
    together = False
    if numbers.together > 0 and block[BOTTLENECK] > 0 and changed & (WIDTH | INNER):
        together = draws[drawn] < numbers.together
        drawn += 1
    if together or changed & WIDTH:
        least, most = widths_at(numbers, network, index)
        block[OUT] = one_of(
            numbers, STAGE_WIDTH, values_near(numbers, STAGE_WIDTH, block[OUT], least, most), draws[drawn]
        )
        drawn += 1
    if together:
        block[BOTTLENECK] = in_proportion(numbers, block[BOTTLENECK], network[index, OUT], block[OUT])
    elif changed & INNER or block[BOTTLENECK] == 0:
        block[BOTTLENECK] = near(numbers, STAGE_BOTTLENECK, block[BOTTLENECK], draws[drawn])
        drawn += 1
    if changed & DEPTH:
        block[LAYERS] = near(numbers, STAGE_LAYERS, block[LAYERS], draws[drawn])
        drawn += 1
    return index, split(numbers, parts), drawn


@compiled_apart
def split(numbers: Numbers, parts: IntMatrix) -> int:
    """Split the first of `parts` where it has too many layers, as `SearchSpace.split`; returns how many there are."""
    count = 1
    while parts[count - 1, LAYERS] >= numbers.split_at:
        for column in range(6):
            parts[count, column] = parts[count - 1, column]
        parts[count, LAYERS] -= 3
        parts[count - 1, LAYERS] = 3
        parts[count, IN] = parts[count, OUT]
        parts[count, STRIDE] = 1
        count += 1
    return count


@compiled_apart
def apply(network: IntMatrix, length: int, index: int, parts: IntMatrix, count: int) -> int:
    """Replace a super-block by others, in place, as `Mutation.apply`; returns the super-blocks that there are then.

    Args:
        network: a row a super-block, and room for more.
        length: super-blocks before.
        index: of the one that is replaced.
        parts: the others.
        count: how many they are.
    """
    more = count - 1
    if more > 0:
        for row in range(length - 1, index, -1):
            for column in range(6):
                network[row + more, column] = network[row, column]
    for row in range(count):
        for column in range(6):
            network[index + row, column] = parts[row, column]
    if index + count < length + more:
        network[index + count, IN] = parts[count - 1, OUT]
    return length + more


@compiled_apart
def offspring(
    numbers: Numbers,
    network: IntMatrix,
    length: int,
    rho: float,
    draws: Vector,
    places: IntMatrix,
    mutated: IntMatrix,
) -> tuple[int, int]:
    """Make a parent its offspring, in place, as `draw_offspring`.

    Args:
        numbers: of the space and the operators.
        network: the parent, and room for more super-blocks.
        length: super-blocks of the parent.
        rho: probability of a new block type.
        draws: uniform numbers.
        places: of the mutations, the index and the number of parts, written.
        mutated: the parts of the mutations, written.

    Returns:
        The number of mutations and of super-blocks.
    """
    room = len(mutated) // MOST_MUTATIONS
    operator = picked(numbers.operator_bounds, draws[0])
    again, drawn = numbers.again[operator], 1
    if numbers.moves[operator]:
        drawn = move(numbers, network[:length], draws, places, mutated)
        if places[0, 1]:
            length = apply(network, length, places[0, 0], mutated[:room], places[0, 1])
            length = apply(network, length, places[1, 0], mutated[room : 2 * room], places[1, 1])
            return 2, length
        again = numbers.again[len(numbers.again) - 1]
    index, count, drawn = change(numbers, network[:length], rho, draws, drawn, mutated[:room])
    places[0, 0], places[0, 1] = index, count
    length = apply(network, length, index, mutated[:room], count)
    if again > 0 and draws[drawn] < again:
        index, count, drawn = change(numbers, network[:length], rho, draws, drawn + 1, mutated[room : 2 * room])
        places[1, 0], places[1, 1] = index, count
        return 2, apply(network, length, index, mutated[room : 2 * room], count)
    return 1, length


@compiled_apart
def move(numbers: Numbers, network: IntMatrix, draws: Vector, places: IntMatrix, mutated: IntMatrix) -> int:
    """Move layers from one super-block to another, as `move_layers`.

    Args:
        numbers: of the space.
        network: the parent.
        draws: uniform numbers, of which one is used up.
        places: of the mutations, the index and the number of parts, written; no parts where it does not apply.
        mutated: the parts of the mutations, written.

    Returns:
        How many draws are used up then.
    """
    places[0, 1] = 0
    inner = len(network) - 1 - int(numbers.has_head)
    if inner < 2:
        return 1
    giver, taker = 1 + int(draws[1] * inner), 1 + int(draws[2] * inner)
    count = 1 + int(draws[3] * MOST_MOVED)
    less, more = network[giver, LAYERS] - count, network[taker, LAYERS] + count
    if giver == taker or less < numbers.ranges[STAGE_LAYERS, 0] or more > numbers.ranges[STAGE_LAYERS, 1]:
        return 4
    room = len(mutated) // MOST_MUTATIONS
    for column in range(6):
        mutated[0, column] = network[giver, column]
        mutated[room, column] = network[taker, column]
    mutated[0, LAYERS], mutated[room, LAYERS] = less, more
    places[0, 0], places[0, 1] = giver, 1
    places[1, 0], places[1, 1] = taker, split(numbers, mutated[room : 2 * room])
    return 4
