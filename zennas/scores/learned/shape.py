"""The shape of networks: how deep and wide they are at each scale, and what their convolutions are.

Scale s has the maps whose side is that of the input over 2^s. Only convolutions with an activation are layers here, as
in `zen-weighted`; the last width of a scale is that of its last convolution, with an activation or without.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.chain import decorated_path
from zennas.blocks.layers import Layer
from zennas.blocks.registry import expand
from zennas.compiled import compiled_and_kept
from zennas.input_size import Resolution, mean_side
from zennas.scores.network import Network

SCALES = 8
"""Scales that are told apart; smaller maps count as of the last one."""

LAYERS, WIDTH, TILT, FIRST, LAST = range(5)
"""Columns of a shape, one row a scale: layers; the sum of their log-widths; that sum, weighted by the place of each
within the scale, from −½ to ½; the log-widths of the first layer and of the last convolution."""

CONVOLUTIONS, KERNEL, GROUPED, GATES = range(4)
"""Columns of the totals: convolutions of the main path, the sum of the logarithms of their kernels, how many of them
have groups, and the convolutions of squeeze-excitation."""

SCALE, LOG_WIDTH, BENDS, LOG_KERNEL, HAS_GROUPS = range(5)
"""Columns of a row, one a convolution; BENDS: whether an activation follows. SCALE is `GATE` off the main path."""
GATE = -1.0

Table = npt.NDArray[np.float64]


@compiled_and_kept
def measure_shapes(rows: Table, starts: npt.NDArray[np.int64], shapes: Table, totals: Table) -> None:
    """Fill the shapes of the networks `rows[starts[i]:starts[i + 1]]`.

    Args:
        rows: n×5, the rows of all networks, one after the other; see the names of the columns.
        starts: first row of every network, and the number of rows.
        shapes: networks×scales×5, zeros; written.
        totals: networks×4, zeros; written.
    """
    for i in range(len(starts) - 1):
        shape = shapes[i]
        for row in range(starts[i], starts[i + 1]):
            if rows[row, SCALE] == GATE:
                totals[i, GATES] += 1
                continue
            scale = int(rows[row, SCALE])
            width = rows[row, LOG_WIDTH]
            totals[i, CONVOLUTIONS] += 1
            totals[i, KERNEL] += rows[row, LOG_KERNEL]
            totals[i, GROUPED] += rows[row, HAS_GROUPS]
            shape[scale, LAST] = width
            if rows[row, BENDS] == 0:
                continue
            if shape[scale, LAYERS] == 0:
                shape[scale, FIRST] = width
            shape[scale, TILT] += (shape[scale, LAYERS] + 0.5) * width
            shape[scale, LAYERS] += 1
            shape[scale, WIDTH] += width
        for scale in range(len(shape)):
            if shape[scale, LAYERS] > 0:
                shape[scale, TILT] = shape[scale, TILT] / shape[scale, LAYERS] - 0.5 * shape[scale, WIDTH]


def shapes_of(parts: Sequence[Table], starts: Sequence[int]) -> tuple[Table, Table]:
    """The shapes and the totals of networks whose rows are at hand.

    Args:
        parts: rows of all networks, in order.
        starts: first row of every network, and the number of rows.
    """
    shapes, totals = np.zeros((len(starts) - 1, SCALES, 5)), np.zeros((len(starts) - 1, 4))
    measure_shapes(np.concatenate(parts), np.array(starts, dtype=np.int64), shapes, totals)
    return shapes, totals


def super_block_rows(block: SuperBlock, size: Resolution, resolution: Resolution) -> tuple[Table, Resolution]:
    """The rows of a super-block, and the size of its output.

    Args:
        block: of a registered type.
        size: of the map that comes in.
        resolution: size of the network's input.

    Raises:
        ArchitectureError: the block type is unknown or incomplete.
    """
    expansion = expand(block)
    first, size = path_rows(decorated_path(expansion.first), size, resolution)
    if not expansion.repeats:
        return first, size
    rest, size = path_rows(decorated_path(expansion.rest), size, resolution)
    return np.concatenate([first, *[rest] * expansion.repeats]), size


def network_rows(network: Network, resolution: Resolution) -> Table:
    """The rows of an architecture or a converted module.

    Args:
        network: what is measured.
        resolution: size of its input.

    Raises:
        ArchitectureError: a block type is unknown or incomplete.
    """
    if not isinstance(network, Architecture):
        rows, _ = path_rows(network.chain, resolution, resolution)
        gates = sum(gate.side == 1 for gate in network.gates)
        return np.concatenate([rows, np.full((gates, 5), GATE)])
    parts: list[Table] = []
    size = resolution
    for block in network.super_blocks:
        rows, size = super_block_rows(block, size, resolution)
        parts.append(rows)
    return np.concatenate(parts)


def path_rows(path: Iterable[Layer], size: Resolution, resolution: Resolution) -> tuple[Table, Resolution]:
    """The rows of layers, and the size of their output.

    Args:
        path: a main path with its gates.
        size: of the map that comes in.
        resolution: size of the network's input.
    """
    rows = []
    for layer in path:
        size = layer.out_resolution(size)
        scale = min(SCALES - 1, max(0, round(math.log2(mean_side(resolution) / mean_side(size)))))
        for c in layer.convolutions:
            place = GATE if layer.decoration else float(scale)
            rows.append(
                (place, math.log(c.out_channels), float(bool(c.activation)), math.log(c.kernel), float(c.groups > 1))
            )
    return np.array(rows, float).reshape(-1, 5), size
