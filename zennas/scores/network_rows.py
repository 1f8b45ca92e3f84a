"""Networks as the rows that compiled scores read, from what describes them: in a search the core has them at hand."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.chain import decorated_path
from zennas.blocks.layers import Convolution, Layer
from zennas.blocks.registry import expand
from zennas.blocks.tracing import CONVOLUTION, CONVOLUTION_RELU
from zennas.input_size import Resolution, sides
from zennas.scores.chains import COLUMNS, GATE_COLUMNS, PLACE, Integers, NetworkRows
from zennas.scores.network import Network

_Rows = tuple[Integers, Integers]
"""Rows of a part of a network, and those of its gates, whose places count from the part's first row."""


def rows_of(networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution) -> NetworkRows:
    """The rows of networks that are known to be valid.

    Args:
        networks: their super-blocks.
        resolution: size of the input.
    """
    parts: list[_Rows] = []
    counts: list[int] = []
    for network in networks:
        size, first = resolution, len(parts)
        for block in network:
            part, size = _super_block_rows(block, size)
            parts.append(part)
        counts.append(len(parts) - first)
    return joined(parts, counts)


def rows_of_network(network: Network, resolution: Resolution) -> NetworkRows:
    """The rows of an architecture or a converted module. Of a module's gates only those of a 1×1 map count.

    Args:
        network: what is scored.
        resolution: size of its input.

    Raises:
        ArchitectureError: a block type is unknown or incomplete.
    """
    if isinstance(network, Architecture):
        return rows_of([network.super_blocks], resolution)
    gates: dict[int, list[Convolution]] = {}
    for gate in network.gates:
        if gate.side == 1:
            gates.setdefault(gate.place, []).append(gate.convolution)
    parts: list[_Rows] = []
    size = resolution
    for place in range(len(network.chain) + 1):
        parts.append((_table([], COLUMNS), _table([_gate_row(c, 0) for c in gates.get(place, [])], GATE_COLUMNS)))
        own, size = _path_rows(network.chain[place : place + 1], size)
        parts.append(own)
    return joined(parts, [len(parts)])


def joined(parts: Sequence[_Rows], counts: Sequence[int]) -> NetworkRows:
    """The rows of networks from those of their parts.

    Args:
        parts: of all networks, in order.
        counts: how many of them each network has.
    """
    ends = np.cumsum([0, *(len(rows) for rows, _ in parts)])
    gate_ends = np.cumsum([0, *(len(gates) for _, gates in parts)])
    places = np.cumsum([0, *counts])
    gates = np.concatenate([gates for _, gates in parts])
    gates[:, PLACE] += np.repeat(ends[:-1], np.diff(gate_ends))
    return NetworkRows(np.concatenate([rows for rows, _ in parts]), ends[places], gates, gate_ends[places])


@lru_cache(maxsize=1 << 17)
def _super_block_rows(block: SuperBlock, size: Resolution) -> tuple[_Rows, Resolution]:
    """Rows of a super-block on a map of that size, and the size of its output."""
    expansion = expand(block)
    first, size = _path_rows(decorated_path(expansion.first), size)
    if not expansion.repeats:
        return first, size
    rest, size = _path_rows(decorated_path(expansion.rest), size)
    whole = joined([first, *[rest] * expansion.repeats], [1 + expansion.repeats])
    return (whole.rows, whole.gates), size


def _path_rows(path: Iterable[Layer], size: Resolution) -> tuple[_Rows, Resolution]:
    """Rows of a main path with its gates, and the size of its output."""
    rows: list[tuple[int, ...]] = []
    gates: list[tuple[int, ...]] = []
    for layer in path:
        size = layer.out_resolution(size)
        for c in layer.convolutions:
            if layer.decoration:
                gates.append(_gate_row(c, len(rows)))
                continue
            kind = CONVOLUTION_RELU if c.activation else CONVOLUTION
            # All convolutions of a layer work at the side of its output, wherever its stride is.
            rows.append((c.in_channels, c.out_channels, c.kernel, 1, c.groups, kind, *sides(size)))
    return (_table(rows, COLUMNS), _table(gates, GATE_COLUMNS)), size


def _gate_row(convolution: Convolution, place: int) -> tuple[int, ...]:
    return place, convolution.kernel * (convolution.in_channels // convolution.groups), convolution.out_channels


def _table(rows: list[tuple[int, ...]], columns: int) -> Integers:
    return np.array(rows, dtype=np.int64).reshape(-1, columns)
