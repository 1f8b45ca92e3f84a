"""Islands: the same search on any number of cores, after any interruption."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from multiprocessing import active_children

import pytest

import zennas
from zennas import fork_server
from zennas.counting import count_super_blocks
from zennas.errors import ZennasError
from zennas.runs import carrying_out
from zennas.runs.carrying_out import RunContext
from zennas.scores.closed_form import meanfield_many
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


def listed(result):
    return [(c.id, c.iteration, c.parent, c.mutations, c.super_blocks, c.score, c.costs) for c in result.candidates()]


def test_what_islands_find_is_whole():
    result = zennas.search(**SETTINGS, islands=3, iterations=8000)
    candidates = result.candidates()
    assert [c.id for c in candidates] == list(range(len(candidates)))
    assert [c.iteration for c in candidates] == sorted(c.iteration for c in candidates)
    blocks = [(b, island) for island, kept in enumerate(result.store.state()["islands"]) for b in kept["blocks"]]
    island = {number: island for (before, last, _), island in blocks for number in range(before + 1, last + 1)}
    assert sorted(island) == list(range(1, 8001)), "each iteration is one island's"
    parents_of_others = 0
    for c in candidates:
        if c.parent >= 0:
            parent = candidates[c.parent]
            assert applied(c.mutations, parent.super_blocks) == c.super_blocks
            parents_of_others += parent.iteration > 0 and island[parent.iteration] != island[c.iteration]
        assert c.costs == count_super_blocks(c.super_blocks, 32, 10)
        assert c.costs.params <= 200_000
    assert parents_of_others > 0, "some of the best were exchanged"
    assert [c.score for c in candidates] == meanfield_many([c.super_blocks for c in candidates], 32)
    assert {island[c.iteration] for c in candidates if c.iteration} == {0, 1, 2}
    assert result.score == max(c.score for c in candidates)
    assert result.iterations == 8000


def test_the_best_of_all_islands_are_kept():
    result = zennas.search(**SETTINGS, islands=2, iterations=8000)
    first = {}
    for c in result.candidates():
        first.setdefault(c.super_blocks, c)
    best = sorted(first.values(), key=lambda c: (-c.score, c.id))[: SETTINGS["population"]]
    assert sorted(result.store.state()["populations"][0]) == sorted(c.id for c in best)
    assert len(first) < len(result.candidates()), "some were found on both islands"


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
    settings = {**SETTINGS, **others, "islands": 2, "iterations": 4200}
    whole = zennas.search(**settings)
    monkeypatch.setattr(carrying_out, "COMMIT_SECONDS", 0.0)
    steps = []

    def crash(progress):
        steps.append(progress.done)
        if len(steps) == 6:
            raise OSError("the power went off")

    with pytest.raises(OSError, match="power"):
        zennas.search(**settings, out=tmp_path / "run", watch=crash)
    resumed = zennas.resume_run(tmp_path / "run")
    assert steps == [2 * 128 * number for number in range(1, 7)], "guests of the blocks before are under way"
    assert listed(resumed) == listed(whole)
    assert [w.candidate for w in resumed.winners] == [w.candidate for w in whole.winners]


def test_a_search_that_got_more_iterations_goes_on_from_its_own_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(carrying_out, "COMMIT_SECONDS", 0.0)
    more = {"iterations": 6000}
    for name in ("whole", "broken"):
        zennas.search(**SETTINGS, islands=3, iterations=3100, out=tmp_path / name)

    def crash(progress):
        if progress.done > 4500:
            raise OSError("the power went off")

    whole = zennas.resume_run(tmp_path / "whole", more)
    with pytest.raises(OSError, match="power"):
        zennas.resume_run(tmp_path / "broken", more, RunContext(watch=crash))
    assert listed(zennas.resume_run(tmp_path / "broken")) == listed(whole)
    assert whole.iterations == 6000


def test_an_island_that_ends_is_told_and_the_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(carrying_out, "COMMIT_SECONDS", 0.0)
    settings = {**SETTINGS, "islands": 2, "iterations": 4200}
    whole = zennas.search(**settings)

    def end_one(progress):
        if progress.done > 500 and (children := active_children()):
            children[0].kill()
            children[0].join()

    with pytest.raises(ZennasError, match="the process of island . has ended.*--resume goes on"):
        zennas.search(**settings, out=tmp_path / "run", watch=end_one)
    assert listed(zennas.resume_run(tmp_path / "run")) == listed(whole)


@contextmanager
def begun_search(directory, iterations):
    """A search by two islands as a process that begins a session."""
    command = [
        *(sys.executable, "-m", "zennas", "search", "--params", "300k", "--layers", "12", "--seed", "3", "--quiet"),
        *("--iterations", str(iterations), "--islands", "2", "--rescore", "0", "--out", str(directory)),
    ]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def of_session(session):
    """Processes of the session that a command began: their commands by id."""
    output = subprocess.run(["ps", "-o", "pid=,args=", "-s", str(session)], capture_output=True, text=True, check=False)
    lines = (line.split(maxsplit=1) for line in output.stdout.splitlines() if "defunct" not in line)
    return {int(number): command for number, command in lines}


def server_of(session):
    return [number for number, command in of_session(session).items() if "multiprocessing.forkserver" in command]


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_progress(directory):
    log = directory / "log.jsonl"
    wait_until(lambda: log.exists() and "progress" in log.read_text())


@pytest.mark.slow
def test_killed_as_a_process(tmp_path):
    """Of the owner nothing is left, and its islands and what they were forked from end with it."""
    directory = tmp_path / "run"
    with begun_search(directory, 4_000_000) as process:
        wait_for_progress(directory)
        assert len(server_of(process.pid)) == 3 * fork_server.FORKED
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda: not of_session(process.pid))
    candidates = zennas.read_run(directory).candidates()
    assert max(c.iteration for c in candidates) > 2 * 256
    assert all(applied(c.mutations, candidates[c.parent].super_blocks) == c.super_blocks for c in candidates[2:])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_is_answered_by_the_owner(tmp_path, number):
    directory = tmp_path / "run"
    with begun_search(directory, 4_000_000) as process:
        wait_for_progress(directory)
        os.killpg(process.pid, number)
        errors = process.communicate()[1]
        assert process.returncode == 128 + number
        assert "Traceback" not in errors
        wait_until(lambda: not of_session(process.pid))
    assert zennas.read_run(directory).status == "interrupted"


@pytest.mark.slow
@pytest.mark.skipif(not fork_server.FORKED, reason="this system has no fork server")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_to_the_server_while_it_loads_changes_nothing(tmp_path, number):
    """It ignores the first; after the second there is another one."""
    with begun_search(tmp_path / "run", 2000) as process:
        wait_until(lambda: server_of(process.pid))
        os.kill(server_of(process.pid)[0], number)
        errors = process.communicate()[1]
        assert (process.returncode, errors) == (0, "")
        wait_until(lambda: not of_session(process.pid))
    assert zennas.read_run(tmp_path / "run").status == "finished"


def test_what_islands_need():
    with pytest.raises(ZennasError, match="islands: this search has to be computed in Python"):
        zennas.search(**{**SETTINGS, "score": "layers"}, islands=2, iterations=100)
    with pytest.raises(ZennasError, match="not offspring from the first one on; use annealing or evolution"):
        zennas.search(**SETTINGS, algorithm="regularized", islands=2, iterations=1000)
