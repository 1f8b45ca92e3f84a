"""Runs survive `kill -9`: real processes, killed at random moments."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import zennas
from zennas.errors import RunError
from zennas.runs.run import resume_run
from zennas.runs.store import RunStore

CLOSED_FORM = ["--iterations", 30_000, "--params", "300k"]
MONTE_CARLO = [
    *("--iterations", 250, "--params", "60k", "--resolution", 16, "--score", "zen", "--batch-size", 4),
]


def command(*arguments):
    return [sys.executable, "-m", "zennas.cli.main", "search", "-q", *map(str, arguments)]


def everything(directory):
    """All that a search found: candidates, population in heap order, best, re-scored values."""
    store = RunStore(directory)
    state = store.state()
    keys = ("iteration", "populations", "bests", "algorithm", "status")
    return store.candidates(), store.failures(), {k: state[k] for k in keys}, store.rescored()


def killed_until_done(directory, start, resume, kills, rng, longest):
    """Run a search that is killed `kills` times at random moments of its life, then let it finish."""
    first = True
    for _ in range(kills):
        process = subprocess.Popen(start if first else resume, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(float(rng.uniform(0.25, longest)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        first = not (directory / "run.db").exists()
        if not first:
            try:
                RunStore(directory).state()["populations"]
            except (RunError, KeyError):
                # Killed before the first commit: there is nothing to go on from, and nothing was lost.
                for file in directory.iterdir():
                    file.unlink()
                first = True
    done = subprocess.run(start if first else resume, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "workers", "kills", "longest"),
    [(CLOSED_FORM, 1, 24, 1.6), (MONTE_CARLO, 1, 14, 3.5), (MONTE_CARLO, 2, 12, 5.0)],
    ids=["closed form", "Monte Carlo", "two workers"],
)
def test_a_killed_and_resumed_search_is_that_of_an_uninterrupted_one(tmp_path, settings, workers, kills, longest):
    settings = [*settings, "--round-size", 16, "--rescore", 0, "--seed", 5]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(*settings, "--out", whole), check=True, capture_output=True)
    start = command(*settings, "--out", killed, "--workers", workers)
    resume = command("--resume", killed, "--workers", workers)
    killed_until_done(killed, start, resume, kills, np.random.default_rng(0), longest)
    assert everything(killed) == everything(whole)
    assert (killed / "best.yaml").read_text() == (whole / "best.yaml").read_text()


def test_killed_in_the_middle_of_commits(tmp_path):
    """The process kills itself inside a transaction, at every place of the first commits."""
    code = """
import os, sqlite3, sys
import zennas.runs.carrying_out as carrying_out, zennas.runs.run as run, zennas.runs.store as store
from zennas.searching.settings import checked_config
from pathlib import Path
carrying_out.COMMIT_SECONDS = 0
out, countdown = Path(sys.argv[1]), int(sys.argv[2])
real = sqlite3.connect
class Dying:
    def __init__(self, db): self._db = db
    def __getattr__(self, name): return getattr(self._db, name)
    def _tick(self):
        global countdown
        countdown -= 1
        if countdown == 0: os.kill(os.getpid(), 9)
    def execute(self, *a): self._tick(); return self._db.execute(*a)
    def executemany(self, *a): self._tick(); return self._db.executemany(*a)
sqlite3.connect = lambda *a, **k: Dying(real(*a, **k))
if (out / "run.db").exists(): run.resume_run(out)
else: run.start_run(checked_config(dict(params="60k", iterations=1500, round_size=32, rescore=0)), out)
"""
    whole = zennas.search(params="60k", iterations=1500, round_size=32, rescore=0, out=tmp_path / "whole")
    killed = tmp_path / "killed"
    deaths = 0
    for countdown in (13, 9, 14, 17, 19, 22, 10_000_000):
        result = subprocess.run(
            [sys.executable, "-c", code, str(killed), str(countdown)], capture_output=True, text=True
        )
        assert result.returncode in (0, -9), result.stderr
        deaths += result.returncode == -9
    assert deaths == 6
    assert everything(killed) == everything(tmp_path / "whole")
    assert whole.status == "finished"


def test_a_second_process_is_refused_and_the_lock_goes_with_its_holder(tmp_path):
    run = tmp_path / "run"
    holder = subprocess.Popen(
        command("--params", "300k", "--iterations", 10**8, "--out", run, "--rescore", 0), stderr=subprocess.PIPE
    )
    while not (run / "run.db").exists():
        time.sleep(0.05)
    time.sleep(1)
    second = subprocess.run(command("--resume", run), capture_output=True, text=True)
    assert second.returncode == 2
    assert f"another process (process {holder.pid})" in second.stderr
    holder.kill()
    holder.communicate()
    resumed = subprocess.run(command("--resume", run, "--time-limit", "0.5s"), capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    assert "time limit" in resumed.stdout


@pytest.mark.parametrize("damage", ["garbage", "truncated", "foreign", "emptied"])
def test_a_damaged_database_is_refused_with_what_to_do(tmp_path, damage):
    run = tmp_path / "run"
    zennas.search(params="60k", iterations=300, rescore=0, out=run).store.close()
    path = run / "run.db"
    if damage == "garbage":
        path.write_bytes(os.urandom(8192))
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "emptied":
        path.write_bytes(b"")
    else:
        path.unlink()
        import sqlite3

        sqlite3.connect(path).execute("CREATE TABLE t (a)")
    with pytest.raises(RunError, match="start a new"):
        resume_run(run)
    listed = subprocess.run([sys.executable, "-m", "zennas.cli.main", "runs", tmp_path], capture_output=True, text=True)
    assert "damaged" in listed.stdout


def test_a_full_disk_pauses_with_a_clear_line_and_loses_nothing(tmp_path):
    """SQLite's own limit on the number of pages raises what a full disk raises."""
    code = """
import sys
import zennas.runs.carrying_out as carrying_out, zennas.runs.store as store
from zennas.cli.main import main
carrying_out.COMMIT_SECONDS = 0
opened = store.RunStore._open
def limited(self, path, create):
    db = opened(self, path, create)
    db.execute("PRAGMA max_page_count=12")
    return db
store.RunStore._open = limited
sys.argv = ["zennas", "search", "-q", "--params", "60k", "--iterations", "3000", "--rescore", "0", "--out", sys.argv[1]]
main()
"""
    run = tmp_path / "run"
    full = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True)
    assert full.returncode == 2
    assert "the disk is full; the run is paused" in full.stderr
    assert len(full.stderr.strip().splitlines()) == 1
    kept = len(RunStore(run).candidates())
    assert kept > 0
    resumed = resume_run(run)
    whole = zennas.search(params="60k", iterations=3000, rescore=0, out=tmp_path / "whole")
    assert resumed.scored > kept
    assert everything(run) == everything(tmp_path / "whole")
    assert whole.scored == resumed.scored


def test_longer_than_planned(tmp_path):
    run = tmp_path / "run"
    short = zennas.search(params="100k", iterations=400, rescore=0, out=run)
    before = short.candidates()
    longer = resume_run(run, {"iterations": 1000})
    assert longer.iterations == 1000
    assert longer.scored > short.scored
    assert longer.candidates()[: short.scored] == before
    with pytest.raises(RunError, match="params cannot change on resume"):
        resume_run(run, {"params": "2M"})
