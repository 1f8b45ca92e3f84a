"""Whatever ends a search in its first moments: afterwards it is resumed, or the same command starts it anew."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

import zennas
from tests.cli.test_cli import run as cli
from tests.runs.test_crash import command, everything
from zennas.errors import RunError
from zennas.io.lock import RunLock
from zennas.io.settings import write_settings
from zennas.runs.beginning import check_vacant
from zennas.runs.run import resume_run, start_run
from zennas.searching.settings import checked_config

SETTINGS = dict(params="60k", iterations=200, round_size=32, rescore=0, seed=4)
OPTIONS = ["--params", "60k", "--iterations", 200, "--round-size", 32, "--rescore", 0, "--seed", 4]
ANEW = "never got a first commit; started anew"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole") / "run"
    zennas.search(out=directory, **SETTINGS).store.close()
    return everything(directory)


def holds_a_beginning(directory):
    """Whether there is something of a run that never got a first commit."""
    try:
        return check_vacant(directory)
    except RunError:
        return False


def resumed_or_started(directory):
    """Go on where that is possible, else start anew by the same command, and say which it was."""
    leftovers = directory.exists() and holds_a_beginning(directory)
    if not leftovers and (directory / "run.db").exists():
        resume_run(directory).store.close()
        return "resumed"
    if leftovers:
        with pytest.raises(RunError, match="ended before its first commit"):
            resume_run(directory)
        with pytest.raises(RunError, match="ended before its first commit"):
            zennas.read_run(directory)
    result = zennas.search(out=directory, **SETTINGS)
    result.store.close()
    assert [ANEW in note for note in result.notes] == [True] * leftovers
    return "started anew"


# A process that dies at a step of its beginning: whenever it opens, renames, makes or removes a file, waits for the
# disk, or tells SQLite something.
DYING = """
import os, sqlite3, sys
from pathlib import Path
import zennas.runs.run as run, zennas.runs.events
from zennas.searching.settings import checked_config
out, settings = Path(sys.argv[1]), eval(sys.argv[2])
real, fsync = sqlite3.connect, os.fsync
left = 0
def tick():
    global left
    left -= 1
    if left == 0: os.kill(os.getpid(), 9)
class Dying:
    def __init__(self, db): self._db = db
    def __getattr__(self, name): return getattr(self._db, name)
    def execute(self, *a): tick(); return self._db.execute(*a)
    def executemany(self, *a): tick(); return self._db.executemany(*a)
    def close(self): tick(); self._db.close()
def hook(event, arguments):
    if event in ("open", "os.rename", "os.mkdir", "os.remove", "os.chmod") and str(out) in str(arguments): tick()
sqlite3.connect = lambda *a, **k: Dying(real(*a, **k))
os.fsync = lambda *a: (tick(), fsync(*a))
config = checked_config(settings)
sys.addaudithook(hook)
for step in range(1, 1000):
    child = os.fork()
    if child == 0:
        left = step
        run.start_run(config, out / str(step))
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0: break
print(step)
"""


@pytest.mark.slow
def test_killed_at_every_step_of_the_beginning(tmp_path, whole):
    settings = {**SETTINGS, "iterations": 32}
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path), repr(settings)], capture_output=True, text=True, check=True
    )
    steps = int(done.stdout)
    assert 30 < steps < 200
    zennas.search(out=tmp_path / "whole", **settings).store.close()
    found = []
    for step in range(1, steps):
        directory = tmp_path / str(step)
        if (directory / "run.db").exists():
            resume_run(directory).store.close()
            found.append("resumed")
        else:
            start_run(checked_config(settings), directory).store.close()
            found.append("anew")
        assert everything(directory) == everything(tmp_path / "whole"), step
        assert not [name for name in os.listdir(directory) if name.startswith(("run.db.", ".config"))]
    assert found.count("anew") > 15
    assert found.count("resumed") > 5
    assert found == sorted(found), "once there is a run, it stays"


@pytest.mark.slow
def test_killed_within_the_first_second(tmp_path, whole):
    rng = np.random.default_rng(1)
    begin = time.perf_counter()
    subprocess.run(command(*OPTIONS, "--out", tmp_path / "timed"), check=True, capture_output=True)
    usual = time.perf_counter() - begin
    for number in range(16):
        directory = tmp_path / str(number)
        process = subprocess.Popen(
            command(*OPTIONS, "--out", directory), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        while process.poll() is None and not directory.exists():
            time.sleep(0.001)
        time.sleep(float(rng.uniform(0, 0.3 * usual)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        resumed_or_started(directory)
        assert everything(directory) == whole


# A full disk: no file grows beyond a size. Python ignores the signal, and writing fails.
FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import contextlib
import zennas.cli.main as cli, zennas.runs.run as run
size, taken = int(sys.argv.pop()), run.taken_place
@contextlib.contextmanager
def full(directory):
    with taken(directory) as notes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        yield notes
run.taken_place = full
cli.main()
"""


@pytest.mark.parametrize("size", [100, 4000, 9000, 20_000, 30_000, 60_000])
def test_a_disk_that_is_full_from_the_beginning(tmp_path, whole, size):
    directory = tmp_path / "run"
    arguments = ["search", "-q", *map(str, OPTIONS), "--out", str(directory), str(size)]
    full = subprocess.run([sys.executable, "-c", FULL, *arguments], capture_output=True, text=True)
    assert full.returncode == (2 if size < 60_000 else full.returncode), full.stderr
    assert "Traceback" not in full.stderr
    assert len(full.stderr.splitlines()) == (full.returncode == 2)
    began = (directory / "run.db").exists()
    assert began or size < 60_000
    assert resumed_or_started(directory) == ("resumed" if began else "started anew")
    assert everything(directory) == whole


@pytest.mark.parametrize("state", ["empty", "no tables", "format 0", "some tables", "all tables"])
def test_what_an_earlier_version_left_at_its_beginning(tmp_path, whole, state):
    """It made `run.db` in its place at once, and its tables one by one."""
    directory = tmp_path / "run"
    directory.mkdir()
    write_settings(checked_config(SETTINGS), directory)
    (directory / "run.lock").write_text("123")
    database = sqlite3.connect(directory / "run.db", isolation_level=None)
    if state != "empty":
        database.execute("PRAGMA journal_mode=WAL")
    if state in ("format 0", "some tables", "all tables"):
        database.execute(f"PRAGMA application_id={0x5A454E4E}")
    if state in ("some tables", "all tables"):
        database.execute("PRAGMA user_version=1")
        database.execute("CREATE TABLE candidates (id INTEGER PRIMARY KEY, score REAL NOT NULL)")
    if state == "all tables":
        database.execute("CREATE TABLE failures (iteration INTEGER NOT NULL)")
        database.execute("CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    copy = tmp_path / "copy"  # while the database is open, as a killed process leaves it
    shutil.copytree(directory, copy)
    database.close()
    assert resumed_or_started(copy) == "started anew"
    assert everything(copy) == whole
    resume = cli("search", "--resume", directory)
    assert resume.returncode == 2
    assert "before its first commit" in resume.stderr
    assert "the same command" in resume.stderr
    assert len(resume.stderr.splitlines()) == 1
    anew = cli("search", *OPTIONS, "-q", "--out", directory)
    assert anew.returncode == 0, anew.stderr
    assert ANEW in " ".join(anew.stdout.split())
    assert everything(directory) == whole


def test_what_is_somebody_elses_is_not_taken_for_a_beginning(tmp_path):
    search = tmp_path / "search"
    search.mkdir()
    write_settings(checked_config(SETTINGS), search)
    assert check_vacant(search)
    cases = {
        "settings": {"config.yaml": "space: mine\n"},
        "a training": {"config.yaml": "model: zennet-cifar-0.5M\nepochs: 3\nversions: {}\n"},
        "a predictor": {"latency-predictor.json": "{}"},
        "a log": {"log.jsonl": "{}"},
        "a search and a thesis": {"config.yaml": (search / "config.yaml").read_text(), "thesis.tex": "x"},
    }
    for name, files in cases.items():
        directory = tmp_path / name
        directory.mkdir()
        for file, text in files.items():
            (directory / file).write_text(text)
        with pytest.raises(RunError, match="not empty and holds no run"):
            zennas.search(out=directory, **SETTINGS)
        assert {path.name: path.read_text() for path in directory.iterdir()} == files
    other = tmp_path / "other"
    other.mkdir()
    with sqlite3.connect(other / "run.db") as database:
        database.execute("CREATE TABLE books (title)")
    with pytest.raises(RunError, match="holds a run already"):
        zennas.search(out=other, **SETTINGS)


# Two searches that are through their preparations and begin at the same moment.
RACING = """
import sys, time
from pathlib import Path
import zennas.runs.run as run
from zennas.errors import ZennasError
from zennas.searching.settings import checked_config
seed, settings, count, begin = int(sys.argv[2]), eval(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
taken = run.taken_place
def at_once(directory):
    moment = begin + 0.12 * int(directory.name) + (seed == 2) * 0.0005 * (int(directory.name) % 24)
    time.sleep(max(0, moment - time.time()))
    return taken(directory)
run.taken_place = at_once
for number in range(count):
    try:
        result = run.start_run(checked_config({**settings, "seed": seed}), Path(sys.argv[1]) / str(number))
        result.store.close()
        print("won")
    except ZennasError as error:
        print(" ".join(str(error).split()))
"""


@pytest.mark.parametrize("settings", [{"params": "60k", "iterations": 64, "rescore": 0}])
def test_who_loses_a_race_for_a_directory_writes_nothing(tmp_path, settings):
    count = 24
    for seed in (1, 2):
        zennas.search(out=tmp_path / f"alone-{seed}", seed=seed, **settings).store.close()
    place = tmp_path / "raced"
    place.mkdir()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACING, place, str(seed), repr(settings), str(count), str(time.time() + 8)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    said = [racer.communicate()[0].splitlines() for racer in racers]
    refused = ("another process", "holds a run already")
    for number in range(count):
        words = [lines[number] for lines in said]
        assert words.count("won") == 1, words
        winner = words.index("won") + 1
        assert any(word in words[2 - winner] for word in refused), words
        run, alone = place / str(number), tmp_path / f"alone-{winner}"
        assert everything(run) == everything(alone)
        assert (run / "config.yaml").read_text() == (alone / "config.yaml").read_text()
        assert sorted(os.listdir(run)) == sorted(os.listdir(alone))


def test_who_meets_the_lock_of_a_beginning_is_told_so_and_writes_nothing(tmp_path):
    place = tmp_path / "run"
    place.mkdir()
    with RunLock(place):
        before = everything_in(place)
        with pytest.raises(RunError, match="another process"):
            zennas.search(out=place, params="60k", iterations=64, rescore=0)
        assert everything_in(place) == before


def everything_in(place):
    return {path.name: path.read_bytes() for path in place.iterdir()}
