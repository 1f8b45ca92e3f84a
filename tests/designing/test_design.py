import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import zennas
from tests.designing.conftest import options, outcome, table
from zennas.designing import read_design, resume_design
from zennas.designing.training import TrainTask, run_training
from zennas.errors import TrainingError, ZennasError
from zennas.searching.tasks import Failure
from zennas.train import evaluate

COMMAND = [sys.executable, "-m", "zennas.cli.main", "design"]


@pytest.mark.slow
def test_a_design_ends_with_a_network_within_budgets_and_its_weights(whole):
    out = whole.directory
    assert whole.finished
    assert len(whole.candidates) == 5
    assert {c.round for c in whole.candidates} == {1, 2}
    best = zennas.load(str(out / "best.yaml"))
    assert zennas.costs(best).params <= 20_000
    checked = evaluate(str(out / "best.yaml"), out / "best.safetensors")
    assert checked.top1 == whole.test_accuracy
    rows = table(out)
    assert [row["name"] for row in rows] == [c.plan.name for c in whole.candidates]
    assert {int(row["epochs"]) for row in rows} == {1, 2}
    finished = [c for c in whole.candidates if len(c.accuracies) == 2]
    assert whole.winner.accuracy == max(c.accuracy for c in finished)
    structures = [zennas.parse_structure(row["structure"]).super_blocks for row in rows]
    assert len(set(structures)) == len(structures)


@pytest.mark.slow
def test_the_test_images_are_looked_at_once(whole):
    for place in sorted((whole.directory / "candidates").iterdir()):
        assert "holdout: 0.1\n" in (place / "config.yaml").read_text()
    final = (whole.directory / "final" / "config.yaml").read_text()
    assert "evaluate: end\n" in final
    assert "holdout: 0.0\n" in final or "holdout: 0\n" in final
    assert sum(row["accuracy"] == row["accuracy"] for row in whole.final) == 1


class Killed(BaseException):
    """Stands for a process that ends before a file is in its place."""


@pytest.mark.slow
def test_a_design_that_is_killed_again_and_again_ends_as_one_that_is_not(whole, tmp_path, small, here, monkeypatch):
    out, kills, real = tmp_path / "cut", 0, os.replace

    def dying(left):
        def replace(source, target):
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            real(source, target)

        return replace

    while not (out / "best.yaml").exists():
        assert kills < 60
        # More files each time, so that every epoch is over at last.
        monkeypatch.setattr(os, "replace", dying(2 + kills))
        try:
            if (out / "config.yaml").exists():
                resume_design(out, threads=1)
            else:
                zennas.design(out=out, threads=1, **small)
        except Killed:
            kills += 1
    monkeypatch.setattr(os, "replace", real)
    assert kills > 5
    assert outcome(out) == outcome(whole.directory)
    assert resume_design(out, threads=1).finished
    assert outcome(out) == outcome(whole.directory)


@pytest.mark.slow
def test_a_killed_process_with_workers_is_resumed_exactly(whole, tmp_path, small):
    out = tmp_path / "cut"
    more = ["--workers", "2", "--threads", "1", "-q"]
    process = subprocess.Popen([*COMMAND, *options(small), "--out", str(out), *more], stdout=subprocess.DEVNULL)
    while process.poll() is None and not (out / "candidates" / "1-2" / "metrics.csv").exists():
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    resumed = subprocess.run([*COMMAND, "--resume", str(out), *more], capture_output=True, text=True, check=True)
    assert outcome(out) == outcome(whole.directory)
    assert f"{whole.test_accuracy:.2%} of the test images, which were looked at once" in resumed.stdout


def fail(names, monkeypatch):
    """Let the trainings of some candidates fail."""

    @contextmanager
    def failing(execution, run, chunk, cards):
        yield lambda tasks: [
            Failure("the loss is nan") if Path(task.directory).name in names else run(task) for task in tasks
        ]

    monkeypatch.setattr("zennas.designing.api.spread", failing)


@pytest.mark.slow
def test_candidates_that_cannot_be_trained_are_recorded_and_skipped(tmp_path, small, monkeypatch):
    fail({"1-1", "1-3"}, monkeypatch)
    result = zennas.design(out=tmp_path / "out", threads=1, **small)
    failed = {c.plan.name: c.failed for c in result.candidates if c.failed}
    assert failed == {"1-1": "the loss is nan", "1-3": "the loss is nan"}
    assert result.winner.plan.name not in failed
    assert [row["failed"] for row in table(tmp_path / "out")][:3] == ["the loss is nan", "", "the loss is nan"]
    assert "fewer than 3 candidates could be trained" in result.rounds[1].note


def test_a_round_in_which_all_fail_ends_the_design_in_one_line(tmp_path, small, monkeypatch):
    fail({"1-1", "1-2", "1-3"}, monkeypatch)
    with pytest.raises(TrainingError, match="no candidate of round 1 could be trained to its end; 1-1: the loss is"):
        zennas.design(out=tmp_path / "out", threads=1, **small)
    assert read_design(tmp_path / "out").best is None


def test_a_loss_that_is_no_number_and_memory_that_is_full_are_failures(tmp_path, tiny_task, monkeypatch):
    import torch

    from zennas.train.loop import Loop

    real = Loop._loss

    def poisoned(self, batch, number):
        batch.images.fill_(float("nan"))
        return real(self, batch, number)

    monkeypatch.setattr(Loop, "_loss", poisoned)
    assert run_training(tiny_task(tmp_path / "nan")) == Failure("epoch 1, step 1: the loss is nan")
    on_gpu = "not enough memory: CUDA out of memory; a smaller batch size needs less"
    errors = {MemoryError(): "not enough memory", torch.OutOfMemoryError("CUDA out of memory. Tried …"): on_gpu}
    for number, (error, said) in enumerate(errors.items()):

        def full(self, batch, step, error=error):
            raise error

        monkeypatch.setattr(Loop, "_loss", full)
        assert run_training(tiny_task(tmp_path / f"full-{number}")) == Failure(said)


@pytest.fixture
def tiny_task():
    def task(directory):
        settings = {"model": "SuperConvK3BNRELU(3,8,2,1)", "data": "digits", "resolution": 8, "epochs": 1}
        return TrainTask(str(directory), settings, 1, 1)

    return task


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"params": None}, "needs an upper bound"),
        ({"params": ["10k", "20k"]}, "one budget a quantity"),
        ({"candidates": 1}, "1 candidates are fewer than 2 rounds"),
        ({"data": "cifar10:nowhere"}, "nowhere: cifar10 is not here"),
        ({"data": "pictures"}, "data 'pictures' is not known"),
        ({"epochs": 0}, "epochs: Input should be greater than or equal to 1"),
        ({"space": "nothing"}, "nothing"),
        ({"score": "nothing"}, "nothing"),
        ({"lr": -1}, "lr: Input should be greater than 0"),
        ({"teacher": "timm:resnet18"}, "teacher"),
    ],
)
def test_wrong_settings_are_one_line_and_leave_nothing(tmp_path, small, changes, said):
    settings = {name: value for name, value in {**small, **changes}.items() if value is not None}
    with pytest.raises(ZennasError, match=said):
        zennas.design(out=tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_a_directory_that_holds_something_is_left_alone(tmp_path, small):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ZennasError, match="is not empty and holds no design"):
        zennas.design(out=tmp_path, **small)
    with pytest.raises(ZennasError, match="no design here"):
        resume_design(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
