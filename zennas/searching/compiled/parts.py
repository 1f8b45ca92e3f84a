"""Costs and chain of a network of rows, from those of its super-blocks.

Most super-blocks of an offspring are its parent's: what was counted of one is kept, and so is its chain.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zennas.compiled import compiled_apart
from zennas.scores.chains import COLUMNS
from zennas.scores.closed_form.state import IntMatrix, IntVector, Vector
from zennas.searching.compiled.count import (
    CONVOLUTIONS,
    COSTS,
    EFFECTIVENESS,
    FLOPS,
    LAYER_COUNT,
    MEMORY,
    PARAMS,
    PEAK_MEMORY,
    WEIGHTS,
    Counted,
    count_units,
    evaluate,
)
from zennas.searching.compiled.program import (
    BOTTLENECK,
    FIELDS,
    FIRST,
    IN,
    LAYERS,
    OUT,
    REST,
    STRIDE,
    TYPE,
    VARIANTS,
    Program,
)

BITS = 10
PLACES = 1 << BITS
"""Super-blocks that are known at a time; more of them would leave the processor's nearest caches."""
_SHIFT = np.uint64(64 - BITS)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_HEIGHT, _WIDTH, _COUNTED = FIELDS, FIELDS + 1, FIELDS + 2
_HEIGHT_OUT, _WIDTH_OUT, _ROWS, _MORE_ROWS, _KNOWN = range(_COUNTED + len(COSTS), _COUNTED + len(COSTS) + 5)


class Known(NamedTuple):
    """Super-blocks that were counted, each at a place that follows from it; of two with the same the later one stays.

    Attributes:
        table: the super-block and the size of the map that comes in, costs, the size of the map that goes out, rows of
            the chain of its first layer and of each other one. A row of zeros is free.
        log_widths: of each, the sum of the logarithms of its widths.
        chains: of each, the rows of its first layer and behind them those of another one.
    """

    table: IntMatrix
    log_widths: Vector
    chains: npt.NDArray[np.int64]


def nothing_known(program: Program) -> Known:
    """Room for what is going to be known of a program's block types."""
    return Known(
        np.zeros((PLACES, _KNOWN), dtype=np.int64),
        np.empty(PLACES),
        np.empty((PLACES, 2 * program.longest, COLUMNS), dtype=np.int64),
    )


class Parts(NamedTuple):
    """Costs of a network's super-blocks, one after another.

    Attributes:
        counted: a row a super-block, see the places of the costs; the last has its depth.
        log_widths: of each, the sum of the logarithms of its widths.
        sizes: height and width of the map that comes into each, and of the one that leaves the last.
    """

    counted: IntMatrix
    log_widths: Vector
    sizes: IntMatrix


@compiled_apart
def count_part(
    program: Program, setting: Counted, network: IntMatrix, index: int, at: Vector, parts: Parts, known: Known
) -> Any:
    """Costs of one super-block of a network.

    Args:
        program: of its block types.
        setting: what is counted for.
        network: a row a super-block.
        index: of the super-block; those before it are counted.
        at: one number a place of the longest tape, overwritten.
        parts: written at `index`.
        known: has the super-block then.

    Returns:
        Its place there.
    """
    table, height, width = known.table, parts.sizes[index, 0], parts.sizes[index, 1]
    value = np.uint64(height) * _FACTOR + np.uint64(width)
    for column in range(FIELDS):
        value = value * _FACTOR + np.uint64(network[index, column])
    place = np.int64((value * _FACTOR) >> _SHIFT)
    same = table[place, _HEIGHT] == height and table[place, _WIDTH] == width
    for column in range(FIELDS):
        same = same and table[place, column] == network[index, column]
    if not same:
        for column in range(FIELDS):
            table[place, column] = network[index, column]
        table[place, _HEIGHT], table[place, _WIDTH] = height, width
        count_unknown(program, setting, at, known, place)
    for cost in range(len(COSTS)):
        parts.counted[index, cost] = table[place, _COUNTED + cost]
    parts.log_widths[index] = known.log_widths[place]
    parts.sizes[index + 1, 0], parts.sizes[index + 1, 1] = table[place, _HEIGHT_OUT], table[place, _WIDTH_OUT]
    return place


@compiled_apart
def count_unknown(program: Program, setting: Counted, at: Vector, known: Known, place: int) -> None:
    """Costs and chain of a super-block.

    Args:
        program: of its block type.
        setting: what is counted for.
        at: one number a place of the longest tape, overwritten.
        known: has the super-block and the size of the map that comes in; the rest is written.
        place: of the super-block there.
    """
    row, chain = known.table[place], known.chains[place]
    counted = row[_COUNTED:]
    height, width = row[_HEIGHT], row[_WIDTH]
    variant, times = row[TYPE] * VARIANTS, row[LAYERS] - 1
    path = evaluate(program, variant + FIRST + row[STRIDE] - 1, row[IN], row[BOTTLENECK], row[OUT], at)
    rows, height, width, widths = count_units(program, path, setting, height, width, at, counted, chain, 0)
    row[_ROWS] = row[_MORE_ROWS] = rows
    depth = counted[EFFECTIVENESS]
    if times > 0:
        params, flops, convolutions = counted[PARAMS], counted[FLOPS], counted[CONVOLUTIONS]
        memory, weights, peak = counted[MEMORY], counted[WEIGHTS], counted[PEAK_MEMORY]
        path = evaluate(program, variant + REST, row[OUT], row[BOTTLENECK], row[OUT], at)
        end, height, width, more = count_units(program, path, setting, height, width, at, counted, chain, rows)
        row[_MORE_ROWS] = end
        counted[PARAMS] = params + times * counted[PARAMS]
        counted[FLOPS] = flops + times * counted[FLOPS]
        counted[CONVOLUTIONS] = convolutions + times * counted[CONVOLUTIONS]
        counted[MEMORY] = max(memory, counted[MEMORY])
        counted[WEIGHTS] = weights + times * counted[WEIGHTS]
        counted[PEAK_MEMORY] = max(peak, counted[PEAK_MEMORY])
        counted[EFFECTIVENESS] = depth + times * counted[EFFECTIVENESS]
        widths += times * more
    # A block type convolves in its first layer or in none.
    counted[LAYER_COUNT] = row[LAYERS] if depth > 0 else 0
    known.log_widths[place] = widths
    row[_HEIGHT_OUT], row[_WIDTH_OUT] = height, width


@compiled_apart
def append_chain(known: Known, place: int, chain: IntMatrix, used: int) -> int:
    """Append a super-block's rows to a chain; returns the rows that there are then.

    Args:
        known: has the super-block.
        place: of the super-block there.
        chain: written from `used` on.
        used: rows that are there already.
    """
    first, end = known.table[place, _ROWS], known.table[place, _MORE_ROWS]
    for row in range(first):
        for column in range(COLUMNS):
            chain[used + row, column] = known.chains[place, row, column]
    used += first
    for _ in range(known.table[place, LAYERS] - 1):
        for row in range(first, end):
            for column in range(COLUMNS):
                chain[used, column] = known.chains[place, row, column]
            used += 1
    return used


@compiled_apart
def add_up(network: IntMatrix, parts: Parts, setting: Counted, costs: Vector) -> None:
    """Costs of a network from those of its super-blocks.

    Args:
        network: a row a super-block.
        parts: of all of them.
        setting: what is counted for.
        costs: one number of each of `COSTS`, written; an effectiveness that there is not is NaN.
    """
    out, classes = network[len(network) - 1, OUT], setting.num_classes
    params, flops = (out + 1) * classes, out * classes
    weights = out * classes * setting.weight + classes * setting.output
    positions = parts.sizes[len(network), 0] * parts.sizes[len(network), 1]
    # Global pooling, then the classifier.
    peak = max(out * (positions + 1), out + classes) * setting.activation
    layers = convolutions = memory = depth = 0
    log_width = 0.0
    for index in range(len(network)):
        counted = parts.counted[index]
        params += counted[PARAMS]
        flops += counted[FLOPS]
        layers += counted[LAYER_COUNT]
        convolutions += counted[CONVOLUTIONS]
        memory = max(memory, counted[MEMORY])
        weights += counted[WEIGHTS]
        peak = max(peak, counted[PEAK_MEMORY])
        depth += counted[EFFECTIVENESS]
        log_width += parts.log_widths[index]
    costs[PARAMS], costs[FLOPS], costs[LAYER_COUNT] = params, flops, layers
    costs[CONVOLUTIONS], costs[MEMORY] = convolutions, memory
    costs[WEIGHTS], costs[PEAK_MEMORY] = weights, peak
    costs[EFFECTIVENESS] = depth / math.exp(log_width / depth) if depth else math.nan


@compiled_apart
def count_parts(program: Program, setting: Counted, network: IntMatrix, at: Vector, parts: Parts, known: Known) -> None:
    """Costs of all super-blocks of a network, one after another.

    Args:
        program: of the block types.
        setting: what is counted for.
        network: a row a super-block.
        at: one number a place of the longest tape, overwritten.
        parts: written.
        known: super-blocks that were counted before, and these then.
    """
    parts.sizes[0, 0], parts.sizes[0, 1] = setting.height, setting.width
    for index in range(len(network)):
        count_part(program, setting, network, index, at, parts, known)


@compiled_apart
def count_network(
    program: Program,
    setting: Counted,
    network: IntMatrix,
    at: Vector,
    parts: Parts,
    known: Known,
    costs: Vector,
    chain: IntMatrix,
    used: int,
    ends: IntVector,
) -> int:
    """Costs and chain of a network.

    Args:
        program: of the block types.
        setting: what is counted for.
        network: a row a super-block.
        at: one number a place of the longest tape, overwritten.
        parts: of its super-blocks, written.
        known: super-blocks that were counted before, and these then.
        costs: see `add_up`.
        chain: rows, written from `used` on.
        used: rows that are there already.
        ends: rows of the chain after each super-block, written.

    Returns:
        Rows that are there then.
    """
    parts.sizes[0, 0], parts.sizes[0, 1] = setting.height, setting.width
    for index in range(len(network)):
        place = count_part(program, setting, network, index, at, parts, known)
        used = append_chain(known, place, chain, used)
        ends[index] = used
    add_up(network, parts, setting, costs)
    return used
