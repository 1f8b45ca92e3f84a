"""A run on disk: `run.db`, an SQLite file in WAL mode.

Every scored candidate is a row: its parent and mutation (from which its structure follows), score and costs. The
populations and what the algorithm remembers are in `state`. A commit holds whole rounds, so that whatever
was committed is a state the search can go on from. Every row has a checksum (`zennas.runs.rows`).
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from zennas.architecture.model import SuperBlock
from zennas.counting import QUANTITIES
from zennas.errors import RunError
from zennas.runs.candidates import insert_candidates
from zennas.runs.database import (
    APPLICATION_ID,
    CHECKED_FORMAT,
    DATABASE,
    FORMAT,
    FORMATS,
    Reading,
    open_to_write,
)
from zennas.runs.first_commit import FirstCommit, begin_run
from zennas.runs.rows import (
    CHECK,
    CHECKS,
    COLUMN_TYPES,
    FAILURES,
    KEYS,
    RESCORED,
    STATE,
    Ancestor,
    DamagedRow,
    FailedNetwork,
    Row,
    check_structure,
    checked_score,
    column_names,
    failure_rows,
    insert,
    read_candidate,
    read_checks,
    read_failure,
    read_rescored,
    read_state,
    rescored_rows,
    state_rows,
    without_check,
)
from zennas.scores.result import Score
from zennas.searching.population import Candidate

_ATTEMPTS = 5

T = TypeVar("T")


class RunStore:
    """One run's database, by default opened only to be read: then nothing in the run's directory changes.

    Attributes:
        format: of the database (`zennas.runs.database.FORMATS`).
    """

    def __init__(self, directory: Path | None, *, write: bool = False, lenient: bool = False) -> None:
        """Open a run that is there, or (with `None`) one in memory, which has no tables yet.

        Args:
            directory: of the run.
            write: whether to go on with it; the caller holds its lock.
            lenient: whether to open also what does not say that it is a run, for what is whole in it.

        Raises:
            RunError: no run is there, or its database is damaged or of another program.
        """
        self.directory = directory
        self._reading: Reading | None = None
        self._checked = True
        self._lenient = lenient
        self.format = FORMAT
        if directory is not None and not (directory / DATABASE).is_file():
            raise RunError(f"{directory}: no run here ({DATABASE} is missing)")
        path = ":memory:" if directory is None else str(directory / DATABASE)
        try:
            self._db = self._translated(lambda: self._open(path, write or directory is None))
        except RunError:
            self._end_reading()
            raise

    @classmethod
    def begin(cls, directory: Path | None, candidates: Sequence[Candidate], state: dict[str, Any]) -> "RunStore":
        """A new run with its first commit, opened to be gone on with.

        Args:
            directory: of the run, which has no database yet; `None` keeps it in memory.
            candidates: the start.
            state: as for `commit`.

        Raises:
            RunError: it cannot be written; then there is no run.
        """
        first = FirstCommit(candidates, state)
        if directory is None:
            store = cls(None)
            first.put(store._db)
            return store
        begin_run(directory, first)
        return cls(directory, write=True)

    def _open(self, path: str, write: bool) -> sqlite3.Connection:
        if write:
            db = open_to_write(path)
        else:
            assert self.directory is not None
            self._reading = Reading(self.directory)
            db = self._reading.connection
        if self.directory is None:
            return db
        self.format = db.execute("PRAGMA user_version").fetchone()[0]
        if self._lenient:
            self._checked = any(row[1] == CHECK for row in db.execute("PRAGMA table_info(candidates)"))
            return db
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            db.close()
            raise RunError(f"{path}: not a database of a zennas run; give the directory of a run, or start a new one")
        if self.format not in FORMATS:
            db.close()
            raise RunError(
                f"{path}: written by another zennas (format {self.format}, this one reads "
                f"{', '.join(map(str, FORMATS[:-1]))} and {FORMAT}); start a new run"
            )
        self._checked = self.format >= CHECKED_FORMAT
        return db

    def _guarded(self, work: Callable[[], T]) -> T:
        """Run database work, again where another process wrote to the file meanwhile."""
        for _ in range(_ATTEMPTS):
            try:
                done = self._translated(work)
            except RunError:
                if not self._reopened():
                    raise
            else:
                if not self._reopened():
                    return done
        return self._translated(work)

    def _reopened(self) -> bool:
        if self._reading is None or not self._reading.is_stale:
            return False
        self._reading.close()
        self._db = self._translated(lambda: self._open(str(self._place / DATABASE), False))
        return True

    @property
    def _place(self) -> Path:
        return self.directory or Path("run in memory")

    def _translated(self, work: Callable[[], T]) -> T:
        """Run database work; what SQLite says becomes a `RunError` that says what to do."""
        where = self._place
        try:
            return work()
        except sqlite3.OperationalError as error:
            if "full" in str(error) or "disk I/O" in str(error):
                raise RunError(
                    f"{where}: the disk is full; the run is paused and all that was committed is kept: "
                    f"free some space, then go on with --resume {where}"
                ) from None
            raise RunError(f"{where}: {DATABASE} cannot be used: {error}") from None
        except DamagedRow as error:
            self._refuse(f"{error} is not what was written")
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._refuse(str(error))

    def _refuse(self, why: str) -> NoReturn:
        raise RunError(
            f"{self._place}: {DATABASE} is corrupted or not a database ({why}); restore it from a copy, save what is "
            f"whole with zennas runs --salvage {self._place}, or start a new run in another directory"
        ) from None

    def close(self) -> None:
        """Close the database; its write-ahead log is folded in."""
        self._end_reading()
        self._db.close()

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()

    def commit(
        self, rounds: Sequence[Sequence[Candidate]], failures: Sequence[FailedNetwork], state: dict[str, Any]
    ) -> None:
        """Append candidates and failures and replace the state, all or nothing.

        Args:
            rounds: the candidates of each round since the last commit, in order.
            failures: iteration, super-blocks and reason of each network that could not be scored since then.
            state: JSON values by key; keys that are not given stay.

        Raises:
            RunError: the database cannot be written, e.g. because the disk is full.
        """
        columns = self._translated(self._columns) if rounds else []

        def write() -> None:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                insert_candidates(self._db, rounds, columns, self._checked)
                insert(self._db, "failures", FAILURES, failure_rows(failures), self._checked)
                insert(self._db, "state", STATE, state_rows(state, self._state_checks()), False)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

        self._translated(write)

    def set_state(self, **state: Any) -> None:
        """Replace single state values."""
        self.commit((), (), state)

    def state(self) -> dict[str, Any]:
        """All state values. Raises `RunError` for one that its key cannot have."""
        return self._guarded(self._state)

    def _state(self) -> dict[str, Any]:
        return read_state(self._rows("state", STATE, False), self._checked)

    def _state_checks(self) -> dict[str, int] | None:
        """The state's checksums, as a copy that `state_rows` may add to."""
        if not self._checked:
            return None
        found = self._db.execute("SELECT value FROM state WHERE key = ?", (CHECKS,)).fetchone()
        return read_checks(found[0]) if found else {}

    def candidates(self) -> list[Candidate]:
        """All scored candidates in order; the structures are rebuilt along their parents.

        Raises:
            RunError: one of them is not what was written.
        """

        def read() -> list[Candidate]:
            found: list[Candidate] = []
            self._read_candidates(found)
            return found

        return self._guarded(read)

    def each_candidate(self) -> Iterator[Candidate]:
        """All scored candidates in order, one after another: of those before only the networks are kept, along which
        those of their offspring are rebuilt.

        Raises:
            RunError: one of them is not what was written, or another process began to write meanwhile.
        """
        stream = self._stream()
        while (candidate := self._translated(lambda: next(stream, None))) is not None:
            yield candidate
        if self._reading is not None and self._reading.is_stale:
            raise RunError(f"{self._place}: another process began to write while it was read; read it again")

    def whole_candidates(self) -> list[Candidate]:
        """The candidates before the first damaged one."""
        found: list[Candidate] = []
        with suppress(DamagedRow, sqlite3.Error, UnicodeDecodeError):
            self._read_candidates(found)
        return found

    def whole_failures(self) -> list[FailedNetwork]:
        """The networks that could not be scored, without damaged ones."""
        return self._whole("failures", FAILURES, read_failure)

    def whole_rescored(self) -> dict[int, tuple[float, ...]]:
        """The repeats of each re-scored candidate by id, without damaged ones."""
        return dict(self._whole("rescored", RESCORED, read_rescored))

    def _whole(self, table: str, columns: Sequence[str], read: Callable[[Row], T]) -> list[T]:
        found: list[T] = []
        names = column_names((*columns, CHECK) if self._checked else columns)
        with suppress(sqlite3.Error, UnicodeDecodeError):
            for row in self._db.execute(f"SELECT {names} FROM {table} ORDER BY rowid"):
                with suppress(DamagedRow):
                    found.append(read(without_check(row, table) if self._checked else row))
        return found

    def _read_candidates(self, found: list[Candidate]) -> None:
        """Append all candidates to `found`, in order. Where one is damaged, `found` has those before it.

        Raises:
            DamagedRow, sqlite3.Error: one of them is not what was written.
        """
        for candidate in self._stream():
            found.append(candidate)  # one by one: those before a damaged one are kept

    def _stream(self) -> Iterator[Candidate]:
        """Every candidate in order. Raises as `_read_candidates`."""
        columns = self._columns()
        verified = self._verified(columns)
        costs = [name for name in QUANTITIES if name in columns]
        chosen = itemgetter(*(columns.index(name) for name in (*KEYS, *costs)))
        before: list[Ancestor] = []
        single: dict[SuperBlock, SuperBlock] = {}
        for row in self._rows("candidates", columns, verified, "id"):
            candidate = read_candidate(chosen(row), costs, before)
            if not verified:
                check_structure(candidate)
            # Networks differ in one super-block or two: equal ones are one object.
            blocks = tuple(single.setdefault(block, block) for block in candidate.super_blocks)
            before.append(Ancestor(candidate.iteration, blocks))
            yield candidate

    def _columns(self) -> list[str]:
        """Columns of the candidates without the checksum. A run may be older than a quantity, or have one of a plugin
        that is not there now."""
        described = self._db.execute("PRAGMA table_info(candidates)").fetchall()
        columns = [row[1] for row in described if row[1] != CHECK]
        # Where a comma between two columns is damaged, SQLite takes the second one for a part of the first one's type.
        if tuple(columns[: len(KEYS)]) != KEYS or not {row[2] for row in described} <= COLUMN_TYPES:
            raise DamagedRow("the table of the candidates")
        return columns

    def _verified(self, columns: Sequence[str]) -> bool:
        """Whether candidates have a checksum of these columns: not where one was dropped since."""
        if not self._checked:
            return False
        try:
            written = self._state().get("columns", columns)
        except (DamagedRow, sqlite3.Error):
            return True
        if not set(columns) <= set(written):
            raise DamagedRow("the table of the candidates")
        return list(columns) == list(written)

    def _rows(self, table: str, columns: Sequence[str], verified: bool, order: str = "rowid") -> Iterator[Row]:
        """The rows of a table, without their checksums.

        Args:
            table: its name.
            columns: all of them but the checksum.
            verified: whether to compare the checksum.
            order: the column by which they are sorted.

        Raises:
            DamagedRow: a checksum is not that of its row.
        """
        names = column_names((*columns, CHECK) if verified else columns)
        for number, row in enumerate(self._db.execute(f"SELECT {names} FROM {table} ORDER BY {order}")):
            yield without_check(row, f"row {number} of {table}") if verified else row

    def failures(self) -> list[FailedNetwork]:
        """Networks that could not be scored: iteration, super-blocks, reason. Raises `RunError` for a damaged one."""
        return self._guarded(lambda: [read_failure(row) for row in self._rows("failures", FAILURES, self._checked)])

    def save_rescored(self, scores: dict[int, Score]) -> None:
        """Keep Monte Carlo scores of candidates by id."""
        rows = rescored_rows(scores)
        self._translated(lambda: insert(self._db, "rescored", RESCORED, rows, self._checked))

    def rescored(self) -> dict[int, tuple[float, ...]]:
        """The single repeats of each re-scored candidate, by id. Raises `RunError` for a damaged one."""
        return self._guarded(lambda: dict(map(read_rescored, self._rows("rescored", RESCORED, self._checked))))

    def best_score(self, among: Sequence[int] = ()) -> float | None:
        """The highest score of some candidates; its row is verified.

        Args:
            among: their ids; all candidates by default.

        Raises:
            RunError: the row is damaged.
        """
        where = f"WHERE id IN ({', '.join('?' * len(among))})" if among else ""

        def read() -> float | None:
            columns = self._columns()
            verified = self._verified(columns)
            names = column_names((*columns, CHECK) if verified else columns)
            best = self._db.execute(
                f"SELECT {names} FROM candidates {where} ORDER BY score DESC LIMIT 1", tuple(among)
            ).fetchone()
            if best is None:
                return None
            row = without_check(best, "the best candidate") if verified else best
            return checked_score(row[columns.index("score")])

        return self._guarded(read)

    def count(self) -> int:
        """Number of scored candidates."""
        return int(self._guarded(lambda: self._db.execute("SELECT COUNT(*) FROM candidates").fetchone()[0]))
