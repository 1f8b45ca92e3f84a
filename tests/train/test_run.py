import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from zennas.errors import DeviceError, TrainingError, ZennasError
from zennas.train import evaluate, resume_training, train
from zennas.train.config import train_config
from zennas.train.loop import Loop


def metrics(directory):
    """Rows of `metrics.csv` without the speed, which is the machine's."""
    with open(directory / "metrics.csv") as file:
        return [{k: v for k, v in row.items() if k != "images_per_second"} for row in csv.DictReader(file)]


def weights_equal(one, other):
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


class Killed(BaseException):
    """Stands for a process that ends between two steps."""


def killer(epoch, step):
    def watch(progress):
        if (progress.epoch, progress.step) == (epoch, step) and progress.row is None:
            raise Killed

    return watch


def test_network_learns_digits_and_the_files_agree(tmp_path, tiny):
    out = tmp_path / "run"
    result = train(tiny, out, resolution=8, epochs=6, batch_size=32, mixup=0, erasing=0)
    assert result.best["accuracy"] > 0.6
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
    rows = metrics(out)
    assert [int(row["epoch"]) for row in rows] == list(range(1, 7))
    assert [float(row["accuracy"]) for row in rows] == [row["accuracy"] for row in result.history]
    checked = evaluate(str(out / "architecture.yaml"), out / "best.safetensors", resolution=8)
    assert checked.top1 == result.best["accuracy"]
    assert checked.top5 == result.best["top5"]


def test_seed_decides_the_run_whatever_the_number_of_workers(tmp_path, tiny, quick):
    quick["epochs"] = 1
    first = train(tiny, tmp_path / "a", **quick)
    random_state = torch.get_rng_state()
    second = train(tiny, tmp_path / "b", workers=1, **quick)
    other = train(tiny, tmp_path / "c", seed=1, **quick)
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    assert weights_equal(tmp_path / "a" / "last.safetensors", tmp_path / "b" / "last.safetensors")
    assert first.history[0]["train_loss"] != other.history[0]["train_loss"]
    assert second.history[0]["train_loss"] == first.history[0]["train_loss"]
    assert torch.equal(random_state, torch.get_rng_state())


@pytest.mark.parametrize(("epoch", "step"), [(1, 2), (2, 7), (3, 1)])
def test_interrupted_run_equals_uninterrupted_one_to_the_last_digit(tmp_path, tiny, quick, epoch, step):
    settings = {**quick, "ema": 0.9, "accumulate": 2, "checkpoint_steps": 3}
    train(tiny, tmp_path / "whole", **settings)
    with pytest.raises(Killed):
        train(tiny, tmp_path / "cut", watch=killer(epoch, step), **settings)
    resume_training(tmp_path / "cut")
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")
    assert weights_equal(tmp_path / "cut" / "last.safetensors", tmp_path / "whole" / "last.safetensors")
    assert weights_equal(tmp_path / "cut" / "best.safetensors", tmp_path / "whole" / "best.safetensors")


@pytest.mark.slow
def test_killed_process_is_resumed_exactly(tmp_path, tiny):
    options = [
        "--resolution",
        "8",
        "--batch-size",
        "32",
        "--epochs",
        "3",
        "--checkpoint-steps",
        "5",
        "--threads",
        "1",
        "-q",
    ]
    command = [sys.executable, "-m", "zennas.cli.main", "train"]
    subprocess.run([*command, tiny, *options, "--out", tmp_path / "whole"], check=True, capture_output=True)
    process = subprocess.Popen(
        [*command, tiny, *options, "--out", tmp_path / "cut"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and len(list((tmp_path / "cut" / "checkpoints").glob("step-*.pt"))) < 2:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    subprocess.run([*command, "--resume", tmp_path / "cut", "-q"], check=True, capture_output=True)
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")


def test_truncated_checkpoint_is_said_and_the_one_before_is_used(tmp_path, tiny, quick):
    train(tiny, tmp_path / "whole", **quick)
    with pytest.raises(Killed):
        train(tiny, tmp_path / "cut", watch=killer(3, 2), **quick)
    newest = max((tmp_path / "cut" / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-2000])
    result = resume_training(tmp_path / "cut")
    assert newest.name in result.notes[0]
    assert "truncated" in result.notes[0]
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")


DAMAGE = {
    "not a mapping": lambda state: [state],
    "weights in a list": lambda state: {**state, "network": list(state["network"].values())},
    "epoch as text": lambda state: {**state, "epoch": "2"},
    "momentum as text": lambda state: {
        **state,
        "optimizer": {**state["optimizer"], "state": {0: {"momentum_buffer": ""}}},
    },
    "history without accuracy": lambda state: {**state, "history": [{"epoch": 1}]},
    "rows that differ": lambda state: {**state, "history": [*state["history"], {"accuracy": 0.5}]},
    "sums of two": lambda state: {**state, "sums": state["sums"][:2]},
    "names as a text": lambda state: {**state, "bad": "name"},
    "a part is missing": lambda state: {key: value for key, value in state.items() if key != "projections"},
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_checkpoint_of_another_structure_leaves_the_one_before_it(tmp_path, tiny, damage):
    train(tiny, tmp_path, resolution=8, batch_size=700, epochs=2)
    newest = max((tmp_path / "checkpoints").iterdir())
    torch.save(DAMAGE[damage](torch.load(newest, weights_only=True)), newest)
    before = metrics(tmp_path)
    result = resume_training(tmp_path)
    assert result.notes == (f"{newest.name} is truncated or damaged; the checkpoint before it is used",)
    assert metrics(tmp_path) == before


@pytest.mark.parametrize(
    "place", ["version needed", "flags", "compression", "name"], ids=lambda place: place.replace(" ", "-")
)
def test_damage_in_the_archives_own_bytes_leaves_the_one_before_it(tmp_path, tiny, place):
    """Python's zipfile raises NotImplementedError and UnicodeDecodeError there."""
    train(tiny, tmp_path, resolution=8, batch_size=700, epochs=2)
    newest = max((tmp_path / "checkpoints").iterdir())
    content = bytearray(newest.read_bytes())
    entry = content.index(b"PK\x01\x02")
    offset, value = {"version needed": (6, 255), "flags": (8, 0x20), "compression": (10, 99), "name": (46, 0xFF)}[place]
    if place == "name":
        content[entry + 9] |= 0x08  # the name is said to be UTF-8
    content[entry + offset] = value
    newest.write_bytes(content)
    assert "damaged" in resume_training(tmp_path).notes[0]


def test_checkpoint_of_another_version_is_said(tmp_path, tiny, quick):
    train(tiny, tmp_path, **{**quick, "epochs": 1})
    newest = max((tmp_path / "checkpoints").iterdir())
    torch.save({**torch.load(newest, weights_only=True), "format": 2}, newest)
    with pytest.raises(TrainingError, match=r"format 2, this reads 1"):
        resume_training(tmp_path)


def test_checkpoint_of_another_network_is_said(tmp_path, tiny, quick):
    quick["epochs"] = 1
    train(tiny, tmp_path / "a", **quick)
    train("SuperConvK3BNRELU(3,4,2,1)", tmp_path / "b", **quick)
    own, other = (max((tmp_path / name / "checkpoints").iterdir()) for name in "ab")
    own.write_bytes(other.read_bytes())
    with pytest.raises(TrainingError, match="does not fit this run"):
        resume_training(tmp_path / "a")


def test_flipped_byte_is_noticed(tmp_path, tiny, quick):
    train(tiny, tmp_path / "run", **{**quick, "epochs": 1})
    newest = max((tmp_path / "run" / "checkpoints").iterdir())
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    with pytest.raises(TrainingError, match="no whole checkpoint"):
        resume_training(tmp_path / "run")


def test_run_killed_before_its_first_checkpoint_starts_anew(tmp_path, tiny, quick):
    quick["epochs"] = 1
    train(tiny, tmp_path / "whole", **quick)
    with pytest.raises(Killed):
        train(tiny, tmp_path / "cut", watch=killer(1, 2), **quick)
    resume_training(tmp_path / "cut")
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")


def test_loss_that_is_no_number_stops_and_keeps_what_was_good(tmp_path, tiny, quick, monkeypatch):
    real = Loop._loss

    def poisoned(self, batch, number):
        if self.epoch == 1:
            batch.images.fill_(float("nan"))
        return real(self, batch, number)

    monkeypatch.setattr(Loop, "_loss", poisoned)
    with pytest.raises(TrainingError, match=r"epoch 2, step 1: the loss is nan.*--lr"):
        train(tiny, tmp_path / "run", **quick)
    monkeypatch.undo()
    assert len(metrics(tmp_path / "run")) == 1
    kept = load_file(tmp_path / "run" / "last.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in kept.values())
    assert len(resume_training(tmp_path / "run").history) == quick["epochs"]


def test_full_disk_is_one_line_and_loses_nothing(tmp_path, tiny, quick, monkeypatch):
    full = []

    def no_room(handle):
        if full:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(ZennasError, match="No space left on device"):
        train(tiny, tmp_path / "run", watch=lambda p: full.append(1) if p.epoch == 2 else None, **quick)
    monkeypatch.undo()
    assert len(metrics(tmp_path / "run")) == 1
    assert not [path for path in (tmp_path / "run").rglob(".*") if path.is_file()]
    assert len(resume_training(tmp_path / "run").history) == quick["epochs"]


def test_run_is_not_overwritten(tmp_path, tiny, quick):
    (tmp_path / "config.yaml").write_text("model: x\n")
    with pytest.raises(TrainingError, match="--resume"):
        train(tiny, tmp_path, **quick)
    assert (tmp_path / "config.yaml").read_text() == "model: x\n"


def test_tensorboard_holds_the_metrics(tmp_path, tiny, quick):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    result = train(tiny, tmp_path / "run", tracker="tensorboard", **{**quick, "epochs": 2})
    events = next((tmp_path / "run").rglob("events.out*"))
    accumulator = accumulators.EventAccumulator(str(events.parent))
    accumulator.Reload()
    logged = [event.value for event in accumulator.Scalars("accuracy")]
    assert logged == pytest.approx([row["accuracy"] for row in result.history])


@pytest.mark.slow
def test_two_processes_share_a_run(tmp_path, tiny):
    environment = {**os.environ, "MASTER_PORT": "0", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run(
        [
            sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1",
            "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
            "-m", "zennas.cli.main", "train", tiny, "--resolution", "8", "--batch-size", "64", "--epochs", "2",
            "--out", tmp_path / "run", "-q",
        ],
        check=True, env=environment, capture_output=True,
    )  # fmt: skip
    rows = metrics(tmp_path / "run")
    assert len(rows) == 2
    # The test images are shared out and added up again, so that one process finds the same accuracy.
    alone = evaluate(str(tmp_path / "run" / "architecture.yaml"), tmp_path / "run" / "last.safetensors", resolution=8)
    assert alone.images == 360
    assert float(rows[-1]["accuracy"]) == pytest.approx(alone.top1)
    assert np.isclose(float(rows[-1]["loss"]), alone.loss, rtol=1e-5)


def test_network_of_torchvision_trains_in_the_same_loop(tmp_path, quick):
    result = train("torchvision:squeezenet1_1", tmp_path, **{**quick, "epochs": 1, "resolution": 32})
    assert np.isfinite(result.history[0]["loss"])


OWN = """
from torch import nn

def with_classes(num_classes):
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(8, num_classes))

def ten():
    return with_classes(10)

def hundred():
    return with_classes(100)

def dropping(num_classes):
    return nn.Sequential(*with_classes(num_classes)[:-1], nn.Dropout(0.5), nn.Linear(8, num_classes))

def grey():
    return nn.Conv2d(1, 8, 3)

once = with_classes(10)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_networks.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("own_networks", None)


def test_own_network_is_trained_resumed_and_evaluated(own, tmp_path, quick):
    with pytest.raises(Killed):
        train("own_networks:with_classes", tmp_path / "a", watch=killer(3, 1), **quick)
    resume_training(tmp_path / "a")
    whole = train("own_networks:with_classes", tmp_path / "b", **quick)
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    checked = evaluate("own_networks:with_classes", tmp_path / "b" / "best.safetensors", resolution=8)
    assert checked.top1 == whole.best["accuracy"]
    assert len(train("own_networks:ten", tmp_path / "c", **quick).history) == 3


def test_what_a_network_draws_follows_from_the_seed_whatever_interrupts(own, tmp_path, quick):
    with pytest.raises(Killed):
        train("own_networks:dropping", tmp_path / "a", watch=killer(2, 2), checkpoint_steps=1, **quick)
    torch.rand(7)
    resume_training(tmp_path / "a")
    train("own_networks:dropping", tmp_path / "b", **quick)
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    assert weights_equal(tmp_path / "a" / "last.safetensors", tmp_path / "b" / "last.safetensors")


def test_module_that_exists_once_is_not_trained_in_place(own, tmp_path, quick):
    first = train("own_networks:once", tmp_path / "a", **quick)
    second = train("own_networks:once", tmp_path / "b", **quick)
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    assert first.history[0]["loss"] == second.history[0]["loss"]


@pytest.mark.parametrize(("model", "reason"), [("hundred", "2×100, but 2×10"), ("grey", "cannot take images 3×8×8")])
def test_own_network_that_does_not_fit_is_refused(own, tmp_path, quick, model, reason):
    with pytest.raises(ZennasError, match=reason):
        train(f"own_networks:{model}", tmp_path / "a", **quick)
    assert not (tmp_path / "a").exists()


def test_a_gpu_is_taken_by_its_number(tmp_path, monkeypatch):
    from zennas.train import run

    monkeypatch.setattr(run, "checked_device", torch.device)
    for name in ("cuda:1", "cpu:0", "cpu"):
        assert run._accelerator(train_config({"model": "x", "device": name}), tmp_path).device == torch.device(name)
    with pytest.raises(DeviceError, match="'xpu': trainings run on cpu and cuda"):
        run._accelerator(train_config({"model": "x", "device": "xpu"}), tmp_path)


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_fp16_on_a_cpu_is_refused(tmp_path, tiny, device):
    with pytest.raises(ZennasError, match="precision fp16 trains on a GPU alone; use bf16 or fp32"):
        train(tiny, tmp_path / "run", precision="fp16", device=device)
    assert not (tmp_path / "run").exists()


def test_a_paused_run_that_was_not_evaluated_has_no_best_epoch(tmp_path, tiny, quick):
    paused = train(tiny, tmp_path / "run", evaluate="end", until=1, **quick)
    with pytest.raises(TrainingError, match="no epoch was evaluated yet"):
        _ = paused.best


@pytest.mark.parametrize(
    ("model", "said"),
    [("torchvision:alexnet", "cannot take images 3×32"), ("torchvision:googlenet", "while it is trained")],
)
def test_a_library_model_that_does_not_take_the_images_is_refused(tmp_path, model, said):
    with pytest.raises(ZennasError, match=said):
        train(model, tmp_path / "run", resolution=32, epochs=1)
    assert not (tmp_path / "run").exists()
