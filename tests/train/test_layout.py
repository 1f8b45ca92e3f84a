"""Channels last and contiguous: the same network, the same run, resumed exactly in either."""

import copy
import csv
import os
import subprocess
import sys

import pytest
import torch
import yaml
from torch import nn

import zennas
from zennas.train import evaluate, resume_training, train
from zennas.train.config import read_train_config
from zennas.train.layout import MEMORY_FORMATS, faster_layout

CPU = torch.device("cpu")
FORMER_LOSSES = [2.301212202418934, 2.291150548241355]
BLOCKS = (
    "SuperConvK3BNRELU(3,8,2,1)SuperResK1K5K1(8,16,1,8,2)",
    "SuperConvK3BNRELU(3,8,2,1)SuperResIDWE2K5(8,16,2,16,2)",
    "SuperConvK3BNRELU(3,8,1,1)GBtn[k3,g8](8,24,2,16,2)SuperConvK1BNRELU(24,32,1,1)",
)


class Killed(BaseException):
    """Stands for a process that ends between two steps."""


def rows(directory):
    with open(directory / "metrics.csv") as file:
        return [{k: float(v) for k, v in row.items() if k != "images_per_second"} for row in csv.DictReader(file)]


@pytest.mark.parametrize("structure", BLOCKS)
def test_logits_and_gradients_are_the_same_in_both_layouts(structure):
    torch.manual_seed(0)
    network = zennas.build(zennas.load(structure), 10)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
    images, labels = torch.randn(16, 3, 16, 16), torch.arange(16) % 10
    found = []
    for memory_format in MEMORY_FORMATS.values():
        own = copy.deepcopy(network).to(memory_format=memory_format)
        logits = own(images.contiguous(memory_format=memory_format))
        nn.functional.cross_entropy(logits, labels).backward()
        found.append((logits.detach(), [p.grad for p in own.parameters()]))
    (logits, gradients), (others, theirs) = found
    assert torch.allclose(logits, others, rtol=1e-4, atol=1e-6)
    for one, other in zip(gradients, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max() + 1e-3))


class Views(nn.Module):
    """Flattens its map by `view`, which only takes contiguous ones."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, 2, 1)
        self.classifier = nn.Linear(4 * 16, 10)

    def forward(self, images):
        return self.classifier(self.convolution(images).view(len(images), -1))


def test_a_teacher_that_takes_contiguous_maps_alone_decides_for_both(tmp_path, monkeypatch, tiny, quick):
    torch.save(Views().state_dict(), tmp_path / "teacher.pt")
    (tmp_path / "flat_teacher.py").write_text("from tests.train.test_layout import Views\n\n\nnetwork = Views\n")
    monkeypatch.syspath_prepend(tmp_path)
    taught = {**quick, "epochs": 1, "teacher": "flat_teacher:network", "teacher_weights": tmp_path / "teacher.pt"}
    train(tiny, tmp_path / "run", **taught)
    assert read_train_config(tmp_path / "run").layout == "contiguous"


def test_rule_is_channels_last_for_what_can_take_it(monkeypatch):
    ours, views = zennas.build(zennas.load(BLOCKS[0]), 10), Views()
    assert faster_layout(ours, CPU, "fp32", 8) == "channels-last"
    assert faster_layout(views, CPU, "fp32", 8) == "contiguous"
    assert views.training
    assert faster_layout(nn.Sequential(nn.Flatten(), nn.Linear(192, 10)), CPU, "fp32", 8) == "contiguous"
    # The rule asks nothing of the device itself.
    assert faster_layout(ours, torch.device("cuda"), "bf16", 8) == "channels-last"
    assert faster_layout(ours, torch.device("cuda"), "fp32", 8) == "contiguous"
    assert faster_layout(ours, torch.device("mps"), "fp16", 8) == "contiguous"
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert faster_layout(ours, CPU, "fp32", 8) == "contiguous"


@pytest.mark.parametrize("layout", ["channels-last", "contiguous"])
def test_interrupted_run_goes_on_exactly_in_its_layout(tmp_path, tiny, quick, layout):
    settings = {**quick, "epochs": 2, "ema": 0.9, "checkpoint_steps": 3, "layout": layout}
    train(tiny, tmp_path / "whole", **settings)

    def killer(progress):
        if (progress.epoch, progress.step) == (2, 5):
            raise Killed

    with pytest.raises(Killed):
        train(tiny, tmp_path / "cut", watch=killer, **settings)
    resume_training(tmp_path / "cut")
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")


def test_layout_that_was_chosen_is_kept_in_the_run(tmp_path, tiny, quick):
    train(tiny, tmp_path, **{**quick, "epochs": 1})
    assert read_train_config(tmp_path).layout == "channels-last"


def test_state_of_one_layout_is_taken_in_the_other(tmp_path, tiny, quick):
    """Weights and momentum are put in the order of the run that takes them."""
    settings = {**quick, "epochs": 2, "momentum": 0.9}
    whole = train(tiny, tmp_path / "whole", **settings, layout="contiguous")

    def killer(progress):
        if progress.epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        train(tiny, tmp_path / "cut", watch=killer, **settings, layout="channels-last")
    path = tmp_path / "cut" / "config.yaml"
    path.write_text(path.read_text().replace("layout: channels-last", "layout: contiguous"))
    result = resume_training(tmp_path / "cut")
    assert result.history[-1]["train_loss"] == pytest.approx(whole.history[-1]["train_loss"], rel=1e-3)


def test_run_that_names_no_version_goes_on_as_it_began(tmp_path, tiny, quick):
    """The numbers are those of zennas 0.2.0, which wrote neither setting."""
    settings = {**quick, "epochs": 2, "checkpoint_steps": 3, "loop_version": 1, "layout": "contiguous"}
    whole = train(tiny, tmp_path / "whole", **settings)
    assert [row["train_loss"] for row in whole.history] == pytest.approx(FORMER_LOSSES, rel=1e-5)

    def killer(progress):
        if (progress.epoch, progress.step) == (2, 5):
            raise Killed

    with pytest.raises(Killed):
        train(tiny, tmp_path / "cut", watch=killer, **settings)
    path = tmp_path / "cut" / "config.yaml"
    document = yaml.safe_load(path.read_text())
    for name in ("loop_version", "layout", "compile"):
        del document[name]
    path.write_text(yaml.safe_dump(document))
    resume_training(tmp_path / "cut")
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    present = train(tiny, tmp_path / "present", **{**settings, "loop_version": 2})
    assert present.history[0]["train_loss"] != whole.history[0]["train_loss"]


@pytest.mark.slow
def test_compiled_network_learns_the_same(tmp_path, quick):
    structure = "SuperConvK3BNRELU(3,8,2,1)"
    settings = {**quick, "epochs": 1, "batch_size": 700}
    plain = train(structure, tmp_path / "plain", **settings)
    compiled = train(structure, tmp_path / "compiled", **settings, compile=True)
    assert compiled.history[0]["train_loss"] == pytest.approx(plain.history[0]["train_loss"], rel=1e-3)
    checked = evaluate(structure, tmp_path / "compiled" / "last.safetensors", resolution=8)
    assert checked.top1 == compiled.history[0]["accuracy"]


@pytest.mark.slow
def test_network_that_cannot_be_compiled_is_refused_in_one_line(tmp_path):
    environment = {**os.environ, "CXX": "no-such-compiler", "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}
    command = [sys.executable, "-m", "zennas", "train", "SuperConvK3BNRELU(3,8,2,1)", "--resolution", "8", "--compile"]
    done = subprocess.run([*command, "-q", "--out", tmp_path], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "without --compile" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
