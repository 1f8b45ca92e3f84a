"""Rows of a whole round are those of its candidates one by one, with their checksums."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from tests.searching.compiled.test_core import grown, spaces
from zennas.counting import QUANTITIES
from zennas.runs.candidates import insert_candidates
from zennas.runs.rows import CHECK, KEYS, schema

pytest.importorskip("numba")

UNKNOWN = "a cost of a plugin that is not there"


def written(candidates, columns):
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in schema():
            database.execute(statement)
        for name in set(columns) - {*KEYS, *QUANTITIES}:
            database.execute(f'ALTER TABLE candidates ADD COLUMN "{name}" REAL')
        insert_candidates(database, candidates, columns)
        names = ", ".join(f'"{name}", typeof("{name}")' for name in (*columns, CHECK))
        return database.execute(f"SELECT {names} FROM candidates ORDER BY id").fetchall()


@pytest.mark.parametrize(("space", "resolution"), [pytest.param(s, r, id=name) for name, s, r in spaces()])
def test_rows_of_a_round(space, resolution):
    for _, found, _, _ in grown(space, resolution, np.random.default_rng(4), rounds=3):
        for columns in ([*KEYS, *QUANTITIES], [*KEYS, "effectiveness", UNKNOWN, "params"]):
            rows = written(found, columns)
            assert len(rows) == len(found)
            assert rows == written(list(found), columns)
