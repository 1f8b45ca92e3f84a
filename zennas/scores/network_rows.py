"""Networks as the rows that compiled scores read, from what describes them; a search's core has them at hand.

Rows are those of `zennas.scores.chains`, of convolutions alone, each as if its stride were 1: the size is that of the
map that goes out.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.chain import decorated_path
from zennas.blocks.layers import Convolution, Layer
from zennas.blocks.registry import expand, kept_by_block
from zennas.blocks.tracing import CONVOLUTION, CONVOLUTION_RELU, EXCITE
from zennas.input_size import Resolution, sides
from zennas.scores.chains import COLUMNS, Integers
from zennas.scores.network import Network


class NetworkRows(NamedTuple):
    """Rows of networks.

    Attributes:
        rows: of all of them, one after another.
        starts: first row of each, and the number of rows.
    """

    rows: Integers
    starts: Integers


def rows_of(networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution) -> NetworkRows:
    """The rows of networks that are known to be valid.

    Args:
        networks: their super-blocks.
        resolution: size of the input.
    """
    return gathered(networks, resolution, _super_block_rows)


def gathered(
    networks: Sequence[tuple[SuperBlock, ...]],
    resolution: Resolution,
    of_block: Callable[[SuperBlock, Resolution], tuple[Integers, Resolution]],
) -> NetworkRows:
    """The rows of networks, of whatever kind those of a super-block are.

    Args:
        networks: their super-blocks; at least one network.
        resolution: size of the input.
        of_block: the rows of a super-block on a map of that size, and the size of what it makes.
    """
    parts: list[Integers] = []
    starts = [0]
    total = 0
    for network in networks:
        size = resolution
        for block in network:
            rows, size = of_block(block, size)
            parts.append(rows)
            total += len(rows)
        starts.append(total)
    return NetworkRows(np.concatenate(parts), np.array(starts, dtype=np.int64))


def rows_of_network(network: Network, resolution: Resolution) -> Integers:
    """The rows of an architecture or a converted module, of whose gates only those of a 1×1 map count.

    Args:
        network: what is scored.
        resolution: size of its input.

    Raises:
        ArchitectureError: a block type is unknown or incomplete.
    """
    if isinstance(network, Architecture):
        return rows_of([network.super_blocks], resolution).rows
    gates: dict[int, list[tuple[int, ...]]] = {}
    for gate in network.gates:
        if gate.side == 1:
            gates.setdefault(gate.place, []).append(_row(gate.convolution, EXCITE, 1))
    parts: list[Integers] = []
    size = resolution
    for place, layer in enumerate(network.chain):
        own, size = _path_rows((layer,), size)
        parts += [_matrix(gates.get(place, [])), own]
    return np.concatenate([*parts, _matrix(gates.get(len(network.chain), []))])


@kept_by_block(maxsize=1 << 17)
def _super_block_rows(block: SuperBlock, size: Resolution) -> tuple[Integers, Resolution]:
    expansion = expand(block)
    first, size = _path_rows(decorated_path(expansion.first), size)
    if not expansion.repeats:
        return first, size
    rest, size = _path_rows(decorated_path(expansion.rest), size)
    return np.concatenate([first, *[rest] * expansion.repeats]), size


def _path_rows(path: Iterable[Layer], size: Resolution) -> tuple[Integers, Resolution]:
    """The rows of a main path with its gates, and the size of its output."""
    rows = []
    for layer in path:
        size = layer.out_resolution(size)
        for convolution in layer.convolutions:
            plain = CONVOLUTION_RELU if convolution.activation else CONVOLUTION
            rows.append(_row(convolution, EXCITE if layer.decoration else plain, size))
    return _matrix(rows), size


def _row(convolution: Convolution, kind: int, size: Resolution) -> tuple[int, ...]:
    return (
        convolution.in_channels, convolution.out_channels, convolution.kernel, 1, convolution.groups, kind,
        *sides(size),
    )  # fmt: skip


def _matrix(rows: Sequence[tuple[int, ...]]) -> Integers:
    return np.array(rows, dtype=np.int64).reshape(-1, COLUMNS)
