"""Costs and chain of a network of rows; what `zennas.counting` and `zennas.blocks.chain` make of its super-blocks."""

import math

import numpy as np

from zennas.blocks.symbols import ADD, AT_LEAST, DIVIDE, DIVISOR, FLOOR, FLOOR_DIVIDE, LESS, MULTIPLY, ROUND, SUBTRACT
from zennas.blocks.tracing import EXCITE, PROJECTION, UNIT, UNIT_WITH_IDENTITY
from zennas.compiled import compiled_apart
from zennas.scores.closed_form.state import IntMatrix, IntVector, Vector
from zennas.searching.compiled.program import (
    BOTTLENECK,
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

PARAMS, FLOPS, LAYER_COUNT, CONVOLUTIONS, MEMORY, EFFECTIVENESS = range(6)
"""Places of the costs; those of a super-block have its depth at the last."""
COSTS = ("params", "flops", "layers", "convolutions", "memory", "effectiveness")
"""Their names."""
_BYTES = 4
_ROLE, _IN, _OUT, _KERNEL, _STRIDE, _GROUPS, _VALUES = range(7)


@compiled_apart
def evaluate(program: Program, variant: int, in_channels: int, bottleneck: int, out_channels: int, at: Vector) -> int:
    """Fill the places of a variant's tape; returns the path that holds.

    Args:
        program: has the tape.
        variant: of a block type.
        in_channels: of the layer.
        bottleneck: of the super-block.
        out_channels: of the super-block.
        at: one number a place, written.
    """
    at[0], at[1], at[2] = in_channels, bottleneck, out_channels
    for number in range(program.variants[variant, 0], program.variants[variant, 1]):
        operation, left, right = program.operations[number, 0], program.operations[number, 1], 0.0
        right = at[program.operations[number, 2]]
        value = at[left]
        if operation == ADD:
            value += right
        elif operation == SUBTRACT:
            value -= right
        elif operation == MULTIPLY:
            value *= right
        elif operation == DIVIDE:
            value /= right
        elif operation == FLOOR_DIVIDE:
            value = np.floor(value / right)
        elif operation == FLOOR:
            value = np.floor(value)
        elif operation == ROUND:
            value = np.rint(value)
        elif operation == AT_LEAST:
            value = max(value, right)
        elif operation == DIVISOR:
            right = min(value, right)
            while value % right != 0:
                right -= 1
            value = right
        else:
            value = program.constants[number]
        at[program.operations[number, 3]] = value
    for path in range(program.variants[variant, 2], program.variants[variant, 3]):
        holds = True
        for number in range(program.paths[path, 0], program.paths[path, 1]):
            left, right = at[program.answers[number, 1]], at[program.answers[number, 2]]
            true = left < right if program.answers[number, 0] == LESS else left == right
            holds = holds and true == (program.answers[number, 3] == 1)
        if holds:
            return path
    return -1


@compiled_apart
def count_units(
    program: Program, path: int, side: int, at: Vector, counted: IntVector, chain: IntMatrix, used: int
) -> tuple[int, int, float]:
    """Costs of one layer, and its rows of the chain (as `closed_form.kernel` reads them, the last column the side).

    Args:
        program: has the path.
        path: that `evaluate` returned.
        side: of the square map that comes in.
        at: that `evaluate` filled.
        counted: costs, written.
        chain: rows, written from `used` on.
        used: rows that are there already.

    Returns:
        Rows that are there then, the side of the map that goes out, and the sum of the logarithms of the widths.
    """
    params = flops = convolutions = memory = depth = 0
    log_width = 0.0
    held, identity, first = 0, False, True
    for number in range(program.paths[path, 2], program.paths[path, 3]):
        row = program.rows[number]
        role = row[_ROLE]
        channels, out = int(at[row[_IN]]), int(at[row[_OUT]])
        if role >= UNIT:
            held, identity, first = 0, role == UNIT_WITH_IDENTITY, True
            continue
        out_side = -(-side // row[_STRIDE])
        if identity and first:
            held = channels * side * side
        if role == EXCITE:
            params += out * (channels + row[_VALUES]) + channels * (out + row[_VALUES])
            flops += 2 * out * channels
            convolutions += 2
            memory = max(memory, held + channels * (side * side + 1))
            first = False
            continue
        alive = channels * side * side + out * out_side * out_side
        fan = 0
        if role == PROJECTION or role < 2:
            fan = row[_KERNEL] * row[_KERNEL] * (channels // int(at[row[_GROUPS]]))
            params += out * (fan + row[_VALUES])
            flops += out * fan * out_side * out_side
            convolutions += 1
        if role == PROJECTION:
            held = out * out_side * out_side
            memory = max(memory, alive)
            continue
        # The first layer reads the very tensor that the link holds.
        memory = max(memory, alive if identity and first else held + alive)
        if role < 2:
            depth += 1
            log_width += math.log(fan)
        chain[used, 0], chain[used, 1] = channels, out
        chain[used, 2], chain[used, 3] = row[_KERNEL], row[_STRIDE]
        chain[used, 4] = int(at[row[_GROUPS]])
        chain[used, 5], chain[used, 6] = role, side
        used += 1
        side, first = out_side, False
    counted[PARAMS], counted[FLOPS], counted[CONVOLUTIONS] = params, flops, convolutions
    counted[MEMORY], counted[EFFECTIVENESS] = memory * _BYTES, depth
    return used, side, log_width


@compiled_apart
def count_network(
    program: Program,
    network: IntMatrix,
    resolution: int,
    num_classes: int,
    at: Vector,
    counted: IntVector,
    costs: Vector,
    chain: IntMatrix,
    used: int,
    ends: IntVector,
) -> int:
    """Costs and chain of a network.

    Args:
        program: of its block types.
        network: a row a super-block.
        resolution: side of the square input.
        num_classes: outputs of the classifier.
        at: one number a place of the longest tape, overwritten.
        counted: six numbers, overwritten.
        costs: one number of each of `COSTS`, written; an effectiveness that there is not is NaN.
        chain: rows, written from `used` on.
        used: rows that are there already.
        ends: rows of the chain after each super-block, written.

    Returns:
        Rows that are there then.
    """
    out, side = network[len(network) - 1, OUT], resolution
    params, flops = (out + 1) * num_classes, out * num_classes
    layers = convolutions = memory = depth = 0
    log_width = 0.0
    for index in range(len(network)):
        block = network[index]
        variant = block[TYPE] * VARIANTS
        path = evaluate(program, variant + FIRST + block[STRIDE] - 1, block[IN], block[BOTTLENECK], block[OUT], at)
        used, side, widths = count_units(program, path, side, at, counted, chain, used)
        params += counted[PARAMS]
        flops += counted[FLOPS]
        convolutions += counted[CONVOLUTIONS]
        memory = max(memory, counted[MEMORY])
        depth_here = counted[EFFECTIVENESS]
        if depth_here > 0:
            layers += block[LAYERS]
        times = block[LAYERS] - 1
        if times > 0:
            path = evaluate(program, variant + REST, block[OUT], block[BOTTLENECK], block[OUT], at)
            begin = used
            used, side, more = count_units(program, path, side, at, counted, chain, used)
            params += times * counted[PARAMS]
            flops += times * counted[FLOPS]
            convolutions += times * counted[CONVOLUTIONS]
            memory = max(memory, counted[MEMORY])
            depth_here += times * counted[EFFECTIVENESS]
            widths += times * more
            length = used - begin
            for _ in range(times - 1):
                for row in range(length):
                    for column in range(7):
                        chain[used + row, column] = chain[begin + row, column]
                used += length
        depth += depth_here
        log_width += widths
        ends[index] = used
    costs[PARAMS], costs[FLOPS], costs[LAYER_COUNT] = params, flops, layers
    costs[CONVOLUTIONS], costs[MEMORY] = convolutions, memory
    costs[EFFECTIVENESS] = depth / math.exp(log_width / depth) if depth else math.nan
    return used
