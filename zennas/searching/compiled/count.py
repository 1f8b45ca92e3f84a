"""Costs and chain of one layer of a super-block; what `zennas.counting` and `zennas.blocks.chain` make of it."""

import math
from typing import NamedTuple

import numpy as np

from zennas.blocks.symbols import ADD, AT_LEAST, DIVIDE, DIVISOR, FLOOR, FLOOR_DIVIDE, LESS, MULTIPLY, ROUND, SUBTRACT
from zennas.blocks.tracing import CONVOLUTION_RELU, EXCITE, PROJECTION, UNIT, UNIT_WITH_IDENTITY
from zennas.compiled import compiled
from zennas.scores.chains import C_IN, C_OUT, GROUPS, HEIGHT, KERNEL, KIND, WIDTH
from zennas.scores.chains import STRIDE as CHAIN_STRIDE
from zennas.scores.closed_form.state import IntMatrix, IntVector, Vector
from zennas.searching.compiled.program import Program

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
