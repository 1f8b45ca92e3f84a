"""The first commit of a run: its tables, and what they begin with."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class FirstCommit:
    """What a run begins with.

    Attributes:
        candidates: the first ones, in order.
        state: JSON values by key.
        failures: networks that could not be scored so far.
        rescored: Monte Carlo scores of candidates by id.
    """

    candidates: Sequence[Candidate]
    state: Mapping[str, Any]
    failures: Sequence[FailedNetwork] = ()
    rescored: Mapping[int, Score] = field(default_factory=dict)

    def put(self, database: sqlite3.Connection) -> None:
        """Make the tables of an empty database, and fill them."""
        for statement in schema():
            database.execute(statement)
        columns = [*KEYS, *QUANTITIES]
        insert_candidates(database, [self.candidates], columns)
        insert(database, "failures", FAILURES, failure_rows(self.failures))
        insert(database, "rescored", RESCORED, rescored_rows(self.rescored))
        insert(database, "state", STATE, state_rows({**self.state, "columns": columns}, {}), False)


def begin_run(directory: Path, first: FirstCommit) -> None:
    """Make a run's database with a first commit in it: it is there with all of it, or not there.

    Args:
        directory: of the run, locked by this process.
        first: what is in it.

    Raises:
        RunError: it cannot be written; then there is no run.
    """
    try:
        create_database(directory, first.put)
    except (sqlite3.Error, OSError) as error:
        raise RunError(
            f"{directory}: {DATABASE} cannot be written ({error}); there is no run yet: the same command starts it anew"
        ) from None
