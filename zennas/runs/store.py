"""A run on disk: `run.db`, an SQLite file in WAL mode.

Every scored candidate is a row: its parent and mutation (from which its structure follows), score and costs. The
populations and what the algorithm remembers are in `state`. A commit holds whole rounds, so that whatever
was committed is a state the search can go on from.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from zennas.architecture.model import SuperBlock
from zennas.architecture.structure import format_structure, parse_structure
from zennas.counting import QUANTITIES, Costs
from zennas.counting.count import COUNTED_ALONE
from zennas.errors import ArchitectureError, RunError
from zennas.scores.result import Score
from zennas.searching.population import Candidate
from zennas.searching.rounds import Search
from zennas.spaces.mutation import Mutation, applied

APPLICATION_ID = 0x5A454E4E
SCHEMA_VERSION = 1
DATABASE = "run.db"
_ROWS_AT_ONCE = 1000
_KEYS = ("id", "iteration", "parent", "mutation", "score")

_CANDIDATES = """
CREATE TABLE candidates (
    id INTEGER PRIMARY KEY, iteration INTEGER NOT NULL, parent INTEGER NOT NULL, mutation TEXT NOT NULL,
    score REAL NOT NULL, {costs}
);
"""
_OTHER_TABLES = """
CREATE TABLE failures (iteration INTEGER NOT NULL, structure TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE rescored (id INTEGER PRIMARY KEY, score REAL NOT NULL, std_error REAL NOT NULL, repeats TEXT NOT NULL);
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

T = TypeVar("T")


class RunStore:
    """Reads and writes one run's database; `None` keeps it in memory."""

    def __init__(self, directory: Path | None, *, create: bool = False) -> None:
        self.directory = directory
        path = ":memory:" if directory is None else str(directory / DATABASE)
        if directory is not None and not create and not (directory / DATABASE).is_file():
            raise RunError(f"{directory}: no run here ({DATABASE} is missing)")
        self._db = self._guarded(lambda: self._open(path, create))

    def _open(self, path: str, create: bool) -> sqlite3.Connection:
        db = sqlite3.connect(path, isolation_level=None, timeout=10)
        if create:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            costs = ", ".join(f'"{quantity.name}" {quantity.column_type}' for quantity in QUANTITIES.values())
            db.executescript(_CANDIDATES.format(costs=costs) + _OTHER_TABLES)
        elif db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            db.close()
            raise RunError(f"{path}: not a database of a zennas run; give the directory of a run, or start a new one")
        elif (version := db.execute("PRAGMA user_version").fetchone()[0]) != SCHEMA_VERSION:
            db.close()
            raise RunError(f"{path}: written by another zennas (format {version}, this one reads {SCHEMA_VERSION})")
        db.execute("PRAGMA synchronous=NORMAL")
        return db

    def _guarded(self, work: Callable[[], T]) -> T:
        """Run database work; what SQLite says becomes a `RunError` that says what to do."""
        where = self.directory or "run in memory"
        try:
            return work()
        except sqlite3.OperationalError as error:
            if "full" in str(error) or "disk I/O" in str(error):
                raise RunError(
                    f"{where}: the disk is full; the run is paused and all that was committed is kept: "
                    f"free some space, then go on with --resume {where}"
                ) from None
            raise RunError(f"{where}: {DATABASE} cannot be used: {error}") from None
        except sqlite3.DatabaseError as error:
            raise RunError(
                f"{where}: {DATABASE} is corrupted or not a database ({error}); "
                "restore it from a copy, or start a new run in another directory"
            ) from None

    def close(self) -> None:
        """Close the database; its write-ahead log is folded in."""
        self._db.close()

    def commit(
        self,
        candidates: Sequence[Candidate],
        failures: Sequence[tuple[int, tuple[SuperBlock, ...], str]],
        state: dict[str, Any],
    ) -> None:
        """Append candidates and failures and replace the state, all or nothing.

        Args:
            candidates: those that were scored since the last commit, in order.
            failures: iteration, super-blocks and reason of each network that could not be scored since then.
            state: JSON values by key; keys that are not given stay.

        Raises:
            RunError: the database cannot be written, e.g. because the disk is full.
        """
        columns = self._costs_stored() if candidates else []
        rows = [_row(candidate, columns) for candidate in candidates]
        places = ",".join("?" * (len(_KEYS) + len(columns)))
        failed = [(iteration, format_structure(blocks), reason) for iteration, blocks, reason in failures]

        def write() -> None:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                if rows:
                    self._db.executemany(f"INSERT INTO candidates ({_names(columns)}) VALUES ({places})", rows)
                self._db.executemany("INSERT INTO failures VALUES (?,?,?)", failed)
                self._db.executemany(
                    "INSERT OR REPLACE INTO state VALUES (?,?)",
                    [(key, json.dumps(value)) for key, value in state.items()],
                )
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

        self._guarded(write)

    def set_state(self, **state: Any) -> None:
        """Replace single state values."""
        self.commit((), (), state)

    def state(self) -> dict[str, Any]:
        """All state values."""
        return self._guarded(lambda: {k: json.loads(v) for k, v in self._db.execute("SELECT key, value FROM state")})

    def candidates(self) -> list[Candidate]:
        """All scored candidates in order."""
        return list(self.each_candidate())

    def each_candidate(self) -> Iterator[Candidate]:
        """All scored candidates in order, one after another: of those before only the networks are kept, along which
        those of their offspring are rebuilt. Raises `RunError`."""
        known: list[tuple[SuperBlock, ...]] = []
        single: dict[SuperBlock, SuperBlock] = {}
        columns = self._costs_stored()
        query = f"SELECT {_names(columns)} FROM candidates ORDER BY id"
        for row in self._rows(query):
            number, iteration, parent, text, score, *numbers = row
            try:
                mutations = _parse_mutations(text) if parent >= 0 else ()
                blocks = parse_structure(text).super_blocks if parent < 0 else applied(mutations, known[parent])
            except (ArchitectureError, ValueError, IndexError):
                raise RunError(f"{self.directory}: {DATABASE}: candidate {number} is corrupted") from None
            # Networks differ in one super-block or two: equal ones are one object.
            known.append(tuple(single.setdefault(block, block) for block in blocks))
            yield Candidate(number, iteration, parent, mutations, known[-1], score, _costs(columns, numbers))

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Rows of a query, read by and by."""
        cursor = self._guarded(lambda: self._db.execute(query))
        while rows := self._guarded(lambda: cursor.fetchmany(_ROWS_AT_ONCE)):
            yield from rows

    def _costs_stored(self) -> list[str]:
        """Quantities that have a column: a run may be older than one of them, or of a plugin that is not there now."""
        table = self._guarded(lambda: self._db.execute("PRAGMA table_info(candidates)").fetchall())
        stored = {row[1] for row in table}
        return [name for name in QUANTITIES if name in stored]

    def failures(self) -> list[tuple[int, tuple[SuperBlock, ...], str]]:
        """Networks that could not be scored: iteration, super-blocks, reason."""
        rows = self._guarded(lambda: self._db.execute("SELECT * FROM failures").fetchall())
        return [(iteration, parse_structure(text).super_blocks, reason) for iteration, text, reason in rows]

    def save_rescored(self, scores: dict[int, Score]) -> None:
        """Keep Monte Carlo scores of candidates by id."""
        rows = [(i, s.score, s.std_error, json.dumps(s.repeats)) for i, s in scores.items()]
        self._guarded(lambda: self._db.executemany("INSERT OR REPLACE INTO rescored VALUES (?,?,?,?)", rows))

    def rescored(self) -> dict[int, tuple[float, ...]]:
        """The single repeats of each re-scored candidate, by id."""
        query = "SELECT id, repeats FROM rescored"
        return self._guarded(lambda: {i: tuple(json.loads(r)) for i, r in self._db.execute(query)})

    def best_score(self) -> float | None:
        """The highest score of all candidates."""
        best = self._guarded(lambda: self._db.execute("SELECT MAX(score) FROM candidates").fetchone()[0])
        return None if best is None else float(best)

    def count(self) -> int:
        """Number of scored candidates."""
        return int(self._guarded(lambda: self._db.execute("SELECT COUNT(*) FROM candidates").fetchone()[0]))


def search_state(search: Search) -> dict[str, Any]:
    """What beside the candidates a search goes on from, as JSON values. Of the randomness nothing: a round draws from a
    generator that is seeded by the seed and the iteration."""
    return {
        "iteration": search.iteration,
        "populations": [population.ids() for population in search.populations],
        "bests": [population.best.id if population.best else None for population in search.populations],
        "algorithm": search.algorithm.state(),
    }


def restore_search(search: Search, store: RunStore) -> None:
    """Bring a fresh search to the last committed state. Raises `RunError`."""
    state = store.state()
    candidates = store.candidates()
    failures = store.failures()
    try:
        search.iteration = state["iteration"]
        for population, ids, best in zip(search.populations, state["populations"], state["bests"], strict=True):
            population.restore([candidates[i] for i in ids], None if best is None else candidates[best])
        # Runs from before there were several algorithms are evolutions, which remember nothing of their own.
        search.algorithm.restore(state.get("algorithm", {}), candidates)
    except (KeyError, IndexError, TypeError, ValueError):
        raise RunError(f"{store.directory}: {DATABASE} lacks the population; start a new run") from None
    search.scored = len(candidates)
    search.failed = len(failures)
    search.seen = {c.super_blocks for c in candidates}
    search.seen.update(blocks for _, blocks, _ in failures)


def _names(costs: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in (*_KEYS, *costs))


def _costs(names: Sequence[str], numbers: Sequence[Any]) -> Costs:
    """Costs from columns by name; where an old run lacks one that every network has, it is unknown."""
    values: dict[str, Any] = dict(zip(names, numbers, strict=True))
    fields: dict[str, Any] = {name: values.get(name) for name, quantity in QUANTITIES.items() if quantity.count is None}
    others = tuple((name, values[name]) for name in COUNTED_ALONE if values.get(name) is not None)
    return Costs(**fields, others=others)


def _row(candidate: Candidate, costs: Sequence[str]) -> tuple[Any, ...]:
    c = candidate
    text = ";".join(f"{m.index}={format_structure(m.blocks)}" for m in c.mutations)
    if c.parent < 0:
        text = format_structure(c.super_blocks)
    return (c.id, c.iteration, c.parent, text, c.score, *(getattr(c.costs, name) for name in costs))


def _parse_mutations(text: str) -> tuple[Mutation, ...]:
    parts = (part.partition("=") for part in text.split(";"))
    return tuple(Mutation(int(index), parse_structure(blocks).super_blocks) for index, _, blocks in parts)
