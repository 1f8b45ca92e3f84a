"""Where a run begins: which directories can take one, and what a process that was killed at its beginning leaves.

A run is there from the moment `run.db` is, which has a first commit by then (`zennas.runs.database`). What is in its
directory before that is worth nothing, and the next run may begin in its place.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from zennas.errors import FileError, RunError, ZennasError
from zennas.io.lock import LOCK, RunLock, is_locked
from zennas.io.settings import CONFIG, read_settings
from zennas.latency.in_search import PREDICTOR
from zennas.runs.database import APPLICATION_ID, DATABASE, UNFINISHED, Reading
from zennas.runs.events import LOG
from zennas.runs.learned import ACCURACY_MODEL

_NAMES = {LOCK, CONFIG, DATABASE, *(DATABASE + end for end in ("-wal", "-shm", "-journal"))}
_AFTER_CONFIG = {PREDICTOR, ACCURACY_MODEL, LOG}
"""What a search writes after its settings: without them it is somebody's own file."""
_BEGINNINGS = (f".{CONFIG}.", f".{PREDICTOR}.", f".{ACCURACY_MODEL}.", UNFINISHED)
"""How files begin that were being written."""
_OURS = {"candidates", "failures", "rescored", "state"}


def check_vacant(directory: Path) -> bool:
    """Check that a run can begin in a directory: it is missing or empty, or holds a run that never got a first commit.

    Args:
        directory: nothing in it is changed.

    Returns:
        Whether there is something of such a run.

    Raises:
        RunError: there is a run, or anything else.
    """
    names = _names(directory)
    if names and not _is_leftover(directory, names):
        if DATABASE in names:
            raise RunError(
                f"{directory}: holds a run already; go on with it by --resume {directory}, or give another --out "
                f"(with --from {directory} the new run starts from its networks)"
            )
        raise RunError(f"{directory}: is not empty and holds no run; give another --out")
    return bool(names)


def check_begun(directory: Path) -> None:
    """Raises `RunError` for a run that never got a first commit: there is nothing to go on from or to look at."""
    try:
        names = os.listdir(directory)
    except (OSError, ValueError):
        return
    if names and _is_leftover(directory, names) and not is_locked(directory):
        raise RunError(
            f"{directory}: the search that began here was ended before its first commit, so nothing of it is lost and "
            "there is nothing to go on from; start a new one by the same command as before, which may use the directory"
        )


@contextlib.contextmanager
def taken_place(directory: Path) -> Iterator[list[str]]:
    """Hold a run's directory, made where it is missing, locked and emptied of what never got a first commit.

    Args:
        directory: where the run begins.

    Returns:
        What the user should know, one line each.

    Raises:
        RunError: another process was faster, or the directory cannot be written; nothing in it was changed.
    """
    found = check_vacant(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{directory}: cannot be created: {error.strerror}") from None
    with RunLock(directory):
        check_vacant(directory)
        for name in set(_names(directory)) - {LOCK}:
            try:
                os.unlink(directory / name)
            except OSError as error:
                raise FileError(f"{directory / name}: cannot be removed: {error.strerror or error}") from None
        yield [f"{directory}: a search that began here never got a first commit; started anew"] if found else []


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        raise RunError(f"{directory}: is a file, or below one; give a directory for --out") from None
    except (OSError, ValueError) as error:  # a name that is too long, or that no file can have
        raise RunError(f"{directory}: cannot be used: {getattr(error, 'strerror', None) or error}") from None


def _is_leftover(directory: Path, names: list[str]) -> bool:
    """Whether all that is there is of a search that was ended before its first commit."""
    return (
        all(name in _NAMES | _AFTER_CONFIG or name.startswith(_BEGINNINGS) for name in names)
        and (CONFIG in names or not _AFTER_CONFIG & set(names))
        and (CONFIG not in names or _is_of_a_search(directory))
        and (DATABASE not in names or _has_no_commit(directory))
    )


def _is_of_a_search(directory: Path) -> bool:
    """Whether `config.yaml` was written by a search, and not by a training, or by the user."""
    try:
        settings = read_settings(directory, "run", RunError)
    except ZennasError:
        return False
    return {"space", "iterations", "round_size"} <= set(settings)


def _has_no_commit(directory: Path) -> bool:
    """Whether `run.db` is one that an earlier version made at once and had not yet committed anything to."""
    try:
        with contextlib.closing(Reading(directory)) as reading:
            database = reading.connection
            (application,) = database.execute("PRAGMA application_id").fetchone()
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            rows = sum(database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in tables & _OURS)
            return tables <= _OURS and rows == 0 and application in (0, APPLICATION_ID)
    except (sqlite3.Error, RunError, UnicodeDecodeError):
        return False
