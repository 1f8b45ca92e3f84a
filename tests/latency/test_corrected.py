"""Searching again within what measured winners correct, on a device of known bias and noise; no time is taken."""

import json
import math
import signal
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from devices import plain_predictor

import zennas
from zennas.architecture.structure import format_structure
from zennas.errors import TooLargeError
from zennas.latency.measure import summary
from zennas.latency.predictor import write_predictor
from zennas.latency.setting import Setting
from zennas.latency.winner import VISITS
from zennas.report.payload import run_payload
from zennas.runs.carrying_out import Progress, RunContext
from zennas.runs.corrected import MOST_AGAIN
from zennas.runs.events import LOG
from zennas.runs.listing import list_runs
from zennas.runs.reading import read_run
from zennas.runs.result import SearchResult
from zennas.runs.run import resume_run, start_run
from zennas.runs.salvage import salvage_run
from zennas.searching.settings import SearchConfig

BUDGET = 8e-3
ERROR = 0.05
ITERATIONS = 1600
MODEL = plain_predictor()


def noise(blocks: object, share: float) -> float:
    """A factor that is a network's own, within that share of 1."""
    number = zlib.crc32(format_structure(blocks).encode())  # type: ignore[arg-type]
    return 1 + share * (2 * (number % 1000) / 999 - 1)


class Device:
    """Takes `bias` of a network's prediction times that prediction, with noise; counts what it measures."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, bias: Callable[[float], float], share: float = 0.02) -> None:
        self.measured: list[object] = []

        def measure(architecture: zennas.Architecture, setting: Setting, *_: object, **__: object) -> object:
            blocks = architecture.super_blocks
            self.measured.append(blocks)
            predicted = MODEL.predict(blocks)
            factor = bias(predicted) * noise(blocks, share)
            if factor == math.inf:
                raise TooLargeError("out of memory")
            return summary([factor * predicted], setting)

        monkeypatch.setattr("zennas.latency.measure.measure", measure)
        monkeypatch.setattr("zennas.latency.drift.reference_seconds", lambda *_: 1e-3)
        monkeypatch.setattr("zennas.latency.winner.on_this_machine", lambda setting: setting)

    @property
    def networks(self) -> int:
        return len(dict.fromkeys(self.measured))


@pytest.fixture
def predictor_file(tmp_path: Path) -> str:
    report = {"models": {"convolutions": {"median": ERROR}}, "noise": {"median": 0.03}}
    write_predictor(replace(MODEL, report=report), tmp_path / "p.json")
    return str(tmp_path / "p.json")


def config(predictor_file: str, **settings: object) -> SearchConfig:
    values = {"num_classes": 10, "latency": "8ms", "iterations": ITERATIONS, "rescore": 0, **settings}
    return SearchConfig(latency_predictor=predictor_file, **values)  # type: ignore[arg-type]


def same(one: SearchResult, other: SearchResult) -> bool:
    return (
        [(c.super_blocks, c.iteration, c.parent) for c in one.candidates()]
        == [(c.super_blocks, c.iteration, c.parent) for c in other.candidates()]
        and [(w.candidate.id, w.measured_latency, w.costs) for w in one.winners]
        == [(w.candidate.id, w.measured_latency, w.costs) for w in other.winners]
        and list(one.notes) == list(other.notes)
        and one.latency_rounds == other.latency_rounds
    )


def test_a_good_prediction_takes_one_search_and_one_network(
    predictor_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(monkeypatch, lambda _: 0.97)
    result = start_run(config(predictor_file), None)
    assert (device.networks, len(device.measured)) == (1, VISITS)
    assert result.iterations == ITERATIONS
    assert [(r.iteration, r.until) for r in result.latency_rounds] == [(ITERATIONS, None)]
    assert result.latency_correction(result.best) == {"searches": 1, "factor": 1.0}
    assert not any("again" in note for note in result.notes)


@pytest.mark.parametrize("factor", [1.46, 0.7])
def test_a_biased_prediction_is_corrected_and_searched_within(
    factor: float, predictor_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(monkeypatch, lambda _: factor)
    result = start_run(config(predictor_file), None)
    measured, predicted = result.best.measured_latency, result.costs.latency
    assert measured is not None
    assert predicted is not None
    assert 0.75 * BUDGET < measured <= BUDGET
    assert abs(predicted / measured - 1) <= ERROR
    correction = result.latency_correction(result.best)
    assert correction is not None
    assert correction["searches"] in (2, 3)
    assert correction["factor"] == pytest.approx(factor, rel=0.03)
    assert device.networks <= 3 * correction["searches"]
    assert result.iterations == ITERATIONS + (correction["searches"] - 1) * ITERATIONS
    # Predictions are kept as they were made.
    for candidate in result.candidates():
        assert candidate.costs.latency == pytest.approx(MODEL.predict(candidate.super_blocks), rel=1e-4)


def test_the_second_search_finds_better_than_what_the_first_has_left(
    predictor_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Device(monkeypatch, lambda _: 1.46, 0.0)
    corrected = start_run(config(predictor_file), None)
    first = [c for c in corrected.candidates() if c.iteration <= ITERATIONS]
    left = max(c.score for c in first if 1.46 * (c.costs.latency or 0) <= BUDGET)
    assert corrected.score > left


def test_a_bias_that_grows_with_the_latency_is_followed(predictor_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Device(monkeypatch, lambda predicted: 1.6 * (predicted / BUDGET) ** 0.5)
    result = start_run(config(predictor_file), None)
    assert result.best.measured_latency is not None
    assert 0.7 * BUDGET < result.best.measured_latency <= BUDGET


def test_a_search_begins_anew_where_no_candidate_meets_the_corrected_budget(
    predictor_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By such a bias no candidate of the first search meets the budget.
    bias = 1.01 * BUDGET / min(c.costs.latency or 1.0 for c in start_run(config(predictor_file), None).candidates())
    Device(monkeypatch, lambda _: bias, 0.0)
    result = start_run(config(predictor_file), tmp_path / "run")
    founders = [c for c in result.candidates() if c.parent < 0]
    assert [c.iteration for c in founders][:2] == [0, ITERATIONS]
    assert result.best.measured_latency is not None
    assert result.best.measured_latency <= BUDGET
    assert same(result, resume_run(tmp_path / "run"))
    assert same(result, read_run(tmp_path / "run"))


def test_a_budget_that_nothing_meets_is_not_searched_for(predictor_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Device(monkeypatch, lambda _: 5000.0, 0.0)
    result = start_run(config(predictor_file), None)
    assert [r.until for r in result.latency_rounds] == [None]
    assert any("so do all" in note for note in result.notes)


def test_searches_are_bounded_where_no_correction_helps(predictor_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Device(monkeypatch, lambda predicted: BUDGET * 1.01 / predicted, 0.0)  # every network takes the same
    result = start_run(config(predictor_file), None)
    assert len(result.latency_rounds) <= 1 + MOST_AGAIN
    assert result.iterations <= ITERATIONS + MOST_AGAIN * ITERATIONS
    assert any("so do all" in note for note in result.notes)


def test_where_nothing_fits_the_memory_nothing_is_learned(predictor_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    device: Device
    device = Device(monkeypatch, lambda _: math.inf if device.networks == 1 else 0.95)
    result = start_run(config(predictor_file), None)
    assert result.best.measured_latency is not None
    assert result.best.measured_latency <= BUDGET
    assert result.latency_rounds[0].checks[0].measured is None


def test_each_budget_of_a_frontier_is_corrected_on_its_own(
    predictor_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(monkeypatch, lambda predicted: 1.5 if predicted > 5e-3 else 0.98)
    result = start_run(config(predictor_file, latency=["3ms", "12ms"]), None)
    small, large = result.winners
    assert result.latency_correction(small) == {"searches": 1, "factor": 1.0}
    correction = result.latency_correction(large)
    assert correction is not None
    assert correction["factor"] == pytest.approx(1.5, rel=0.03)
    for winner, budget in ((small, 3e-3), (large, 12e-3)):
        assert winner.measured_latency is not None
        assert 0.5 * budget < winner.measured_latency <= budget
        assert winner.budgets[-1].high == budget
    assert len(device.measured) == VISITS * device.networks


@pytest.mark.parametrize("algorithm", ["local", "regularized", "random"])
def test_every_algorithm_searches_again(algorithm: str, predictor_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Device(monkeypatch, lambda _: 1.3)
    result = start_run(config(predictor_file, algorithm=algorithm), None)
    assert result.iterations > ITERATIONS
    assert result.best.measured_latency is not None
    assert result.best.measured_latency <= BUDGET


def _stopping(when: Callable[[Progress], bool]) -> RunContext:
    asked: list[Progress] = []

    def watch(progress: Progress) -> None:
        if not asked and when(progress):
            asked.append(progress)
            signal.raise_signal(signal.SIGINT)

    return RunContext(watch=watch)


@pytest.mark.parametrize(
    "when",
    [
        lambda p: p.phase == "measure" and p.done == 1,
        lambda p: p.phase == "measure" and p.done == VISITS,
        lambda p: p.phase == "measure" and p.done == VISITS + 1,
        lambda p: p.phase == "search" and p.done > ITERATIONS,
        lambda p: p.phase == "search" and p.done >= ITERATIONS + ITERATIONS // 4,
    ],
)
def test_a_run_that_is_stopped_anywhere_ends_as_if_it_had_not_been(
    when: Callable[[Progress], bool], predictor_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(monkeypatch, lambda _: 1.46)
    whole = start_run(config(predictor_file), tmp_path / "whole")
    before = len(device.measured)
    device.measured.clear()
    stopped = start_run(config(predictor_file), tmp_path / "run", _stopping(when))
    assert stopped.status == "interrupted"
    resumed = resume_run(tmp_path / "run")
    assert resumed.status == "finished"
    assert same(whole, resumed)
    # Of a network that was being measured the visits were begun anew; nothing else was measured twice.
    assert len(device.measured) - before < VISITS


def test_what_was_measured_is_read_and_not_measured_again(
    predictor_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Device(monkeypatch, lambda _: 1.46)
    # So few iterations that more of them find a better network.
    result = start_run(config(predictor_file, iterations=ITERATIONS // 8), tmp_path / "run")
    device = Device(monkeypatch, lambda _: 100.0)
    assert same(result, resume_run(tmp_path / "run"))
    assert device.measured == []
    # Gone on with, it is measured anew where the winner is another.
    longer = resume_run(tmp_path / "run", {"iterations": 4 * ITERATIONS})
    assert longer.iterations >= 4 * ITERATIONS
    assert device.measured


def test_a_run_that_met_nothing_can_be_lengthened(
    predictor_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Device(monkeypatch, lambda predicted: BUDGET * 1.01 / predicted, 0.0)
    result = start_run(config(predictor_file, iterations=320), tmp_path / "run")
    assert not result.latency_rounds[-1].checks[0].accepted
    Device(monkeypatch, lambda _: 0.98)
    planned = result.iterations + 640
    longer = resume_run(tmp_path / "run", {"iterations": planned})
    assert longer.iterations >= planned
    assert longer.latency_rounds[: len(result.latency_rounds)] == result.latency_rounds
    assert longer.best.measured_latency is not None
    assert longer.best.measured_latency <= BUDGET


def test_what_is_said_is_the_same_everywhere(
    predictor_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Device(monkeypatch, lambda _: 1.46)
    result = start_run(config(predictor_file), tmp_path / "run")
    correction = result.latency_correction(result.best)
    assert correction is not None
    assert correction["searches"] > 1
    times = {2: "once", 3: "2 times"}[correction["searches"]]
    said = [note for note in result.notes if f"searched again {times} with corrected predictions" in note]
    assert len(said) == 1
    assert f"multiplied by {correction['factor']:.3f}" in said[0]
    found = read_run(tmp_path / "run")
    assert same(result, found)
    payload = run_payload(found)
    assert payload["latency_corrections"] == [correction]
    assert said[0] in payload["notes"]
    written = yaml.safe_load((tmp_path / "run" / "best.yaml").read_text())
    assert written["latency_correction"] == correction
    assert written["measured_latency"] == result.best.measured_latency
    assert written["costs"]["latency"] == pytest.approx(
        correction["factor"] * MODEL.predict(result.architecture.super_blocks), rel=1e-4
    )
    assert zennas.load(str(tmp_path / "run" / "best.yaml")).super_blocks == result.architecture.super_blocks
    events = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert events[-1]["latency_correction"] == correction
    assert sum(event["event"] == "search again" for event in events) == correction["searches"] - 1
    (listed,) = list_runs(tmp_path / "run")
    assert listed.iteration == listed.iterations == result.iterations


def test_a_damaged_run_is_saved_with_its_corrections(
    predictor_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Device(monkeypatch, lambda _: 1.46)
    result = start_run(config(predictor_file), tmp_path / "run")
    salvage_run(tmp_path / "run", tmp_path / "saved")
    device = Device(monkeypatch, lambda _: 100.0)
    saved = resume_run(tmp_path / "saved")
    assert saved.architecture.super_blocks == result.architecture.super_blocks
    assert saved.latency_rounds == result.latency_rounds
    assert device.measured == []


def test_patience_counts_from_where_a_search_begins_again(
    predictor_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Device(monkeypatch, lambda _: 1.46)
    result = start_run(config(predictor_file, patience=256, iterations=6400), None)
    first, *rest = result.latency_rounds
    assert rest
    assert rest[0].iteration - first.iteration >= 256


def test_after_its_time_limit_a_search_is_not_begun_again(predictor_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Device(monkeypatch, lambda _: 1.46)
    result = start_run(config(predictor_file, time_limit=1e-9), None)
    assert result.status == "time limit"
    assert [r.until for r in result.latency_rounds] == [None]
