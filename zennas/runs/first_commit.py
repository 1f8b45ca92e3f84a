"""The first commit of a run: its tables, and what they begin with."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zennas.counting import QUANTITIES
from zennas.errors import RunError
from zennas.runs.candidates import insert_candidates
from zennas.runs.database import DATABASE, create_database
from zennas.runs.rows import (
    FAILURES,
    KEYS,
    RESCORED,
    STATE,
    FailedNetwork,
    failure_rows,
    insert,
    rescored_rows,
    schema,
    state_rows,
)
from zennas.scores.result import Score
from zennas.searching.population import Candidate


def begin_run(
    directory: Path,
    candidates: Sequence[Candidate],
    failures: Sequence[FailedNetwork],
    rescored: Mapping[int, Score],
    state: dict[str, Any],
) -> None:
    """Make a run's database with a first commit in it: it is there with all of it, or not there.

    Args:
        directory: of the run, locked by this process.
        candidates: the first ones, in order.
        failures: networks that could not be scored so far.
        rescored: Monte Carlo scores of candidates by id.
        state: JSON values by key.

    Raises:
        RunError: it cannot be written; then there is no run.
    """

    def first(database: sqlite3.Connection) -> None:
        fill(database, candidates, failures, rescored, state)

    try:
        create_database(directory, first)
    except (sqlite3.Error, OSError) as error:
        raise RunError(
            f"{directory}: {DATABASE} cannot be written ({error}); there is no run yet: the same command starts it anew"
        ) from None


def fill(
    database: sqlite3.Connection,
    candidates: Sequence[Candidate],
    failures: Sequence[FailedNetwork],
    rescored: Mapping[int, Score],
    state: dict[str, Any],
) -> None:
    """Make the tables and put the first commit into them.

    Args:
        database: an empty one.
        candidates: as for `begin_run`, and the others alike.
        failures: see there.
        rescored: see there.
        state: see there.
    """
    for statement in schema():
        database.execute(statement)
    columns = [*KEYS, *QUANTITIES]
    insert_candidates(database, [candidates], columns)
    insert(database, "failures", FAILURES, failure_rows(failures))
    insert(database, "rescored", RESCORED, rescored_rows(rescored))
    insert(database, "state", STATE, state_rows({**state, "columns": columns}, {}), False)
