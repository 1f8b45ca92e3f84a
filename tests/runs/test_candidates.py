"""Rows of a whole round are those of its candidates one by one, with their checksums."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from tests.searching.compiled.test_core import grown, spaces
from zennas.counting import QUANTITIES
from zennas.runs.candidates import insert_candidates
from zennas.runs.rows import CHECK, KEYS, schema
from zennas.searching.compiled.count import COSTS
from zennas.spaces.space import search_space

pytest.importorskip("numba")

ROW_BY_ROW = ("iterations", "parents", "scores", "costs", "mutations", "places", "mutated", "networks", "ends")
UNKNOWN = "a cost of a plugin that is not there"


def written(rounds, columns):
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in schema():
            database.execute(statement)
        for name in set(columns) - {*KEYS, *QUANTITIES}:
            database.execute(f'ALTER TABLE candidates ADD COLUMN "{name}" REAL')
        insert_candidates(database, rounds, columns)
        names = ", ".join(f'"{name}", typeof("{name}")' for name in (*columns, CHECK))
        return database.execute(f"SELECT {names} FROM candidates ORDER BY id").fetchall()


@pytest.mark.parametrize(("space", "resolution"), [pytest.param(s, r, id=name) for name, s, r in spaces()])
def test_rows_of_a_round(space, resolution):
    rng = np.random.default_rng(4)
    for _, found, _, _ in grown(space, resolution, rng, rounds=3):
        scores = rng.normal(size=len(found)) * 10.0 ** rng.integers(-30, 30, len(found))
        costs = found.costs.copy()
        costs[::3, COSTS.index("effectiveness")] = np.nan
        scored = replace(found, first=123_456, scores=scores, costs=costs, _objects={})
        for columns in ([*KEYS, *QUANTITIES], [*KEYS, "effectiveness", UNKNOWN, "params"], [*KEYS]):
            rows = written([scored], columns)
            assert len(rows) == len(found)
            assert rows == written([list(scored)], columns)


def test_no_rows():
    _, found, _, _ = next(grown(search_space("resnet", 32), 32, np.random.default_rng(0), rounds=1))
    nothing = {name: getattr(found, name)[:0] for name in ROW_BY_ROW}
    assert written([replace(found, **nothing, _objects={})], [*KEYS, *QUANTITIES]) == []


def test_rounds_of_both_kinds_in_order():
    _, first, _, _ = next(grown(search_space("resnet", 32), 32, np.random.default_rng(0), rounds=1))
    second = first.numbered(first.first + len(first), first.parents.tolist())
    columns = [*KEYS, *QUANTITIES]
    one_by_one = written([list(first), list(second)], columns)
    for rounds in ([first, second], [first, [], list(second)], [list(first), second]):
        assert written(rounds, columns) == one_by_one
