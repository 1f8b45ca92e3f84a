"""The networks of pytorchcv: what its list says of them, and what cannot be scored."""

import sys
from pathlib import Path

import pytest
from torch import nn

from zennas.accuracy.networks import read_networks
from zennas.accuracy.study import study
from zennas.errors import MissingExtraError, UnknownNameError, ZennasError

LIST = """model_name,net_weights,error_value,checksum,test_dataset,remark
plain8_cifar10,1,0800,x,cf,NA
plain16_cifar10,1,0612,x,cf,NA
plain32_cifar10,1,0507,x,cf,NA
taken_cifar10,1,0450,x,cf,[somebody]
broken_cifar10,1,0400,x,cf,NA
bare_cifar10,1,0400,x,cf,NA
untrained_cifar10,1,NA,x,cf,NA
plain8_cifar100,1,3000,x,cf,NA
plain8,1,1000,x,in1k,NA
"""
PROVIDER = """
from tests.accuracy.test_pytorchcv import network

def get_model(name):
    return network(name)
"""


def network(name: str) -> nn.Module:
    """A chain of the width in its name."""
    if name.startswith("broken"):
        raise NotImplementedError("no such network")
    width = int(name.split("_")[0].removeprefix("plain")) if name.startswith("plain") else 24
    norm = nn.Identity() if name.startswith("bare") else nn.BatchNorm2d(width)
    module = nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1, bias=False), norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(width, 10),
    )  # fmt: skip
    module.in_size, module.num_classes = (32, 32), 10
    return module


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of that name with a list of its own, in place of one that is installed."""
    for name in [n for n in sys.modules if n.split(".")[0] == "pytorchcv"]:
        monkeypatch.delitem(sys.modules, name)
    table = tmp_path / "pytorchcv" / "models" / "common" / "model_metainfos.csv"
    table.parent.mkdir(parents=True)
    table.write_text(LIST)
    (tmp_path / "pytorchcv" / "__init__.py").write_text("")
    (tmp_path / "pytorchcv" / "model_provider.py").write_text(PROVIDER)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield table
    for name in [n for n in sys.modules if n.split(".")[0] == "pytorchcv"]:
        del sys.modules[name]


def test_the_networks_of_one_data_set_with_the_accuracies_of_the_list(library: Path) -> None:
    known = read_networks("pytorchcv:cifar10")
    assert [(n.name, n.accuracy, n.recipe, n.resolution) for n in known.networks] == [
        ("plain8_cifar10", 92.0, "pytorchcv", 32),
        ("plain16_cifar10", 100 - 6.12, "pytorchcv", 32),
        ("plain32_cifar10", 100 - 5.07, "pytorchcv", 32),
        ("taken_cifar10", 95.5, "[somebody]", 32),
    ]
    assert known.networks[0].params == 3 * 8 * 9 + 2 * 8 + 8 * 10 + 10
    assert len(known.left_out) == 2
    assert "broken_cifar10: cannot be built without weights" in known.left_out[0]
    assert "no batch norm" in known.left_out[1]
    result = study(known, ["zen-weighted", "params"])
    assert result.recipes == (("pytorchcv", 3),)
    assert result.rankings[0].spearman == 1
    assert "recipe [somebody]: fewer than three networks" in result.left_out[-1]
    assert [n.accuracy for n in read_networks("pytorchcv:imagenet").networks] == [90.0]


def test_what_is_wrong_is_said(library: Path) -> None:
    with pytest.raises(UnknownNameError, match="data set of pytorchcv 'cifar11'; did you mean cifar10"):
        read_networks("pytorchcv:cifar11")
    with pytest.raises(ZennasError, match="pytorchcv:svhn: no network of it can be scored"):
        read_networks("pytorchcv:svhn")
    library.write_text("model_name,error_value\n" + "x,1\n")
    with pytest.raises(ZennasError, match="has no columns remark, test_dataset"):
        read_networks("pytorchcv:cifar10")
    library.unlink()
    with pytest.raises(ZennasError, match=r"no models/common/model_metainfos\.csv"):
        read_networks("pytorchcv:cifar10")


def test_the_extra_is_named_where_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytorchcv", None)
    with pytest.raises(MissingExtraError, match=r"zennas\[pytorchcv\]"):
        read_networks("pytorchcv:cifar10")
