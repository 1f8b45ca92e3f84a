"""A damaged `run.db` is noticed, and told in one line: fuzzed with a fixed seed."""

import os
import shutil
import sqlite3
import traceback
from pathlib import Path

import numpy as np
import pytest

import zennas
from tests.cli.test_cli import run as command
from zennas.errors import ZennasError
from zennas.runs.listing import list_runs
from zennas.runs.run import resume_run
from zennas.runs.store import RunStore
from zennas.scores.result import score_from_repeats

TABLES = ("candidates", "failures", "rescored", "state")
VALUES = [
    None, -1, 0, 1, 7, 150, 10**6, 2**62, -(2**63), 0.5, -1e308, 1e308, float("inf"), -0.0, "", "x", "1", "1.5", "null",
    "[]",
    "[[]]", "{}", "[null]", '["x"]', "[[1, 2]]", "[-1]", "[1e400]", "[NaN]", "[true]", "1e999", "9" * 5000, "[" * 2000,
    "[" + "9" * 5000 + "]", "0=", "0=SuperConvK3BNRELU(3,8,1,1)", "99=SuperConvK3BNRELU(3,8,1,1)", "-1=x", "\0", "é",
    "SuperConvK3BNRELU(3,8,1,1)", "SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(9,8,2,8,1)", b"", b"\xff\xfe", b"[1]",
]  # fmt: skip


def made(directory, algorithm, unchecked=False):
    """A small run with something in each table."""
    result = zennas.search(
        out=directory, params="100k", rescore=0, iterations=160, round_size=16, population=16, algorithm=algorithm
    )
    store = result.store
    failed = zennas.parse_structure("SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,8,2,8,1)").super_blocks
    store.commit((), [(7, failed, "singular"), (9, failed[:1], "nan")], {"failed": 2})
    ids = [c.id for c in result.candidates()[:5]]
    store.save_rescored({i: score_from_repeats("zen", (40.0 + i, 41.5, 42.25), 0.0) for i in ids})
    store.close()
    if unchecked:
        with sqlite3.connect(directory / "run.db") as database:
            for table in TABLES[:3]:
                database.execute(f"ALTER TABLE {table} DROP COLUMN _check")
            database.execute("DELETE FROM state WHERE key IN ('checks', 'columns', 'scored', 'failed')")
            database.execute("PRAGMA user_version = 1")
        database.close()
    return directory


def content(directory):
    """All that is read of a run."""
    store = RunStore(directory)
    try:
        # An algorithm that remembers nothing may as well have no row.
        state = {"algorithm": {}, **store.state()}
        return store.candidates(), state, store.rescored(), store.failures()
    finally:
        store.close()


class Copies:
    """Copies of a run whose database is changed, each read in every way."""

    def __init__(self, run: Path, place: Path) -> None:
        self.content = content(run)
        self.original = (run / "run.db").read_bytes()
        self.directory = place / "copy"
        self.directory.mkdir()
        self.config = (run / "config.yaml").read_bytes()
        self.bugs: dict[str, str] = {}
        self.unsaid: list[str] = []
        self.noticed = 0

    def tried(self, name: str, resume: bool, changes: bool = True) -> None:
        """Read the copy as it is now.

        Args:
            name: what was changed, for messages.
            resume: whether to go on with it too.
            changes: whether a value that was changed has to be noticed.
        """
        noticed = self._read(name, lambda: self._compared(name, changes))
        self._read(name, lambda: zennas.read_run(self.directory))
        assert len(list_runs(self.directory)) == 1
        if resume:
            self._read(name, lambda: resume_run(self.directory, {"iterations": 192}).store.close())
        self.noticed += noticed

    def _compared(self, name: str, changes: bool) -> None:
        if content(self.directory) != self.content and changes:
            self.unsaid.append(name)

    def _read(self, name: str, read) -> bool:
        """Whether that was refused."""
        try:
            read()
        except ZennasError as error:
            assert "\n" not in str(error)
            assert len(str(error)) < 700, error
            return True
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.bugs.setdefault(
                f"{Path(place.filename).name}:{place.lineno} {type(error).__name__}", f"{name}: {error}"
            )
        return False

    def write(self, content: bytes) -> None:
        shutil.rmtree(self.directory)
        self.directory.mkdir()
        (self.directory / "config.yaml").write_bytes(self.config)
        (self.directory / "run.db").write_bytes(content)


def flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["evolution", "regularized"])
def test_flipped_bits(tmp_path, algorithm):
    copies = Copies(made(tmp_path / "run", algorithm), tmp_path)
    rng = np.random.default_rng(1)
    for number in range(700):
        changed = copies.original
        for _ in range(int(rng.integers(1, 4))):
            changed = flipped(changed, int(rng.integers(8 * len(changed))))
        copies.write(changed)
        copies.tried(f"copy {number}", resume=number % 4 == 0)
    assert not copies.bugs
    assert not copies.unsaid
    assert copies.noticed > 200


def test_a_flipped_bit_in_a_candidate_is_noticed(tmp_path):
    copies = Copies(made(tmp_path / "run", "evolution"), tmp_path)
    with sqlite3.connect(tmp_path / "run" / "run.db") as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
        rows = database.execute("SELECT mutation FROM candidates").fetchall()
    database.close()
    places = [copies.original.find(text.encode()) for (text,) in rows]
    assert min(places) > size
    rng = np.random.default_rng(2)
    for number in range(200):
        # The row's header and its first values are before the text, the rest is behind it.
        text = int(rng.integers(len(rows)))
        start, end = places[text] - 20, places[text] + len(rows[text][0]) + 40
        copies.write(flipped(copies.original, 8 * start + int(rng.integers(8 * (end - start)))))
        copies.tried(f"flip {number}", resume=False)
    assert not copies.bugs
    assert not copies.unsaid
    assert copies.noticed > 180


@pytest.mark.slow
@pytest.mark.parametrize("unchecked", [False, True], ids=["with checksums", "of the first format"])
@pytest.mark.parametrize("algorithm", ["evolution", "local"])
def test_changed_values(tmp_path, algorithm, unchecked):
    run = made(tmp_path / "run", algorithm, unchecked)
    copies = Copies(run, tmp_path)
    with sqlite3.connect(run / "run.db") as database:
        rows = {table: [r for (r,) in database.execute(f"SELECT rowid FROM {table}")] for table in TABLES}
        columns = {
            table: [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] != "columns"]
            for table in TABLES
        }
    database.close()
    rng = np.random.default_rng(3)
    for number in range(1000):
        table = TABLES[number % len(TABLES)]
        column = columns[table][int(rng.integers(len(columns[table])))]
        row = rows[table][int(rng.integers(len(rows[table])))]
        value = VALUES[int(rng.integers(len(VALUES)))]
        copies.write(copies.original)
        database = sqlite3.connect(copies.directory / "run.db", isolation_level=None)
        try:
            database.execute(f'UPDATE OR REPLACE {table} SET "{column}" = ? WHERE rowid = ?', (value, row))
        except sqlite3.DatabaseError:
            continue  # a NULL where none may be
        finally:
            database.close()
        # A value that another takes the place of, in the first format, may be one that could have been there.
        copies.tried(f"{table}.{column} of {row}: {value!r:.60}", resume=number % 3 == 0, changes=not unchecked)
    assert not copies.bugs
    assert not copies.unsaid
    assert copies.noticed > (500 if not unchecked else 250)


def test_a_bad_run_does_not_end_the_list(tmp_path):
    good = made(tmp_path / "good", "evolution")
    for name, statement in {
        "scores": "UPDATE candidates SET score = 'much' WHERE id = 3",
        "state": "UPDATE state SET value = '[' WHERE key = 'iteration'",
        "time": "UPDATE state SET value = '\"noon\"' WHERE key = 'updated'",
        "schema": "DROP TABLE state",
    }.items():
        shutil.copytree(good, tmp_path / name)
        with sqlite3.connect(tmp_path / name / "run.db") as database:
            database.execute(statement)
        database.close()
    (tmp_path / "bytes").mkdir()
    (tmp_path / "bytes" / "run.db").write_bytes(os.urandom(5000))
    listed = command("runs", tmp_path)
    assert listed.returncode == 0, listed.stderr
    states = {run.directory.name: run.state for run in list_runs(tmp_path)}
    assert states.pop("good") == "finished"
    assert len(states) == 5
    assert all(state.startswith("damaged: ") for state in states.values()), states


def test_lost_candidates_are_noticed(tmp_path):
    run = made(tmp_path / "run", "evolution")
    with sqlite3.connect(run / "run.db") as database:
        database.execute("DELETE FROM candidates WHERE id = (SELECT MAX(id) FROM candidates)")
    database.close()
    for read in (zennas.read_run, resume_run):
        with pytest.raises(ZennasError, match=r"has \d+ of \d+ candidates.*--salvage"):
            read(run)
