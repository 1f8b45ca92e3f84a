import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

import zennas
from zennas.architecture.model import SuperBlock
from zennas.errors import LatencyError, TooLargeError
from zennas.latency import collect as collect_room
from zennas.latency.collect import AGAIN_SHARE, Plan, collect
from zennas.latency.layers import TimedLayer
from zennas.latency.measure import summary
from zennas.latency.records import Corrected, Header, Measured, open_records, read_records, smoothed
from zennas.latency.setting import Setting

BLOCKS = zennas.load("SuperConvK3BNRELU(3,8,1,1)").super_blocks
HEADER = Header(Setting(batch_size=1, resolution=16), "resnet", 10, (1e5, 1e6), 3)
LAYER = TimedLayer("conv", 3, 8, 3, 1, 1, 16, "relu", False)


def test_measurements_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    records = open_records(path, HEADER)
    records.add_network(0, BLOCKS, 0.5, 1.0)
    records.add_layer(LAYER, 0.125)
    records.add_network(1, BLOCKS, None, 1.0)
    records.add_network(0, BLOCKS, 0.75, 1.0)
    read = read_records(path)
    assert read == records.measured
    assert read.visits == {0: [(0.5, 0), (0.75, 2)], 1: []}
    assert Corrected(read).numbers() == [0]
    assert Corrected(read).latency(0) == 0.625
    assert read.layers == {LAYER: (0.125, 0)}


def test_a_line_cut_off_by_a_crash_is_dropped_and_the_file_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    records = open_records(path, HEADER)
    records.add_network(0, BLOCKS, 0.5, 1.0)
    with path.open("a") as file:
        file.write('{"number": 1, "netw')
    again = open_records(path, HEADER)
    again.add_network(1, BLOCKS, 0.25, 1.0)
    assert read_records(path).visits == {0: [(0.5, 0)], 1: [(0.25, 1)]}


def test_a_file_of_a_torn_first_line_alone_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    open_records(path, HEADER)
    whole = path.read_text()
    for length in (0, 10, 45, len(whole) - 1):
        path.write_text(whole[:length])
        with pytest.raises(LatencyError, match="empty"):
            read_records(path)
        assert path.read_text() == whole[:length], "reading writes nothing"
        open_records(path, HEADER).add_network(0, BLOCKS, 0.5, 1.0)
        assert read_records(path).visits == {0: [(0.5, 0)]}
    path.write_text("somebody's notes, without an end of line")
    with pytest.raises(LatencyError, match=r"m\.jsonl"):
        open_records(path, HEADER)
    assert path.read_text() == "somebody's notes, without an end of line"


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "{}",
        '{"layer": ["conv", 3, 8, 3, 1, 1, 16, "relu", false], "latency": 1}',
        '{"layer": [1], "latency": 1}',
        "[]",
        '{"number": 1' + "0" * 400 + "}",
        '{"number": 1e999, "network": "SuperConvK3BNRELU(3,8,1,1)", "latency": null, "pace": 1}',
        "[" * 100_000,
    ],
)
def test_a_damaged_line_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    open_records(path, HEADER)
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(LatencyError, match="line 2: damaged"):
        read_records(path)


@pytest.mark.parametrize("kind", ["tube", 3, None])
def test_a_layer_that_is_none_is_refused(kind: object, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    records = open_records(path, HEADER)
    records.add_network(0, BLOCKS, 0.5, 1.0)
    records.add_layer(LAYER, 0.5)
    path.write_text(path.read_text().replace('["conv", 3', f"[{json.dumps(kind)}, 3"))
    with pytest.raises(LatencyError, match="line 3"):
        read_records(path)


@pytest.mark.parametrize("latency", [0, -1, "fast", float("nan")])
def test_what_is_no_time_is_refused(latency: object, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    records = open_records(path, HEADER)
    records.add_network(0, BLOCKS, 0.5, 1.0)
    text = path.read_text().replace('"latency": 0.5', f'"latency": {json.dumps(latency)}')
    path.write_text(text)
    with pytest.raises(LatencyError, match="line 2"):
        read_records(path)


def test_an_empty_or_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text("")
    with pytest.raises(LatencyError, match="empty"):
        read_records(path)
    path.write_text('{"format": "something else"}\n')
    with pytest.raises(LatencyError, match=r"m\.jsonl"):
        read_records(path)


def test_measurements_of_another_setting_are_refused_with_both_named(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    open_records(path, HEADER)
    other = Header(Setting(batch_size=8, resolution=16), "mobilenet", 10, (1e5, 1e6), 3)
    with pytest.raises(
        LatencyError, match=r"resnet space.*batch 1.*mobilenet space.*batch 8.*batch_size, space differ"
    ):
        open_records(path, other)


def test_a_slow_minute_is_corrected_by_the_reference() -> None:
    measured = Measured(HEADER)
    for number in range(40):
        slow = 1.0 if number < 20 else 2.0
        measured.add_network(number, BLOCKS, 0.1 * slow, 1e-3 * slow)
    measured.add_layer(LAYER, 0.02)
    corrected = Corrected(measured)
    assert corrected.latency(0) / corrected.latency(39) == pytest.approx(1.0)
    assert corrected.latency(0) == pytest.approx(0.1 * corrected.reference / 1e-3)
    assert corrected.layers[LAYER] == pytest.approx(0.01 * corrected.reference / 1e-3)


def test_a_reference_is_smoothed_over_as_many_before_as_after_it() -> None:
    assert smoothed([float(n) for n in range(40)])[8:32] == [float(n) for n in range(8, 32)]
    assert smoothed([1.0] * 8 + [9.0] + [1.0] * 8) == [1.0] * 17


@pytest.fixture
def measured_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Networks that were measured; the device takes a second for a thousand channels and holds two thousand."""
    seen: list[str] = []

    def fake(architecture: zennas.Architecture, setting: Setting, *_: object) -> object:
        width = architecture.super_blocks[0].out_channels
        seen.append(zennas.format_structure(architecture))
        if width > 2000:
            raise TooLargeError("out of memory")
        return summary([width / 1000], setting)

    monkeypatch.setattr(collect_room, "measure", fake)
    monkeypatch.setattr(collect_room, "measure_module", lambda module, shape, setting, *_: summary([1.0], setting))
    monkeypatch.setattr(collect_room, "reference_seconds", lambda *_: 1.0)
    return seen


def _sample(flops: tuple[float, float], number: int) -> tuple[SuperBlock, ...]:
    return (SuperBlock("Conv", 3, 3, max(8, int(flops[0] if flops[0] == flops[1] else number + 8))),)


def _collect(path: Path, samples: int, **plan: float) -> Measured:
    setting = Setting(batch_size=1, resolution=16)
    return collect(path, setting, "plain", 10, 8.0, _sample, Plan(samples, **plan))  # type: ignore[arg-type]


def test_the_range_ends_where_networks_are_slower_than_wanted(tmp_path: Path, measured_at: list[str]) -> None:
    assert _collect(tmp_path / "a", 1, max_latency=0.1).header.flops == (8, 128)
    assert _collect(tmp_path / "b", 1, max_latency=1e9).header.flops == (8, 2048)
    with pytest.raises(LatencyError, match="--max-latency"):
        _collect(tmp_path / "c", 1, max_latency=1e-6)


def test_a_stopped_collection_goes_on_and_measures_nothing_twice(tmp_path: Path, measured_at: list[str]) -> None:
    whole = _collect(tmp_path / "whole", 60)
    _collect(tmp_path / "parts", 7)
    measured_at.clear()
    parts = _collect(tmp_path / "parts", 60)
    assert parts.networks == whole.networks
    assert {n: len(v) for n, v in parts.visits.items()} == {n: len(v) for n, v in whole.visits.items()}
    # The first part has measured its seven networks, and its one held-out network twice.
    assert len(measured_at) == 53 + sum(n % 5 == 4 for n in range(7, 60))
    assert all(len(visits) == (2 if n % 5 == 4 else 1) for n, visits in whole.visits.items())


def test_the_least_are_measured_however_long_it_takes(tmp_path: Path, measured_at: list[str]) -> None:
    assert len(_collect(tmp_path / "short", 60, time_limit=0.0).networks) == 0
    assert len(_collect(tmp_path / "least", 60, time_limit=0.0, least=25).networks) == 25


def test_held_out_networks_are_measured_again_at_the_end(
    tmp_path: Path, measured_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _collect(tmp_path / "m", 1)
    measured_at.clear()
    clock = SimpleNamespace(perf_counter=lambda: float(len(measured_at)))
    monkeypatch.setattr(collect_room, "time", clock)
    limit = 100
    measured = _collect(tmp_path / "m", 2000, time_limit=limit)
    first = math.floor((1 - AGAIN_SHARE) * limit) + 1
    assert len(measured_at) == limit + 1
    assert len(set(measured_at[:first])) == first
    assert measured_at[first:] == measured_at[3:][::5][: limit + 1 - first]
    assert [n for n, visits in measured.visits.items() if len(visits) == 2] == list(
        range(4, 5 * (limit + 1 - first), 5)
    )


def test_a_network_that_is_too_large_is_kept_without_a_latency(
    tmp_path: Path, measured_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise TooLargeError("out of memory")

    path = tmp_path / "m"
    open_records(
        path, Header(collect_room.on_this_machine(Setting(batch_size=1, resolution=16)), "plain", 10, (8, 16), 0)
    )
    monkeypatch.setattr(collect_room, "measure", fail)
    measured = _collect(path, 3)
    assert measured.visits == {0: [], 1: [], 2: []}
    assert Corrected(read_records(path)).numbers() == []


def test_a_disk_that_is_full_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    records = open_records(path, HEADER)
    path.unlink()
    path.symlink_to("/dev/full")
    with pytest.raises(LatencyError, match="cannot be written: No space left on device"):
        records.add_layer(LAYER, 0.125)
