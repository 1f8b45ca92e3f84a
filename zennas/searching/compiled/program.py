"""Block types as arrays that compiled code reads (`zennas.blocks.tracing`)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.blocks.symbols import DIVISOR
from zennas.blocks.tracing import EXCITE, UNIT, Trace, trace_layer
from zennas.scores.closed_form.state import IntMatrix, Vector

CONSTANT = DIVISOR + 1
"""An operation beside those of a tape: the constant of that place."""

FIRST, FIRST_STRIDED, REST, VARIANTS = range(4)
"""A block type's layers: the first with stride 1 and with stride 2, any other, and how many variants there are."""

TYPE, IN, OUT, STRIDE, BOTTLENECK, LAYERS, FIELDS = range(7)
"""Columns of a super-block's row, and their number. TYPE counts the block types of a search."""


class Program(NamedTuple):
    """The traces of all block types of a search, one after another.

    Attributes:
        variants: of each type in turn; first and last operation, first and last path.
        operations: operation, left, right, place of the result.
        constants: of the operations.
        paths: first and last answer, first and last row.
        answers: question, left, right, whether it holds.
        rows: see `TracedRow`.
        places: of the longest tape.
        longest: chain rows of a layer at most.
    """

    variants: IntMatrix
    operations: IntMatrix
    constants: Vector
    paths: IntMatrix
    answers: IntMatrix
    rows: IntMatrix
    places: int
    longest: int


def compiled_types(blocks: Sequence[SuperBlock]) -> Program | None:
    """The program of block types; `None` where one of them cannot be traced.

    Args:
        blocks: one super-block of each type; its channels do not count.
    """
    traces = [
        trace_layer(block, stride, first) for block in blocks for stride, first in ((1, True), (2, True), (1, False))
    ]
    whole = [trace for trace in traces if trace is not None]
    return _packed(whole) if len(whole) == len(traces) else None


def _packed(traces: Sequence[Trace]) -> Program:
    variants: list[tuple[int, ...]] = []
    operations: list[tuple[int, ...]] = []
    constants: list[float] = []
    paths: list[tuple[int, ...]] = []
    answers: list[tuple[int, ...]] = []
    rows: list[tuple[int, ...]] = []
    longest = 0
    for trace in traces:
        tape, first_operation, first_path = trace.tape, len(operations), len(paths)
        for place in range(len(tape)):
            if place in tape.constants or place in tape.operations:
                operations.append((*tape.operations.get(place, (CONSTANT, 0, 0)), place))
                constants.append(tape.constants.get(place, 0.0))
        for path in trace.paths:
            paths.append((len(answers), len(answers) + len(path.answers), len(rows), len(rows) + len(path.rows)))
            answers += [(a.question, a.left, a.right, int(a.holds)) for a in path.answers]
            rows += path.rows
            # A gate's two convolutions are a row each.
            longest = max(longest, sum((row.role < UNIT) + (row.role == EXCITE) for row in path.rows))
        variants.append((first_operation, len(operations), first_path, len(paths)))
    return Program(
        np.array(variants),
        np.array(operations).reshape(-1, 4),
        np.array(constants),
        np.array(paths).reshape(-1, 4),
        np.array(answers, dtype=np.int64).reshape(-1, 4),
        np.array(rows).reshape(-1, 7),
        max(len(trace.tape) for trace in traces),
        longest,
    )
