"""A block type as rows of numbers that follow from a super-block's channels, for code that is compiled.

The rows are derived from the block's own function, which is run with `symbols`: it stays the only description. A block
that cannot be traced, such as one with a kind of layer of a user's own, has none, and everything works without.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any, NamedTuple

from zennas.architecture.model import ACTIVATIONS, SuperBlock
from zennas.blocks.layers import AveragePool, Convolution, Layer, MaxPool, SqueezeExcite, Unit
from zennas.blocks.registry import block_type
from zennas.blocks.symbols import Answer, Symbol, Tape
from zennas.errors import ZennasError

CONVOLUTION, CONVOLUTION_RELU, MAX_POOL, AVERAGE_POOL, EXCITE, PROJECTION, UNIT, UNIT_WITH_IDENTITY = range(8)
"""What a row is: a layer of the main path (below `EXCITE`), squeeze-excitation, the convolution of a link, or the
beginning of a unit."""

IN, BOTTLENECK, OUT = range(3)
"""Places of the inputs on a tape."""
_MOST_PATHS = 32


class TracedRow(NamedTuple):
    """One row; numbers of channels are places on the tape.

    Attributes:
        role: see the names above.
        in_channels: that come in; of a squeeze-excitation its channels.
        out_channels: that go out; of a squeeze-excitation what it squeezes them to.
        kernel: side of the kernel or window.
        stride: in both directions.
        groups: of a convolution.
        values: learnable values of each output beside the weights: bias, and the norm's scale and shift.
    """

    role: int
    in_channels: int = IN
    out_channels: int = IN
    kernel: int = 1
    stride: int = 1
    groups: int = IN
    values: int = 0


@dataclass(frozen=True, slots=True)
class TracedPath:
    """The rows of one layer of a super-block where all answers hold."""

    answers: tuple[Answer, ...]
    rows: tuple[TracedRow, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """One layer of a super-block: its tape, and its paths, of which exactly one holds."""

    tape: Tape
    paths: tuple[TracedPath, ...]


class _Untraceable(Exception):  # noqa: N818
    pass


def trace_layer(block: SuperBlock, stride: int, first: bool) -> Trace | None:
    """The rows of one layer of every super-block of this type.

    Args:
        block: its type, kernel, expansion, group width and squeeze-excitation count; its channels do not.
        stride: of the layer.
        first: whether it is the super-block's first.

    Returns:
        The rows, or `None` where the block's function does something with channels that cannot be written down.
    """
    tape = Tape(3)
    symbols: list[Any] = [Symbol(tape, place) for place in (IN, BOTTLENECK, OUT)]
    symbolic = replace(block, in_channels=symbols[IN], bottleneck=symbols[BOTTLENECK], out_channels=symbols[OUT])
    if not first:
        symbolic = replace(symbolic, in_channels=symbols[OUT])
    function = block_type(block.block).layer
    paths: list[TracedPath] = []
    planned: list[bool] | None = []
    while planned is not None and len(paths) < _MOST_PATHS:
        tape.begin(planned)
        try:
            units = function(symbolic, symbolic.in_channels, stride, first)
            rows = tuple(row for unit in units for row in _unit_rows(unit, tape))
        except (_Untraceable, TypeError, AttributeError, ValueError):
            return None
        paths.append(TracedPath(tuple(tape.answers), rows))
        planned = _next_plan([answer.holds for answer in tape.answers])
    trace = Trace(tape, tuple(paths))
    own = not function.__module__.startswith("zennas.")
    return None if planned is not None or (own and not _agrees(trace, block, stride, first)) else trace


_PROBES = ((8, 8, 8), (16, 24, 16), (40, 16, 72), (96, 256, 64), (23, 57, 11))
"""Channels in, bottleneck and channels out with which a user's block is compared."""


def _agrees(trace: Trace, block: SuperBlock, stride: int, first: bool) -> bool:
    """Whether the rows are those of numbers: a user's function may do with numbers what it does not do with symbols."""
    for in_channels, bottleneck, out_channels in _PROBES:
        probe = replace(
            block, in_channels=in_channels if first else out_channels, bottleneck=bottleneck, out_channels=out_channels
        )
        inputs = (probe.in_channels, bottleneck, out_channels)
        values = trace.tape.evaluated(inputs)
        fitting = [path for path in trace.paths if all(answer.is_that_of(values) for answer in path.answers)]
        tape = Tape(len(inputs))
        try:
            units = block_type(block.block).layer(probe, probe.in_channels, stride, first)
            rows = [row for unit in units for row in _unit_rows(unit, tape)]
        except ZennasError:
            continue  # such channels are refused, and never counted
        constants = tape.evaluated(inputs)
        if len(fitting) != 1 or _valued(fitting[0].rows, values) != _valued(rows, constants):
            return False
    return True


def _valued(rows: Sequence[TracedRow], values: Sequence[float]) -> list[TracedRow]:
    return [
        row
        if row.role >= UNIT
        else row._replace(
            in_channels=int(values[row.in_channels]),
            out_channels=int(values[row.out_channels]),
            groups=int(values[row.groups]),
        )
        for row in rows
    ]


def _next_plan(answers: list[bool]) -> list[bool] | None:
    """The answers of the next run: the last yes becomes a no; `None` once there is none."""
    while answers and not answers[-1]:
        answers.pop()
    return [*answers[:-1], False] if answers else None


def _unit_rows(unit: Unit, tape: Tape) -> Sequence[TracedRow]:
    link = unit.projection
    rows = [TracedRow(UNIT_WITH_IDENTITY if unit.shortcut == "identity" else UNIT)]
    if link is not None:
        rows.append(_convolution_row(link, PROJECTION, tape))
    path = list(unit.main)
    ends = [index for index, layer in enumerate(path) if not layer.decoration]
    if unit.activation is not None and ends:
        path[ends[-1]] = path[ends[-1]].with_activation(unit.activation)
    return [*rows, *(traced_row(layer, tape) for layer in path)]


@singledispatch
def traced_row(layer: Layer, tape: Tape) -> TracedRow:
    """The row of a layer of the main path, with its unit's activation. Only kinds of layer that the compiled count and
    the closed form know have one.

    Args:
        layer: its numbers of channels may be symbols.
        tape: where these are.
    """
    raise _Untraceable


@traced_row.register
def _convolution(layer: Convolution, tape: Tape) -> TracedRow:
    if layer.activation not in (*ACTIVATIONS, None) or not layer.norm:
        raise _Untraceable
    return _convolution_row(layer, CONVOLUTION_RELU if layer.activation else CONVOLUTION, tape)


@traced_row.register
def _max_pool(layer: MaxPool, tape: Tape) -> TracedRow:
    channels = tape.place(layer.channels)
    return TracedRow(MAX_POOL, channels, channels, layer.kernel, layer.stride, tape.place(1))


@traced_row.register
def _average_pool(layer: AveragePool, tape: Tape) -> TracedRow:
    channels = tape.place(layer.channels)
    return TracedRow(AVERAGE_POOL, channels, channels, layer.kernel, layer.stride, tape.place(1))


@traced_row.register
def _excite(layer: SqueezeExcite, tape: Tape) -> TracedRow:
    reduce, back = _convolution_row(layer.reduce, EXCITE, tape), _convolution_row(layer.expand, EXCITE, tape)
    ungrouped = tape.place(1)
    if back != reduce._replace(in_channels=reduce.out_channels, out_channels=reduce.in_channels):
        raise _Untraceable
    if (reduce.kernel, reduce.stride, reduce.groups) != (1, 1, ungrouped):
        raise _Untraceable
    return reduce


def _convolution_row(layer: Convolution, role: int, tape: Tape) -> TracedRow:
    return TracedRow(
        role,
        tape.place(layer.in_channels),
        tape.place(layer.out_channels),
        layer.kernel,
        layer.stride,
        tape.place(layer.groups),
        int(layer.bias) + 2 * int(layer.norm),
    )
