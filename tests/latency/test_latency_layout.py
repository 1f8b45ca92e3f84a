"""Latencies by the layout of feature maps."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from devices import device_seconds, plain_predictor
from torch import nn
from typer.testing import CliRunner

import zennas
from zennas.cli.main import app
from zennas.errors import LatencyError, RunError
from zennas.latency.backends import prepared
from zennas.latency.collect import Plan
from zennas.latency.layout import faster_layout, fastest, measured_layouts
from zennas.latency.measure import Measurement, summary
from zennas.latency.predictor import read_predictor, write_predictor
from zennas.latency.progress import Work
from zennas.latency.records import read_records
from zennas.latency.setting import Setting, setting_from_json
from zennas.latency.space_measuring import measure_space
from zennas.layouts import LAYOUTS
from zennas.runs.run import resume_run, start_run
from zennas.searching.settings import SearchConfig, read_config
from zennas.spaces.space import search_space
from zennas.train.config import TrainConfig

SMALL = zennas.load("SuperConvK3BNRELU(3,8,2,1)SuperResIDWE2K3(8,8,2,8,1)")
SETTING = Setting(batch_size=1, resolution=32)


class Probe(nn.Module):
    """Notes the order of the images and of its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.seen: list[tuple[bool, bool]] = []

    def __deepcopy__(self, memo: object) -> "Probe":
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        order = torch.channels_last
        self.seen.append(
            (images.is_contiguous(memory_format=order), self.conv.weight.is_contiguous(memory_format=order))
        )
        return self.conv(images)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_and_weights_lie_in_the_settings_layout(layout: str) -> None:
    module = Probe()
    with prepared(module, (2, 3, 8, 8), replace(SETTING, layout=layout)) as run:
        run()
    assert module.seen == [(layout == "channels-last",) * 2]


def test_a_layout_that_there_is_not_is_refused() -> None:
    with pytest.raises(LatencyError, match="unknown layout 'rows'; allowed are channels-last, contiguous"):
        Setting(layout="rows")
    with pytest.raises(LatencyError, match="onnxruntime lays feature maps out as it likes"):
        Setting(backend="onnxruntime", layout="channels-last")


def test_the_layout_is_said_where_it_is_ours_to_choose() -> None:
    assert "contiguous" in str(SETTING)
    assert "channels-last" in str(replace(SETTING, layout="channels-last"))
    assert "contiguous" not in str(replace(SETTING, backend="onnxruntime"))


def test_files_from_before_there_were_layouts_are_contiguous(tmp_path: Path) -> None:
    write_predictor(plain_predictor(layout="channels-last"), tmp_path / "p.json")
    assert read_predictor(tmp_path / "p.json").setting.layout == "channels-last"
    document = json.loads((tmp_path / "p.json").read_text())
    del document["setting"]["layout"]
    (tmp_path / "p.json").write_text(json.dumps(document))
    assert read_predictor(tmp_path / "p.json").setting.layout == "contiguous"
    assert setting_from_json(document["setting"], "file").layout == "contiguous"


def test_training_and_latency_have_the_same_words() -> None:
    for layout in LAYOUTS:
        assert TrainConfig(model="m", layout=layout).layout == Setting(layout=layout).layout
        assert SearchConfig(params="1M", latency_layout=layout).latency_layout == layout


def _measurement(latency: float, layout: str) -> Measurement:
    return summary([latency], replace(SETTING, layout=layout))


def test_each_network_counts_as_much_as_any_other() -> None:
    def measured(last: float, contiguous: float) -> dict[str, Measurement]:
        return {
            "channels-last": _measurement(last, "channels-last"),
            "contiguous": _measurement(contiguous, "contiguous"),
        }

    # The sum would have it the other way round.
    networks = [measured(1.0, 2.0), measured(1.0, 2.0), measured(500.0, 400.0)]
    assert faster_layout(networks) == "channels-last"
    assert faster_layout([measured(1.0, 0.9)]) == "contiguous"
    assert faster_layout([]) is None
    assert fastest(measured(3.0, 2.0)).setting.layout == "contiguous"


class Device:
    """Takes `factor` times as long in channels-last as contiguous."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
        self.measured: list[str] = []

        def measure(architecture: zennas.Architecture, setting: Setting, *_: object, **__: object) -> Measurement:
            self.measured.append(setting.layout)
            seconds = device_seconds(architecture.super_blocks, 32, 10)
            return summary([seconds * (factor if setting.layout == "channels-last" else 1.0)], setting)

        for room in ("collect", "layout", "measure"):
            monkeypatch.setattr(f"zennas.latency.{room}.measure", measure)
        monkeypatch.setattr(
            "zennas.latency.collect.measure_module", lambda module, shape, setting, *_: summary([1], setting)
        )
        monkeypatch.setattr("zennas.latency.collect.reference_seconds", lambda *_: 1.0)


@pytest.mark.parametrize(("factor", "chosen"), [(0.5, "channels-last"), (2.0, "contiguous")])
def test_the_faster_layout_is_measured_in_and_kept(
    factor: float, chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(monkeypatch, factor)
    plan = Plan(samples=4, max_latency=1e-3, layout="auto")
    told: list[Work] = []
    space = search_space("resnet", 32)
    measured = measure_space(tmp_path / "m", SETTING, space, 10, plan, watch=told.append)
    tried = [work for work in told if work.phase == "layout"]
    assert 1 < len(tried) <= 5
    assert tried[-1].left == 0 or len(tried) < 5
    assert measured.header.setting.layout == chosen == read_records(tmp_path / "m").header.setting.layout
    assert set(device.measured[: 2 * len(tried)]) == set(LAYOUTS)
    assert set(device.measured[2 * len(tried) :]) == {chosen}
    # What is there is gone on with in its layout, whatever is the faster one by now.
    other = Device(monkeypatch, 1 / factor)
    measure_space(tmp_path / "m", SETTING, space, 10, replace(plan, samples=6))
    assert set(other.measured) == {chosen}
    asked = "contiguous" if chosen == "channels-last" else "channels-last"
    with pytest.raises(LatencyError, match="layout"):
        measure_space(tmp_path / "m", SETTING, space, 10, replace(plan, layout=asked))


def test_a_layout_that_is_asked_for_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, 5.0)
    plan = Plan(samples=3, max_latency=1e-3, layout="channels-last")
    measured = measure_space(tmp_path / "m", SETTING, search_space("resnet", 32), 10, plan)
    assert measured.header.setting.layout == "channels-last"
    assert set(device.measured) == {"channels-last"}
    other = replace(SETTING, backend="onnxruntime")
    assert set(measured_layouts(SMALL, other, 10)) == {"contiguous"}


def test_the_command_measures_both_layouts_and_takes_the_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    Device(monkeypatch, 0.5)
    command = ["latency", "SuperConvK3BNRELU(3,8,2,1)", "--resolution", "32", "--threads", "1"]
    shown = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert shown["layout"] == "channels-last"
    assert shown["latency"] == shown["layouts"]["channels-last"] == 0.5 * shown["layouts"]["contiguous"]
    text = CliRunner().invoke(app, command).stdout
    assert "32×32, channels-last" in text
    assert "contiguous: " in text
    shown = json.loads(CliRunner().invoke(app, [*command, "--json", "--layout", "contiguous"]).stdout)
    assert (shown["layout"], list(shown["layouts"])) == ("contiguous", ["contiguous"])


def test_a_run_records_the_layout_of_its_predictor(tmp_path: Path) -> None:
    write_predictor(plain_predictor(device_name="elsewhere", layout="channels-last"), tmp_path / "p.json")
    values = {"num_classes": 10, "latency": "8ms", "iterations": 128, "rescore": 0}
    values |= {"latency_predictor": str(tmp_path / "p.json")}
    for asked in ({}, {"latency_layout": "auto"}, {"latency_layout": "channels-last"}):
        run = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        result = start_run(SearchConfig(**values, **asked), run)  # type: ignore[arg-type]
        assert result.config.latency_layout == "channels-last" == read_config(run).latency_layout
    assert resume_run(run, {"latency_layout": "auto", "iterations": 192}).iterations == 192
    with pytest.raises(RunError, match="latency_layout cannot change on resume"):
        resume_run(run, {"latency_layout": "contiguous"})
    with pytest.raises(LatencyError, match="channels-last; asked for is layout contiguous"):
        start_run(SearchConfig(**values, latency_layout="contiguous"), None)  # type: ignore[arg-type]
