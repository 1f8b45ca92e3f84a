"""Two processes on one directory: one works, the other is told so and changes nothing."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "zennas.cli.main", "train"]
OPTIONS = ["--resolution", "8", "--batch-size", "64", "--checkpoint-steps", "3", "--threads", "1", "-q"]
NETWORK = "SuperConvK3BNRELU(3,8,2,1)SuperResK3K3(8,16,2,16,1)"


def started(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def metrics(directory: Path) -> list[dict[str, str]]:
    with (directory / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "images_per_second"} for row in csv.DictReader(file)]


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


@pytest.mark.slow
def test_a_run_that_is_worked_on_is_not_resumed_and_goes_on_unharmed(tmp_path: Path) -> None:
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    assert started(NETWORK, *OPTIONS, "--epochs", 3, "--out", whole).wait() == 0
    first = started(NETWORK, *OPTIONS, "--epochs", 3, "--out", shared)
    while first.poll() is None and not list(shared.glob("checkpoints/step-*.pt")):
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGSTOP)  # so that it is still there, however fast it is
    try:
        before = files(shared)
        second = started("--resume", shared, "-q")
        message = second.communicate()[1]
        assert second.returncode == 2
        assert f"another process (process {first.pid}) is working" in message
        assert len(message.splitlines()) == 1
        assert files(shared) == before
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert first.wait() == 0
    assert metrics(shared) == metrics(whole)


@pytest.mark.slow
def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    first = started(NETWORK, *OPTIONS, "--epochs", 3, "--out", tmp_path)
    while first.poll() is None and not list(tmp_path.glob("checkpoints/step-*.pt")):
        time.sleep(0.01)
    first.kill()
    assert first.wait() == -signal.SIGKILL
    second = started("--resume", tmp_path, "-q")
    assert (second.communicate()[1], second.returncode) == ("", 0)
    assert len(metrics(tmp_path)) == 3


@pytest.mark.slow
def test_of_two_new_runs_in_one_place_one_begins(tmp_path: Path) -> None:
    out = tmp_path / "run"
    pair = [started(NETWORK, *OPTIONS, "--epochs", 2, "--seed", seed, "--out", out) for seed in (1, 2)]
    messages = [process.communicate()[1] for process in pair]
    codes = [process.returncode for process in pair]
    assert sorted(codes) == [0, 2], messages
    loser = messages[codes.index(2)]
    assert "another process" in loser or "already holds a run" in loser
    assert f"seed: {1 + codes.index(0)}\n" in (out / "config.yaml").read_text()
