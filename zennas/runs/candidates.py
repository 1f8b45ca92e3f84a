"""Scored networks as rows of `run.db`: from objects one by one, or a round at a time from what compiled code made."""

import json
import sqlite3
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.architecture.structure import format_structure
from zennas.counting import QUANTITIES
from zennas.runs.rows import CHECK, KEYS, Row, insert, insert_finished
from zennas.searching.compiled.bred import Bred, Types
from zennas.searching.compiled.count import COSTS
from zennas.searching.compiled.program import BOTTLENECK, IN, TYPE
from zennas.searching.population import Candidate


def insert_candidates(
    database: sqlite3.Connection, candidates: Sequence[Candidate], columns: Sequence[str], checked: bool = True
) -> None:
    """Put candidates into their table.

    Args:
        database: has the table.
        candidates: in order.
        columns: those of the table but the checksum: `KEYS`, then costs.
        checked: whether the table has a checksum.
    """
    costs = columns[len(KEYS) :]
    if not isinstance(candidates, Bred):
        insert(database, "candidates", columns, [_candidate_row(c, costs) for c in candidates], checked)
        return
    rows = bred_rows(candidates, costs)
    if checked:
        columns = (*columns, CHECK)
        rows = [(*row, check) for row, check in zip(rows, _checksums(rows), strict=True)]
    insert_finished(database, "candidates", columns, rows)


def _candidate_row(candidate: Candidate, costs: Sequence[str]) -> Row:
    """A candidate as a row: its keys, then the named costs, each as SQLite gives it back; a cost that is not known is
    `None`."""
    c = candidate
    text = ";".join(f"{m.index}={format_structure(m.blocks)}" for m in c.mutations)
    if c.parent < 0:
        text = format_structure(c.super_blocks)
    values = [
        _as_stored(getattr(c.costs, name), QUANTITIES[name].integer) if name in QUANTITIES else None for name in costs
    ]
    return (c.id, c.iteration, c.parent, text, float(c.score), *values)


def _as_stored(value: float | None, integer: bool) -> float | None:
    """A number as a column of SQLite keeps it: a whole one in an INTEGER column becomes an integer."""
    if value is None or type(value) is (int if integer else float):
        return value
    return int(value) if integer and value == int(value) else float(value)


def bred_rows(bred: Bred, costs: Sequence[str]) -> list[Row]:
    """The same rows of candidates that are rows already, all of which have a parent.

    Args:
        bred: the candidates.
        costs: names of the columns after `KEYS`.
    """
    return list(
        zip(
            range(bred.first, bred.first + len(bred)),
            bred.iterations.tolist(),
            bred.parents.tolist(),
            _mutation_texts(bred),
            bred.scores.tolist(),
            *(_cost_column(bred, name) for name in costs),
            strict=True,
        )
    )


def _cost_column(bred: Bred, name: str) -> list[Any]:
    if name not in COSTS:
        return [None] * len(bred)
    column = bred.costs[:, COSTS.index(name)]
    if QUANTITIES[name].integer:
        return list(column.astype(np.int64).tolist())
    return [value if value == value else None for value in column.tolist()]


def _mutation_texts(bred: Bred) -> list[str]:
    templates = _templates(bred.types)
    texts = []
    for count, places, mutated in zip(
        bred.mutations.tolist(), bred.places.tolist(), bred.mutated.tolist(), strict=True
    ):
        parts = []
        for which in range(count):
            index, rows = places[which]
            blocks = [templates[row[TYPE], row[BOTTLENECK] > 0] % tuple(row[IN:]) for row in mutated[which][:rows]]
            parts.append(f"{index}={''.join(blocks)}")
        texts.append(";".join(parts))
    return texts


@lru_cache(maxsize=8)
def _templates(types: Types) -> dict[tuple[int, bool], str]:
    """How a super-block of each type is written, without a bottleneck and with one: a format of its channels in and
    out, stride, bottleneck and layers."""
    templates = {}
    for number, (block, kernel, *rest) in enumerate(types):
        for bottleneck in (0, 1):
            text = format_structure((SuperBlock(block, kernel, 1, 1, 1, bottleneck, 1, *rest),))
            name, _, inner = text.partition("(")
            # The published form of a convolution leaves the bottleneck out.
            middle = "%d," if inner.count(",") == 4 else "%.0s"
            templates[number, bottleneck > 0] = f"{name}(%d,%d,%d,{middle}%d)"
    return templates


def _checksums(rows: Sequence[Row]) -> list[int]:
    """The checksum of each row (`zennas.runs.rows`). No text of a candidate has a bracket behind a comma and a blank:
    all rows are written as JSON at once, and parted there."""
    if not rows:
        return []
    return [zlib.crc32(f"[{text}]".encode()) for text in json.dumps(rows)[2:-2].split("], [")]
