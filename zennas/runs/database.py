"""The file `run.db`: made whole before it is there, opened to go on, and opened to be read without a trace."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from zennas.errors import RunError
from zennas.io.lock import is_locked

DATABASE = "run.db"
UNFINISHED = f"{DATABASE}.part"
"""A database that has no first commit yet."""
COMPANIONS = ("-wal", "-journal")
"""Files beside a database, by what is appended to its name, that hold a part of what was committed."""
APPLICATION_ID = 0x5A454E4E
FORMAT = 3
FORMATS = (1, 2, FORMAT)
"""All that are read and gone on with."""
CHECKED_FORMAT = 2
"""From this format on runs have checksums."""
FITTED_FORMAT = 3
"""From this format on `evolution` fits its offspring to the budgets; before it was what is `zen-nas` now."""
_HEADER = 32
"""Bytes at the beginning of a companion that change whenever it is begun anew."""
_ATTEMPTS = 40
_PAUSE = 0.02


def create_database(directory: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make `run.db` with a first commit in it, beside its place and then renamed: it is whole or not there.

    Args:
        directory: of the run, locked by this process; it has no database yet.
        fill: makes the tables and the first rows, inside of a transaction.

    Raises:
        sqlite3.Error, OSError: it cannot be written; there is no `run.db` then.
    """
    path = directory / UNFINISHED
    try:
        with contextlib.closing(sqlite3.connect(str(path), isolation_level=None)) as database:
            database.execute("PRAGMA synchronous=FULL")
            database.execute("BEGIN")
            database.execute(f"PRAGMA application_id={APPLICATION_ID}")
            database.execute(f"PRAGMA user_version={FORMAT}")
            fill(database)
            database.execute("COMMIT")
            database.execute("PRAGMA journal_mode=WAL")
        _to_disk(path)
        os.replace(path, directory / DATABASE)
        _to_disk(directory)
    except BaseException:
        for name in (UNFINISHED, *(UNFINISHED + end for end in (*COMPANIONS, "-shm"))):
            with contextlib.suppress(OSError):
                os.unlink(directory / name)
        raise


def _to_disk(path: Path) -> None:
    """Wait until a file, or the names in a directory, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_to_write(path: str) -> sqlite3.Connection:
    """A connection that goes on with a database; the caller holds the run's lock.

    Args:
        path: of the file.
    """
    database = sqlite3.connect(path, isolation_level=None, timeout=10)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    return database


class Reading:
    """A database opened without changing anything in its directory, which may be read-only and in use.

    SQLite itself would write even to read: the index of a write-ahead log, and what a killed process left. So where
    nothing is beside the database it is opened as a file that does not change, and otherwise copied with
    what is beside it.

    Attributes:
        connection: to the database, or to its copy.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / DATABASE
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._signature = _signature(self._path)
        path = self._path
        if self._signature[1:] != _ALONE or is_locked(directory):
            self._copy = tempfile.TemporaryDirectory(prefix="zennas-", ignore_cleanup_errors=True)
            path = _snapshot(self._path, Path(self._copy.name))
        options = "mode=ro&immutable=1" if self._copy is None else "mode=rw"
        self.connection = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, isolation_level=None)

    @property
    def is_stale(self) -> bool:
        """Whether the file that is read in its place was written to meanwhile, so that what was read may be torn."""
        return self._copy is None and _signature(self._path) != self._signature

    def close(self) -> None:
        """Close the connection and remove the copy."""
        self.connection.close()
        if self._copy is not None:
            self._copy.cleanup()


_Signature = tuple[tuple[int, ...], bytes, bytes]
_ALONE = (b"", b"")


def _signature(path: Path) -> _Signature:
    """What tells whether a database was written to: its own place, size and time, and how its companions begin."""
    try:
        status = os.stat(path)
    except OSError:
        return (), *_ALONE
    write_ahead, journal = (_beginning(Path(f"{path}{end}")) for end in COMPANIONS)
    return (status.st_ino, status.st_size, status.st_mtime_ns), write_ahead, journal


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEADER)
    except FileNotFoundError:
        return b""


def _snapshot(path: Path, into: Path) -> Path:
    """Copy a database that may be written to meanwhile, so that the copy is a state that it once was in.

    A checkpoint changes the file, but only pages that the write-ahead log has too. So a copy of the file and
    then of the log is whole, unless the log was begun anew in between.
    """
    copied = into / path.name
    for _ in range(_ATTEMPTS):
        before = _signature(path)
        for end in ("", *COMPANIONS):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{copied}{end}")
            try:
                shutil.copyfile(f"{path}{end}", f"{copied}{end}")
            except FileNotFoundError:
                continue
            except OSError as error:
                raise RunError(
                    f"{path.parent}: {path.name}{end} cannot be copied to {into} to be read: {error.strerror or error}"
                ) from None
        after = _signature(path)
        if before[1:] == after[1:] and (after[1:] != _ALONE or before == after):
            return copied
        time.sleep(_PAUSE)
    raise RunError(f"{path.parent}: {path.name} changes too fast to be read; try again later")
