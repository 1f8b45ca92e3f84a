"""Scored networks as rows of `run.db`: from objects one by one, or a round at a time from what compiled code made."""

import json
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.architecture.structure import format_structure
from zennas.counting import QUANTITIES
from zennas.runs.rows import CHECK, KEYS, Row, insert, insert_finished
from zennas.runs.written import NULL, NUMBER, REMAINDERS, Bytes, write_rows
from zennas.scores.closed_form.state import IntVector
from zennas.searching.compiled.bred import Bred, Types, joined
from zennas.searching.compiled.count import COSTS
from zennas.searching.compiled.program import FIELDS
from zennas.searching.population import Candidate

_CHARACTERS = 24
"""More than a whole number has, with what stands around it."""


def insert_candidates(
    database: sqlite3.Connection, rounds: Sequence[Sequence[Candidate]], columns: Sequence[str], checked: bool = True
) -> None:
    """Put candidates into their table.

    Args:
        database: has the table.
        rounds: the candidates of each, in order.
        columns: those of the table but the checksum: `KEYS`, then costs.
        checked: whether the table has a checksum.
    """
    costs = columns[len(KEYS) :]
    for _, group in groupby(rounds, type):
        some = list(group)
        if isinstance(some[0], Bred):
            rows = bred_rows(joined([bred for bred in some if isinstance(bred, Bred)]), costs)
            if not checked:
                rows = [row[:-1] for row in rows]
            insert_finished(database, "candidates", (*columns, CHECK) if checked else columns, rows)
        else:
            own = [_candidate_row(candidate, costs) for candidates in some for candidate in candidates]
            insert(database, "candidates", columns, own, checked)


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
    """The same rows with their checksums, of candidates that are rows already, all of which have a parent.

    Args:
        bred: the candidates.
        costs: names of the columns after `KEYS`.
    """
    keys = np.stack([np.arange(bred.first, bred.first + len(bred)), bred.iterations, bred.parents], axis=1)
    columns = [NUMBER, *(_column(name) for name in costs)]
    values = [bred.scores.tolist(), *(_values(bred, name) for name in costs)]
    fractions = [value for column, value in zip(columns, values, strict=True) if column == NUMBER]
    numbers = json.dumps([number for row in zip(*fractions, strict=True) for number in row]).encode()
    terms = _terms(bred.types)
    inside = np.arange(bred.places.shape[1]) < bred.mutations[:, None]
    parts = int(bred.places[:, :, 1][inside].sum())
    room = np.empty(
        len(bred) * _CHARACTERS * (len(KEYS) + len(columns))
        + parts * (_CHARACTERS * FIELDS + terms.names.shape[1])
        + len(numbers),
        dtype=np.uint8,
    )
    texts, checks = np.empty((len(bred), 2), dtype=np.int64), np.empty(len(bred), dtype=np.int64)
    write_rows(
        keys,
        bred.mutations,
        bred.places,
        bred.mutated,
        terms.names,
        terms.lengths,
        terms.bare,
        np.array(columns, dtype=np.int64),
        bred.costs,
        np.frombuffer(numbers, dtype=np.uint8).copy(),
        REMAINDERS,
        room,
        texts,
        checks,
    )
    whole = room[: int(texts[-1, 1]) if len(bred) else 0].tobytes().decode("ascii")
    mutations = [whole[begin:end] for begin, end in texts.tolist()]
    return list(zip(*keys.T.tolist(), mutations, *values, checks.tolist(), strict=True))


def _column(name: str) -> int:
    if name not in COSTS:
        return NULL
    return COSTS.index(name) if QUANTITIES[name].integer else NUMBER


def _values(bred: Bred, name: str) -> list[Any]:
    if name not in COSTS:
        return [None] * len(bred)
    column = bred.costs[:, COSTS.index(name)]
    if QUANTITIES[name].integer:
        return list(column.astype(np.int64).tolist())
    return [value if value == value else None for value in column.tolist()]


class _Terms(NamedTuple):
    """How super-blocks of each type are written, without a bottleneck and then with one.

    Attributes:
        names: what stands before the bracket.
        lengths: of those.
        bare: whether the bottleneck is left out.
    """

    names: Bytes
    lengths: IntVector
    bare: IntVector


@lru_cache(maxsize=8)
def _terms(types: Types) -> _Terms:
    written = [
        format_structure((SuperBlock(block, kernel, 1, 1, 1, bottleneck, 1, *rest),)).encode("ascii").partition(b"(")
        for block, kernel, *rest in types
        for bottleneck in (0, 1)
    ]
    lengths = np.array([len(name) for name, _, _ in written], dtype=np.int64)
    names = np.zeros((len(written), lengths.max()), dtype=np.uint8)
    for place, (name, _, _) in enumerate(written):
        names[place, : len(name)] = list(name)
    return _Terms(names, lengths, np.array([inner.count(b",") < 4 for _, _, inner in written], dtype=np.int64))
