"""The shape of networks: how deep and wide they are at each scale, and what their convolutions are.

Scale s has the maps whose side is that of the input over 2^s. Only convolutions with an activation are layers here, as
in `zen-weighted`; the last width of a scale is that of its last convolution, with an activation or without.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zennas.blocks.tracing import CONVOLUTION_RELU, EXCITE
from zennas.compiled import compiled_and_kept
from zennas.input_size import Resolution, mean_side
from zennas.scores.chains import C_OUT, GROUPS, HEIGHT, KIND, STRIDE, Integers
from zennas.scores.chains import KERNEL as KERNEL_SIDE
from zennas.scores.chains import WIDTH as MAP_WIDTH
from zennas.scores.network_rows import NetworkRows

SCALES = 8
"""Scales that are told apart; smaller maps count as of the last one."""

LAYERS, WIDTH, TILT, FIRST, LAST = range(5)
"""Columns of a shape, one row a scale: layers; the sum of their log-widths; that sum, weighted by the place of each
within the scale, from −½ to ½; the log-widths of the first layer and of the last convolution."""

CONVOLUTIONS, KERNEL, GROUPED, GATES = range(4)
"""Columns of the totals: convolutions of the main path, the sum of the logarithms of their kernels, how many of them
have groups, and the convolutions of squeeze-excitation."""

Table = npt.NDArray[np.float64]


@compiled_and_kept
def measure_shapes(rows: Integers, starts: Integers, sides: Table, shapes: Table, totals: Table) -> None:
    """Fill the shapes of networks.

    Args:
        rows: of all of them, one after another.
        starts: first row of each, and the number of rows.
        sides: of the input of each, in pixels.
        shapes: networks×scales×5, zeros; written.
        totals: networks×4, zeros; written.
    """
    for i in range(len(sides)):
        shape = shapes[i]
        for row in range(starts[i], starts[i + 1]):
            totals[i, GATES] += rows[row, KIND] == EXCITE
            if rows[row, KIND] > CONVOLUTION_RELU:
                continue
            height, width = -(-rows[row, HEIGHT] // rows[row, STRIDE]), -(-rows[row, MAP_WIDTH] // rows[row, STRIDE])
            scale = min(len(shape) - 1, max(0, round(math.log2(sides[i] / math.sqrt(height * width)))))
            log_width = math.log(rows[row, C_OUT])
            totals[i, CONVOLUTIONS] += 1
            totals[i, KERNEL] += math.log(rows[row, KERNEL_SIDE])
            totals[i, GROUPED] += rows[row, GROUPS] > 1
            shape[scale, LAST] = log_width
            if rows[row, KIND] != CONVOLUTION_RELU:
                continue
            if shape[scale, LAYERS] == 0:
                shape[scale, FIRST] = log_width
            shape[scale, TILT] += (shape[scale, LAYERS] + 0.5) * log_width
            shape[scale, LAYERS] += 1
            shape[scale, WIDTH] += log_width
        for scale in range(len(shape)):
            if shape[scale, LAYERS] > 0:
                shape[scale, TILT] = shape[scale, TILT] / shape[scale, LAYERS] - 0.5 * shape[scale, WIDTH]


def shapes_of(networks: NetworkRows, resolutions: Sequence[Resolution]) -> tuple[Table, Table]:
    """The shapes and the totals of networks whose rows are at hand.

    Args:
        networks: their rows.
        resolutions: size of the input of each.
    """
    shapes, totals = np.zeros((len(resolutions), SCALES, 5)), np.zeros((len(resolutions), 4))
    measure_shapes(*networks, np.array([mean_side(resolution) for resolution in resolutions]), shapes, totals)
    return shapes, totals
