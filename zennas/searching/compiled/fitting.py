"""Fitting rows to budgets; what `zennas.spaces.fitting` makes of the same numbers."""

from typing import NamedTuple

from zennas.compiled import compiled_apart
from zennas.scores.closed_form.state import IntMatrix, IntVector, Matrix, Vector
from zennas.searching.compiled.count import LAYER_COUNT, Counted
from zennas.searching.compiled.mutation import (
    HEAD_WIDTH,
    STAGE_BOTTLENECK,
    STAGE_WIDTH,
    STEM_WIDTH,
    Numbers,
    in_proportion,
    values_near,
    widths_at,
)
from zennas.searching.compiled.parts import Known, Parts, add_up, count_part, count_parts
from zennas.searching.compiled.program import BOTTLENECK, IN, OUT, Program


class Bounds(NamedTuple):
    """The budgets of a search.

    Attributes:
        sets: first and last row of each set of budgets.
        quantities: of each budget, its place among the costs.
        low: of each budget.
        high: of each budget.
    """

    sets: IntMatrix
    quantities: IntVector
    low: Vector
    high: Vector


class Room(NamedTuple):
    """What a round writes. One entry a proposal that was accepted, in order.

    Attributes:
        iterations: number of the proposal in the round, from 0.
        networks: a row a super-block.
        lengths: super-blocks of each.
        mutations: how many there were.
        places: of its mutations, the index and the number of parts.
        mutated: the parts of its mutations.
        costs: see `count.COSTS`.
        chain: the rows of all networks, as the closed form reads them.
        starts: first row of each, and the number of rows.
        ends: rows of the chain after each super-block.
        taken: places in the table of hashes.
        at: a number a place of the longest tape.
        parts: of the super-blocks of the network at hand.
        known: super-blocks that were counted before.
    """

    iterations: IntVector
    networks: IntMatrix
    lengths: IntVector
    mutations: IntVector
    places: IntMatrix
    mutated: IntMatrix
    costs: Matrix
    chain: IntMatrix
    starts: IntVector
    ends: IntMatrix
    taken: IntVector
    at: Vector
    parts: Parts
    known: Known


@compiled_apart
def depth_within(bounds: Bounds, which: int, layers: int) -> bool:
    """Whether so many layers meet every budget of layers of a set.

    Args:
        bounds: the budgets.
        which: of the sets.
        layers: of a network.
    """
    for budget in range(bounds.sets[which, 0], bounds.sets[which, 1]):
        if bounds.quantities[budget] == LAYER_COUNT and not bounds.low[budget] <= layers <= bounds.high[budget]:
            return False
    return True


@compiled_apart
def within(bounds: Bounds, which: int, costs: Vector) -> bool:
    """Whether costs meet every budget of a set.

    Args:
        bounds: the budgets.
        which: of the sets.
        costs: of a network.
    """
    for budget in range(bounds.sets[which, 0], bounds.sets[which, 1]):
        if not bounds.low[budget] <= costs[bounds.quantities[budget]] <= bounds.high[budget]:
            return False
    return True


@compiled_apart
def not_above(bounds: Bounds, which: int, costs: Vector) -> bool:
    """Whether costs exceed no budget of a set.

    Args:
        bounds: the budgets.
        which: of the sets.
        costs: of a network.
    """
    for budget in range(bounds.sets[which, 0], bounds.sets[which, 1]):
        if not costs[bounds.quantities[budget]] <= bounds.high[budget]:
            return False
    return True


@compiled_apart
def fit(
    program: Program,
    numbers: Numbers,
    bounds: Bounds,
    setting: Counted,
    network: IntMatrix,
    which: int,
    draws: Vector,
    part: IntMatrix,
    room: Room,
    kept: int,
) -> int:
    """Give a network the widest super-block that a set of budgets allows, as `zennas.spaces.fitting.fit`.

    Args:
        program: of the block types.
        numbers: of the space.
        bounds: the budgets.
        setting: what is counted for.
        network: a row a super-block, changed in place.
        which: of the sets of budgets.
        draws: two uniform numbers.
        part: what the super-block becomes, written.
        room: what is counted is written to its end.
        kept: networks of the round so far.

    Returns:
        The super-block's index, or −1 where nothing changed.
    """
    length = len(network)
    index = numbers.first + int(draws[0] * (length - numbers.frozen_last - numbers.first))
    column, row, both, inner = OUT, STAGE_WIDTH, False, network[index, BOTTLENECK]
    if index == 0:
        row = STEM_WIDTH
    elif numbers.has_head and index == length - 1:
        row = HEAD_WIDTH
    elif inner > 0:
        both = draws[1] >= 1 - numbers.together
        if draws[1] < 0.5 * (1 - numbers.together):
            column, row = BOTTLENECK, STAGE_BOTTLENECK
    before, step = network[index, column], numbers.ranges[row, 2]
    least, most = numbers.ranges[row, 0], numbers.ranges[row, 1]
    if row == STAGE_WIDTH:
        least, most = widths_at(numbers, network, index)
    first, count = values_near(numbers, row, before, least, most)
    low, high = 0, count - 1
    if low < high:
        count_parts(program, setting, network, room.at, room.parts, room.known)
    while low < high:
        middle = (low + high + 1) // 2
        network[index, column] = first + middle * step
        if both:
            network[index, BOTTLENECK] = in_proportion(numbers, inner, before, network[index, OUT])
        if column == OUT and index + 1 < length:
            network[index + 1, IN] = network[index, OUT]
        # A width changes its super-block and the next one, and no side of a map.
        count_part(program, setting, network, index, room.at, room.parts, room.known)
        if column == OUT and index + 1 < length:
            count_part(program, setting, network, index + 1, room.at, room.parts, room.known)
        add_up(network, room.parts, setting, room.costs[kept])
        if not_above(bounds, which, room.costs[kept]):
            low = middle
        else:
            high = middle - 1
    network[index, column] = first + low * step
    if both:
        wider = in_proportion(numbers, inner, before, network[index, OUT])
        network[index, BOTTLENECK] = inner if network[index, OUT] == before else wider
    if column == OUT and index + 1 < length:
        network[index + 1, IN] = network[index, OUT]
    for field in range(6):
        part[0, field] = network[index, field]
    return index if network[index, column] != before else -1
