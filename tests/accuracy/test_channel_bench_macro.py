"""Channel-Bench-Macro's networks, and the file that does not say which of its two kinds it holds."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import zennas
from zennas.accuracy.channel_bench_macro import KINDS
from zennas.accuracy.networks import read_networks
from zennas.blocks import architecture_units
from zennas.errors import ArchitectureError, ZennasError

DATA = Path(__file__).parents[1] / "data"
SHARED = Path(__file__).parents[3] / "shared" / "data"
RESNET, MOBILENET = KINDS
EXCERPTS = {
    RESNET: DATA / "channel_bench_macro_resnet_excerpt.json",
    MOBILENET: DATA / "channel_bench_macro_mobilenet_excerpt.json",
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.block)
def test_the_kind_is_recognised_by_its_costs_and_said(kind: Any) -> None:
    known = read_networks(str(EXCERPTS[kind]))
    assert known.title == f"{kind.name} (40 networks, CIFAR-10)"
    rows = json.loads(EXCERPTS[kind].read_text())
    for network in known.networks:
        row = rows[network.name]
        assert (network.params, network.flops) == (row["params"], row["flops"])
        assert (network.accuracy, network.runs) == (row["mean_acc"], tuple(row["acc"]))
        assert network.network == kind.architecture(network.name)


@pytest.mark.parametrize(
    ("name", "count"), [("channel_bench_macro_resnet_half", 8192), ("channel_bench_macro_mobilenet_200", 200)]
)
def test_every_record_of_the_whole_files(name: str, count: int) -> None:
    path = SHARED / f"{name}.json"
    if not path.is_file():
        pytest.skip("Channel-Bench-Macro is not beside this checkout")
    # A record that counts otherwise would be refused.
    assert len(read_networks(str(path)).networks) == count


def test_links_are_where_shapes_match_and_no_projection_stands_in_for_them() -> None:
    links = [unit.shortcut for _, unit in architecture_units(RESNET.architecture("4432214"))]
    assert links == [None, "identity", "identity", None, "identity", "identity"]
    links = [unit.shortcut for _, unit in architecture_units(MOBILENET.architecture("4432214"))]
    assert links == [None, "identity", "identity", None, "identity", None]
    for kind in KINDS:
        architecture = kind.architecture("1234321")
        module = zennas.build(architecture, 10)
        assert sum(p.numel() for p in module.parameters()) == zennas.costs(architecture, 32, 10).params
        assert module(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("digits", ["123432", "12343211", "0123432", "123432x"])
def test_other_names_are_refused(digits: str) -> None:
    with pytest.raises(ArchitectureError, match="seven digits 1 to 4"):
        RESNET.architecture(digits)


def _file(tmp_path: Path, **changes: Any) -> str:
    rows = json.loads(EXCERPTS[RESNET].read_text())
    for row in list(rows.values())[changes.pop("first", 0) :]:
        for key, value in changes.items():
            row.pop(key) if value is None else row.update({key: value})
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(rows))
    return str(path)


def test_the_name_of_the_mean_in_the_original_file_is_read(tmp_path: Path) -> None:
    rows = json.loads(EXCERPTS[RESNET].read_text())
    path = tmp_path / "bench.json"
    path.write_text(
        json.dumps({name: {"mean": r["mean_acc"], **r} for name, r in rows.items()}).replace("mean_acc", "x")
    )
    assert [n.accuracy for n in read_networks(str(path)).networks] == [row["mean_acc"] for row in rows.values()]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"params": None}, "no params and flops, by which the two kinds"),
        ({"params": 5}, "of neither kind of Channel-Bench-Macro .*ResNet: params is 5, .*MobileNet: params is 5"),
        ({"first": 7, "flops": 5}, "flops is 5, but the network has"),
        ({"acc": [93.1, "x"]}, "acc must be a list of numbers"),
        ({"acc": [93.1, float("inf")]}, "accuracy of inf"),
        ({"mean_acc": "x"}, "mean_acc is missing or no number"),
    ],
)
def test_wrong_records_say_what_is_wrong(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ZennasError, match=reason):
        read_networks(_file(tmp_path, **changes))
