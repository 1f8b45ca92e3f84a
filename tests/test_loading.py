"""MODEL: names of libraries and of a user's own factories."""

import json
import sys
from pathlib import Path

import pytest
from torch import nn
from typer.testing import CliRunner

import zennas
from zennas.architecture import SuperBlock
from zennas.cli.main import app
from zennas.errors import ArchitectureError, ScoreError, UnknownNameError
from zennas.loading import load, load_network, scored_network

OWN = """
import torch.nn as nn
import zennas
from zennas.architecture import SuperBlock

def make():
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.GELU(), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Linear(4, 2))

def architecture():
    return zennas.load("zennet-cifar-0.5M")

def needs(argument):
    return argument

def text():
    return "text"

constant = 3
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_models.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("own_models", None)


@pytest.mark.parametrize("model", ["torchvision:resnet18", "timm:resnet18"])
def test_library_models_cost_no_memory(model: str) -> None:
    module = load_network(model)
    assert isinstance(module, nn.Module)
    assert all(p.is_meta for p in module.parameters())


def test_a_users_factory(own: None) -> None:
    network, resolution = scored_network("own_models:make", 16)
    assert [layer.in_channels for layer in network.chain] == [1]
    assert resolution == 16
    assert load("own_models:architecture") == zennas.load("zennet-cifar-0.5M")
    assert "." not in sys.path
    assert str(Path.cwd()) not in sys.path[:1]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("torchvision:resnet51", "did you mean .*resnet50"),
        ("timm:resnet_50", "did you mean"),
        ("own_models:mak", "did you mean make"),
        ("no_such_module_of_mine:make", "no module no_such_module_of_mine"),
    ],
)
def test_unknown_names(own: None, model: str, reason: str) -> None:
    with pytest.raises(UnknownNameError, match=reason):
        load_network(model)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("own_models:needs", "without arguments"),
        ("own_models:text", "made a str"),
        ("own_models:constant", "is int"),
    ],
)
def test_factories_of_something_else(own: None, model: str, reason: str) -> None:
    with pytest.raises(ArchitectureError, match=reason):
        load_network(model)


def test_a_module_needs_a_resolution_to_be_scored_and_blocks_to_be_an_architecture() -> None:
    with pytest.raises(ArchitectureError, match="--resolution"):
        scored_network("torchvision:resnet18", None)
    with pytest.raises(ArchitectureError, match="densenet121 cannot be imported"):
        load("torchvision:densenet121")
    assert load("torchvision:resnet18").super_blocks[0] == SuperBlock("Conv", 7, 3, 64, 2)


def test_score_explains(own: None) -> None:
    arguments = ["score", "own_models:make", "--resolution", "16", "--score", "meanfield", "--explain"]
    outcome = CliRunner().invoke(app, arguments)
    assert "GELU replaced by ReLU" in outcome.stdout
    document = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert document["changes"]
    assert document["score"] == pytest.approx(
        zennas.meanfield_score(scored_network("own_models:make", 16)[0].chain, 16).score
    )


def test_info_of_a_module(own: None) -> None:
    document = json.loads(
        CliRunner().invoke(app, ["info", "torchvision:resnet18", "--resolution", "224", "--json"]).stdout
    )
    assert document["params"] == 11_689_512
    assert document["convolutions"] == 20
    assert document["chain"] == "17 convolutions, 1 max pooling"


def test_score_refuses_by_name() -> None:
    outcome = CliRunner().invoke(app, ["score", "torchvision:densenet121", "--resolution", "64"])
    assert isinstance(outcome.exception, ScoreError)
    assert "torchvision:densenet121" in str(outcome.exception)
    assert "concatenation" in str(outcome.exception)
