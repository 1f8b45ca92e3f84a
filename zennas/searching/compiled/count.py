"""Costs and chain of a network of rows; what `zennas.counting` and `zennas.blocks.chain` make of its super-blocks."""

import math
from typing import NamedTuple

import numpy as np

from zennas.blocks.symbols import ADD, AT_LEAST, DIVIDE, DIVISOR, FLOOR, FLOOR_DIVIDE, LESS, MULTIPLY, ROUND, SUBTRACT
from zennas.blocks.tracing import CONVOLUTION_RELU, EXCITE, PROJECTION, UNIT, UNIT_WITH_IDENTITY
from zennas.compiled import compiled, compiled_apart
from zennas.scores.chains import C_IN, C_OUT, COLUMNS, GROUPS, HEIGHT, KERNEL, KIND, WIDTH
from zennas.scores.chains import STRIDE as CHAIN_STRIDE
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

PARAMS, FLOPS, LAYER_COUNT, CONVOLUTIONS, MEMORY, EFFECTIVENESS, WEIGHTS, PEAK_MEMORY = range(8)
"""Places of the costs; those of a super-block have its depth in the place of the effectiveness."""
COSTS = ("params", "flops", "layers", "convolutions", "memory", "effectiveness", "weights", "peak_memory")
"""Their names."""
_ROLE, _IN, _OUT, _KERNEL, _STRIDE, _GROUPS, _VALUES = range(7)


class Counted(NamedTuple):
    """What the networks of a search are counted for.

    Attributes:
        height: of the input.
        width: of the input.
        num_classes: outputs of the classifier.
        activation: bytes of a value of a feature map.
        weight: bytes of a weight.
        output: bytes of each output channel beside its weights.
    """

    height: int
    width: int
    num_classes: int
    activation: int
    weight: int
    output: int


@compiled
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


@compiled
def count_units(
    program: Program,
    path: int,
    setting: Counted,
    height: int,
    width: int,
    at: Vector,
    counted: IntVector,
    chain: IntMatrix,
    used: int,
) -> tuple[int, int, int, float]:
    """Costs of one layer, and its rows of the chain (see `zennas.scores.chains`).

    Args:
        program: has the path.
        path: that `evaluate` returned.
        setting: what is counted for.
        height: of the map that comes in.
        width: of the map that comes in.
        at: that `evaluate` filled.
        counted: costs, written.
        chain: rows, written from `used` on.
        used: rows that are there already.

    Returns:
        Rows that are there then, height and width of the map that goes out, and the sum of the logarithms of the
        widths.
    """
    params = flops = convolutions = memory = depth = weights = outputs = peak = 0
    log_width = 0.0
    held, identity, first = 0, False, True
    waiting = link = made = 0
    for number in range(program.paths[path, 2], program.paths[path, 3]):
        row = program.rows[number]
        role = row[_ROLE]
        channels, out = int(at[row[_IN]]), int(at[row[_OUT]])
        if role >= UNIT:
            # In the order of a file a link comes after the main path, and reads the unit's input.
            peak = max(peak, link + made) if link > 0 else peak
            held, identity, first = 0, role == UNIT_WITH_IDENTITY, True
            waiting = link = 0
            continue
        out_height, out_width = -(-height // row[_STRIDE]), -(-width // row[_STRIDE])
        if identity and first:
            held = waiting = channels * height * width
        if role == EXCITE:
            params += out * (channels + row[_VALUES]) + channels * (out + row[_VALUES])
            flops += 2 * out * channels
            convolutions += 2
            weights += 2 * out * channels
            outputs += out + channels
            memory = max(memory, held + channels * (height * width + 1))
            peak = max(peak, waiting + channels * (height * width + 1))
            made, first = channels * height * width, False
            for gate in range(2):
                chain[used, C_IN], chain[used, C_OUT] = (channels, out) if gate == 0 else (out, channels)
                chain[used, KERNEL], chain[used, CHAIN_STRIDE], chain[used, GROUPS] = 1, 1, 1
                chain[used, KIND], chain[used, HEIGHT], chain[used, WIDTH] = role, 1, 1
                used += 1
            continue
        alive = channels * height * width + out * out_height * out_width
        fan = 0
        if role == PROJECTION or role <= CONVOLUTION_RELU:
            fan = row[_KERNEL] * row[_KERNEL] * (channels // int(at[row[_GROUPS]]))
            params += out * (fan + row[_VALUES])
            flops += out * fan * out_height * out_width
            convolutions += 1
            weights += out * fan
            outputs += out
        if role == PROJECTION:
            held, waiting, link = out * out_height * out_width, channels * height * width, alive
            memory = max(memory, alive)
            continue
        # The first layer reads the very tensor that the link holds.
        memory = max(memory, alive if identity and first else held + alive)
        peak, made = max(peak, alive if first else waiting + alive), out * out_height * out_width
        if role <= CONVOLUTION_RELU:
            depth += 1
            log_width += math.log(fan)
        chain[used, C_IN], chain[used, C_OUT] = channels, out
        chain[used, KERNEL], chain[used, CHAIN_STRIDE] = row[_KERNEL], row[_STRIDE]
        chain[used, GROUPS] = int(at[row[_GROUPS]])
        chain[used, KIND], chain[used, HEIGHT], chain[used, WIDTH] = role, height, width
        used += 1
        height, width, first = out_height, out_width, False
    peak = max(peak, link + made) if link > 0 else peak
    counted[PARAMS], counted[FLOPS], counted[CONVOLUTIONS] = params, flops, convolutions
    counted[MEMORY], counted[PEAK_MEMORY] = memory * setting.activation, peak * setting.activation
    counted[WEIGHTS] = weights * setting.weight + outputs * setting.output
    counted[EFFECTIVENESS] = depth
    return used, height, width, log_width


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
    program: Program,
    setting: Counted,
    network: IntMatrix,
    index: int,
    at: Vector,
    parts: Parts,
    chain: IntMatrix,
    used: int,
) -> int:
    """Costs and chain of one super-block of a network.

    Args:
        program: of its block types.
        setting: what is counted for.
        network: a row a super-block.
        index: of the super-block; those before it are counted.
        at: one number a place of the longest tape, overwritten.
        parts: written at `index`.
        chain: rows, written from `used` on.
        used: rows that are there already.

    Returns:
        Rows that are there then.
    """
    block, counted = network[index], parts.counted[index]
    height, width = parts.sizes[index, 0], parts.sizes[index, 1]
    variant, times = block[TYPE] * VARIANTS, block[LAYERS] - 1
    path = evaluate(program, variant + FIRST + block[STRIDE] - 1, block[IN], block[BOTTLENECK], block[OUT], at)
    used, height, width, widths = count_units(program, path, setting, height, width, at, counted, chain, used)
    if times > 0:
        params, flops, convolutions = counted[PARAMS], counted[FLOPS], counted[CONVOLUTIONS]
        memory, depth = counted[MEMORY], counted[EFFECTIVENESS]
        weights, peak = counted[WEIGHTS], counted[PEAK_MEMORY]
        path = evaluate(program, variant + REST, block[OUT], block[BOTTLENECK], block[OUT], at)
        begin = used
        used, height, width, more = count_units(program, path, setting, height, width, at, counted, chain, used)
        counted[PARAMS] = params + times * counted[PARAMS]
        counted[FLOPS] = flops + times * counted[FLOPS]
        counted[CONVOLUTIONS] = convolutions + times * counted[CONVOLUTIONS]
        counted[MEMORY] = max(memory, counted[MEMORY])
        counted[WEIGHTS] = weights + times * counted[WEIGHTS]
        counted[PEAK_MEMORY] = max(peak, counted[PEAK_MEMORY])
        counted[EFFECTIVENESS] = depth + times * counted[EFFECTIVENESS]
        # A block type convolves in its first layer or in none.
        counted[LAYER_COUNT] = block[LAYERS] if depth > 0 else 0
        widths += times * more
        length = used - begin
        for _ in range(times - 1):
            for row in range(length):
                for column in range(COLUMNS):
                    chain[used + row, column] = chain[begin + row, column]
            used += length
    else:
        counted[LAYER_COUNT] = block[LAYERS] if counted[EFFECTIVENESS] > 0 else 0
    parts.log_widths[index] = widths
    parts.sizes[index + 1, 0], parts.sizes[index + 1, 1] = height, width
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
def count_network(
    program: Program,
    setting: Counted,
    network: IntMatrix,
    at: Vector,
    parts: Parts,
    costs: Vector,
    chain: IntMatrix,
    used: int,
    ends: IntVector,
) -> int:
    """Costs and chain of a network.

    Args:
        program: of its block types.
        setting: what is counted for.
        network: a row a super-block.
        at: one number a place of the longest tape, overwritten.
        parts: of its super-blocks, written.
        costs: see `add_up`.
        chain: rows, written from `used` on.
        used: rows that are there already.
        ends: rows of the chain after each super-block, written.

    Returns:
        Rows that are there then.
    """
    parts.sizes[0, 0], parts.sizes[0, 1] = setting.height, setting.width
    for index in range(len(network)):
        used = count_part(program, setting, network, index, at, parts, chain, used)
        ends[index] = used
    add_up(network, parts, setting, costs)
    return used
