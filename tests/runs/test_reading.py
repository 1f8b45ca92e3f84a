"""Reading a run writes nothing: not on somebody else's read-only run, nor on one that is being written."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

import zennas
from tests.runs.test_crash import command, everything
from zennas.errors import RunError
from zennas.runs.database import Reading
from zennas.runs.listing import list_runs
from zennas.runs.run import resume_run
from zennas.runs.store import RunStore

SETTINGS = dict(params="60k", iterations=300, rescore=0)
CLI = [sys.executable, "-m", "zennas.cli.main"]


def listing(directory):
    """Names in a directory, with the size and the time of each, and of the directory itself."""
    entries = [(entry.name, entry.stat()) for entry in os.scandir(directory)]
    found = {name: (status.st_size, status.st_mtime_ns) for name, status in entries}
    return {**found, ".": os.stat(directory).st_mtime_ns}


def read_all(directory):
    read = zennas.read_run(directory)
    assert len(read.candidates()) == read.scored
    assert len(list(read.lineage())) > 0
    return read, list_runs(directory)[0]


def read_only(directory):
    for path in directory.iterdir():
        path.chmod(0o444)
    directory.chmod(0o555)


def without_privileges():
    """Give up what lets root write to any file, so that permissions hold for what this process executes."""
    if os.geteuid() == 0:
        drop_from_bounding_set, dac_override = 24, 1
        assert ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override, 0, 0, 0) == 0


def restricted(*arguments, cwd):
    """Run the command as a user to whom permissions apply, whoever we are."""
    return subprocess.run(
        [*CLI, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "TMPDIR": str(cwd)},
        preexec_fn=without_privileges,
    )


@pytest.fixture
def place(tmp_path):
    """A directory whose runs may be made read-only, and `mine` in it, which may be written to."""
    (tmp_path / "mine").mkdir()
    yield tmp_path
    for directory, _, _ in os.walk(tmp_path):
        os.chmod(directory, 0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="root's privileges are dropped as Linux does")
@pytest.mark.parametrize("end", ["finished", "killed"])
def test_a_run_that_may_only_be_read(place, end):
    run, mine = place / "run", place / "mine"
    result = zennas.search(out=run, **SETTINGS)
    if end == "killed":  # its write-ahead log is still there
        shutil.copytree(run, place / "killed")
        run = place / "killed"
        assert (run / "run.db-wal").stat().st_size > 0
    result.store.close()
    read_only(run)
    writing = [sys.executable, "-c", "import sys; open(sys.argv[1], 'w')", run / "new"]
    assert subprocess.run(writing, preexec_fn=without_privileges, stderr=subprocess.DEVNULL).returncode == 1
    before = listing(run)
    shown = restricted("runs", run, "--json", cwd=mine)
    assert shown.returncode == 0, shown.stderr
    assert f'"best": {result.score}' in shown.stdout
    page = mine / "page.html"
    report = restricted("report", run, "--out", page, cwd=mine)
    assert report.returncode == 0, report.stderr
    assert page.stat().st_size > 10_000
    for arguments in (["report", run], ["search", "--resume", run], ["search", "--resume", run, "--iterations", 900]):
        refused = restricted(*arguments, cwd=mine)
        assert refused.returncode == 2, refused.stderr
        assert "cannot be written" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert listing(run) == before
    assert not [name for name in os.listdir(mine) if name.startswith("zennas-")], "the copy is removed"


def test_reading_leaves_no_trace(tmp_path):
    finished, open_, killed = tmp_path / "finished", tmp_path / "open", tmp_path / "killed"
    zennas.search(out=finished, **SETTINGS).store.close()
    still = zennas.search(out=open_, **SETTINGS)
    shutil.copytree(open_, killed)
    for run in (finished, open_, killed):
        before = listing(run)
        read, summary = read_all(run)
        assert (read.score, read.scored) == (summary.best, summary.scored) == (still.score, still.scored)
        assert listing(run) == before
    still.store.close()
    assert everything(killed) == everything(finished) == everything(open_)


def test_a_run_that_is_being_written_is_read_whole_and_left_alone(tmp_path):
    """It commits every round and begins its write-ahead log anew all the time."""
    code = """
import sqlite3, sys
from pathlib import Path
import zennas.runs.carrying_out as carrying_out, zennas.runs.run as run, zennas.runs.database as database
from zennas.searching.settings import checked_config
carrying_out.COMMIT_SECONDS = 0
real = sqlite3.connect
def connect(*arguments, **options):
    opened = real(*arguments, **options)
    opened.execute("PRAGMA wal_autocheckpoint=20")
    return opened
sqlite3.connect = connect
settings = dict(params="300k", iterations=10**8, round_size=16, rescore=0)
run.start_run(checked_config(settings), Path(sys.argv[1]))
"""
    run = tmp_path / "run"
    writer = subprocess.Popen([sys.executable, "-c", code, run], stderr=subprocess.PIPE, text=True)
    try:
        while not (run / "run.db").exists():
            assert writer.poll() is None, writer.stderr.read()
            time.sleep(0.01)
        names, seen = set(os.listdir(run)), []
        end = time.monotonic() + 6
        while time.monotonic() < end or len(seen) < 5:
            read, summary = read_all(run)
            assert (read.status, summary.state) == ("running", "running")
            seen.append(read.scored)
            names |= set(os.listdir(run))
        assert seen == sorted(seen)
        assert len(set(seen)) > 3
        os.kill(writer.pid, signal.SIGSTOP)  # from here on only reading could change anything
        before = listing(run)
        read_all(run)
        assert listing(run) == before
    finally:
        writer.kill()
        writer.communicate()
    assert names <= {"config.yaml", "log.jsonl", "run.db", "run.db-shm", "run.db-wal", "run.lock"}
    before = listing(run)
    read, summary = read_all(run)
    assert (summary.state, summary.scored) == ("stopped", read.scored)
    assert listing(run) == before
    assert resume_run(run, {"iterations": read.iterations + 64}).iterations == read.iterations + 64


def test_a_file_that_changes_while_it_is_read_in_its_place_is_read_again(tmp_path, monkeypatch):
    run = tmp_path / "run"
    short = zennas.search(out=run, **SETTINGS)
    short.store.close()
    store = RunStore(run)
    assert len(store.candidates()) == short.scored
    longer = resume_run(run, {"iterations": 900})
    longer.store.close()
    assert len(store.candidates()) == longer.scored > short.scored
    store.close()


def test_a_run_that_changes_too_fast_is_told(tmp_path, monkeypatch):
    run = tmp_path / "run"
    zennas.search(out=run, **SETTINGS)
    monkeypatch.setattr("zennas.runs.database._PAUSE", 0)
    headers = iter(range(1000))
    monkeypatch.setattr("zennas.runs.database._beginning", lambda path: str(next(headers)).encode())
    with pytest.raises(RunError, match="changes too fast"):
        Reading(run)


@pytest.mark.slow
def test_the_command_line_leaves_no_trace_on_a_running_search(tmp_path):
    run = tmp_path / "run"
    writer = subprocess.Popen(
        command("--params", "300k", "--iterations", 10**8, "--out", run, "--rescore", 0), stderr=subprocess.DEVNULL
    )
    try:
        while not (run / "run.db").exists():
            time.sleep(0.01)
        time.sleep(1)
        os.kill(writer.pid, signal.SIGSTOP)
        before = listing(run)
        for arguments in (["runs", run], ["report", run, "--out", tmp_path / "page.html"]):
            subprocess.run([*CLI, *map(str, arguments)], check=True, capture_output=True)
        assert listing(run) == before
    finally:
        writer.kill()
        writer.communicate()
