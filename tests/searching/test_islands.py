"""Islands: the same search on any number of cores, after any interruption."""

import os
import signal
import subprocess
import sys
import time

import pytest

import zennas
from zennas.counting import count_super_blocks
from zennas.errors import ZennasError
from zennas.runs import carrying_out
from zennas.scores.closed_form import meanfield_many
from zennas.searching import islands as islands_module
from zennas.spaces.mutation import applied

pytest.importorskip("numba")

SETTINGS = {
    "score": "meanfield",
    "params": 200_000,
    "layers": 12,
    "population": 48,
    "seed": 5,
    "rescore": 0,
    "num_classes": 10,
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(islands_module, "BLOCK", 256)


def listed(result):
    return [(c.id, c.iteration, c.parent, c.mutations, c.super_blocks, c.score, c.costs) for c in result.candidates()]


def test_what_islands_find_is_whole():
    result = zennas.search(**SETTINGS, islands=3, iterations=2000)
    candidates = result.candidates()
    assert [c.id for c in candidates] == list(range(len(candidates)))
    assert [c.iteration for c in candidates] == sorted(c.iteration for c in candidates)
    parents_of_others = 0
    for c in candidates:
        if c.parent >= 0:
            parent = candidates[c.parent]
            assert applied(c.mutations, parent.super_blocks) == c.super_blocks
            parents_of_others += parent.iteration > 0 and island(parent) != island(c)
        assert c.costs == count_super_blocks(c.super_blocks, 32, 10)
        assert c.costs.params <= 200_000
    assert parents_of_others > 0, "some of the best were exchanged"
    assert [c.score for c in candidates] == meanfield_many([c.super_blocks for c in candidates], 32)
    assert {island(c) for c in candidates if c.iteration} == {0, 1, 2}
    assert result.score == max(c.score for c in candidates)
    assert result.iterations == 2000


def island(candidate):
    return (candidate.iteration - 1) // 256 % 3


def test_islands_repeat_and_their_number_counts():
    two = listed(zennas.search(**SETTINGS, islands=2, iterations=1500))
    assert two == listed(zennas.search(**SETTINGS, islands=2, iterations=1500))
    assert two != listed(zennas.search(**SETTINGS, iterations=1500))


EVOLUTION = {"algorithm": "evolution"}
GATED = {"score": "zen-weighted", "space": "mobilenet", "se": True, "layers": None}


@pytest.mark.parametrize(
    "others",
    [{}, EVOLUTION, {"params": ["100k", "200k"]}, GATED],
    ids=["one winner", "by evolution", "a frontier", "zen-weighted with gates"],
)
def test_a_crash_changes_nothing(tmp_path, monkeypatch, others):
    settings = {**SETTINGS, **others, "islands": 2, "iterations": 2100}
    whole = zennas.search(**settings)
    monkeypatch.setattr(carrying_out, "COMMIT_SECONDS", 0.0)
    steps = []

    def crash(progress):
        steps.append(progress.done)
        if len(steps) == 2:
            raise OSError("the power went off")

    with pytest.raises(OSError, match="power"):
        zennas.search(**settings, out=tmp_path / "run", watch=crash)
    resumed = zennas.resume_run(tmp_path / "run")
    assert steps == [512, 1024]
    assert listed(resumed) == listed(whole)
    assert [w.candidate for w in resumed.winners] == [w.candidate for w in whole.winners]


@pytest.mark.slow
def test_killed_as_a_process(tmp_path):
    """Of the owner nothing is left, and its islands end with it."""
    directory = tmp_path / "run"
    command = [
        *(sys.executable, "-m", "zennas", "search", "--params", "300k", "--layers", "12", "--iterations", "400000"),
        *("--islands", "2", "--rescore", "0", "--seed", "3", "--out", str(directory)),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while not (directory / "log.jsonl").exists() or "progress" not in (directory / "log.jsonl").read_text():
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = time.monotonic() + 20
    while children_of_session(process.pid) and time.monotonic() < left:
        time.sleep(0.1)
    assert not children_of_session(process.pid)
    candidates = zennas.read_run(directory).candidates()
    assert max(c.iteration for c in candidates) > 2 * 256
    assert all(applied(c.mutations, candidates[c.parent].super_blocks) == c.super_blocks for c in candidates[2:])


def children_of_session(session):
    """Processes of the session that a command was started in."""
    output = subprocess.run(["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False)
    return output.stdout.split()


def test_what_islands_need():
    with pytest.raises(ZennasError, match="islands: this search has to be computed in Python"):
        zennas.search(**{**SETTINGS, "score": "layers"}, islands=2, iterations=100)
    with pytest.raises(ZennasError, match="not offspring from the first one on; use annealing or evolution"):
        zennas.search(**SETTINGS, algorithm="regularized", islands=2, iterations=1000)
