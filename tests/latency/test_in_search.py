"""A latency budget in a search."""

import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from devices import RATE, device_seconds, plain_model, plain_predictor

import zennas
from zennas.counting import count_super_blocks
from zennas.errors import BudgetError, LatencyError, TooLargeError, ZennasError
from zennas.latency import in_search
from zennas.latency.collect import Plan
from zennas.latency.measure import summary
from zennas.latency.predictor import write_predictor
from zennas.latency.progress import Work
from zennas.latency.sampling import sample_network, smallest_flops
from zennas.latency.setting import Setting
from zennas.latency.space_measuring import measure_space
from zennas.runs.carrying_out import Progress, RunContext
from zennas.runs.run import resume_run, start_run
from zennas.runs.store import RunStore
from zennas.scores.weighted import weighted_score
from zennas.searching.settings import SearchConfig
from zennas.spaces.space import search_space

BUDGET = 8e-3


@pytest.fixture
def predictor_file(tmp_path: Path) -> str:
    write_predictor(plain_predictor(device_name="elsewhere"), tmp_path / "p.json")
    return str(tmp_path / "p.json")


def _config(predictor_file: str, **settings: object) -> SearchConfig:
    values = {"num_classes": 10, "latency": "8ms", "iterations": 2000, "rescore": 0, **settings}
    return SearchConfig(latency_predictor=predictor_file, **values)  # type: ignore[arg-type]


def test_every_candidate_meets_the_predicted_budget_and_the_best_uses_it(predictor_file: str, tmp_path: Path) -> None:
    result = start_run(_config(predictor_file), tmp_path / "run")
    model = plain_predictor()
    candidates = result.candidates()
    assert len(candidates) > 100
    for candidate in candidates:
        assert candidate.costs.latency == pytest.approx(model.predict(candidate.super_blocks), rel=1e-5)
        assert candidate.costs.latency <= BUDGET
    assert result.costs.latency is not None
    assert result.costs.latency > 0.8 * BUDGET
    assert any("predicted, not measured" in note for note in result.notes)
    written = yaml.safe_load((tmp_path / "run" / "best.yaml").read_text())
    assert written["costs"]["latency"] == result.costs.latency
    assert written["budgets"] == ["latency ≤ 8ms"]


def test_the_predictor_changes_what_is_counted_and_nothing_else(predictor_file: str) -> None:
    free = start_run(_config(predictor_file, latency="1h", params="1G", algorithm="evolution"), None)
    # Nothing is fitted to budgets of which one is predicted.
    plain = start_run(SearchConfig(num_classes=10, params="1G", iterations=2000, rescore=0, algorithm="zen-nas"), None)
    assert free.architecture.super_blocks == plain.architecture.super_blocks
    counted = count_super_blocks(free.architecture.super_blocks, 32, 10)
    assert (free.costs.params, free.costs.flops, free.costs.memory) == (counted.params, counted.flops, counted.memory)


def test_a_resumed_run_goes_on_with_its_own_predictor(
    predictor_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(monkeypatch, 0.9)
    whole = start_run(_config(predictor_file), None)
    device.met.clear()

    def interrupt(progress: Progress) -> None:
        if progress.done >= 1000:
            signal.raise_signal(signal.SIGINT)

    stopped = start_run(_config(predictor_file), tmp_path / "run", RunContext(watch=interrupt))
    assert (stopped.status, device.met) == ("interrupted", [])
    Path(predictor_file).unlink()
    resumed = resume_run(tmp_path / "run")
    assert [c.super_blocks for c in resumed.candidates()] == [c.super_blocks for c in whole.candidates()]
    assert resumed.best.measured_latency == whole.best.measured_latency
    (tmp_path / "run" / in_search.PREDICTOR).write_text("{}")
    with pytest.raises(LatencyError, match=in_search.PREDICTOR):
        resume_run(tmp_path / "run", {"iterations": 3000})


def test_a_frontier_of_latencies_has_a_network_for_each(predictor_file: str) -> None:
    result = start_run(_config(predictor_file, latency=["8ms", "30ms"]), None)
    first, second = (winner.costs.latency for winner in result.winners)
    assert first is not None
    assert second is not None
    assert first <= BUDGET < second <= 0.03


def test_an_impossible_budget_says_what_the_smallest_takes(predictor_file: str) -> None:
    with pytest.raises(BudgetError, match=r"latency ≤ 1µs; the smallest tried has latency [0-9.]+ms"):
        start_run(_config(predictor_file, latency="1us"), None)


def test_a_lower_bound_is_reached(predictor_file: str) -> None:
    result = start_run(_config(predictor_file, latency="20ms..40ms", iterations=300), None)
    assert all(c.costs.latency is not None and 0.02 <= c.costs.latency <= 0.04 for c in result.candidates())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resolution": 64}, "32×32.*asked for is resolution 64"),
        ({"latency_batch_size": 64}, "batch 1,.*asked for is batch size 64"),
        ({"latency_dtype": "fp16"}, "fp32.*dtype fp16"),
        ({"latency_backend": "onnxruntime"}, "torch.*backend onnxruntime"),
        ({"device": "cuda"}, "fitted on cpu.*device cuda"),
        ({"space": "mobilenet"}, "has never seen MB"),
        ({"latency": None}, "give --latency too"),
    ],
)
def test_a_predictor_of_another_setting_is_refused(
    settings: dict[str, object], message: str, predictor_file: str, tmp_path: Path
) -> None:
    with pytest.raises(LatencyError, match=message):
        start_run(_config(predictor_file, **settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_seconds_are_taken_as_numbers_and_text(predictor_file: str) -> None:
    for given in (BUDGET, "8ms"):
        result = zennas.search(
            num_classes=10, latency=given, latency_predictor=predictor_file, iterations=64, rescore=0
        )
        assert result.config.budget_sets()[0][0].high == pytest.approx(BUDGET)
    with pytest.raises(ZennasError, match=r"0\.5ms"):
        zennas.search(latency="8", latency_predictor=predictor_file)


class Device:
    """Takes `factors[i]` times what is predicted for the i-th network that it meets, the last for all others."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *factors: float, reference: float = 1e-3) -> None:
        self.met: list[object] = []
        model = plain_predictor()

        def measure(architecture: zennas.Architecture, setting: Setting, *_: object, **__: object) -> object:
            if architecture.super_blocks not in self.met:
                self.met.append(architecture.super_blocks)
            factor = factors[min(self.met.index(architecture.super_blocks), len(factors) - 1)]
            if factor == float("inf"):
                raise TooLargeError("out of memory")
            return summary([factor * model.predict(architecture.super_blocks)], setting)

        monkeypatch.setattr("zennas.latency.measure.measure", measure)
        monkeypatch.setattr("zennas.latency.drift.reference_seconds", lambda *_: reference)
        monkeypatch.setattr("zennas.latency.winner.on_this_machine", lambda setting: setting)


def test_a_machine_that_is_slower_now_is_allowed_for(predictor_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Device(monkeypatch, 1.9, reference=2e-3)
    result = start_run(_config(predictor_file), None)
    assert result.best.measured_latency == pytest.approx(0.95 * (result.costs.latency or 0), rel=1e-5)
    assert any("takes 2.00 times as long" in note for note in result.notes)


def test_without_a_predictor_a_quick_one_is_fitted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[SearchConfig] = []

    def quick(config: SearchConfig, watch: object = None) -> object:
        asked.append(config)
        return plain_predictor(device_name="elsewhere")

    monkeypatch.setattr(in_search, "quick_predictor", quick)
    config = SearchConfig(num_classes=10, latency="8ms", iterations=300, rescore=0, latency_batch_size=1)
    result = start_run(config, tmp_path / "run")
    assert asked == [config]
    assert result.costs.latency is not None
    assert resume_run(tmp_path / "run", {"iterations": 600}).iterations == 600
    assert len(asked) == 1


@pytest.mark.slow
def test_a_quick_predictor_is_measured_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_search, "QUICK_SECONDS", 600.0)
    monkeypatch.setattr("zennas.latency.sampling._FOUND_ITERATIONS", (50, 100))
    monkeypatch.setattr("zennas.latency.learn.STEPS", 60)
    monkeypatch.setattr("zennas.latency.learn.PERCEPTRON_STEPS", 60)
    few = {"samples": 30, "network_seconds": 0.01}
    monkeypatch.setattr("zennas.latency.collect.Plan", lambda **given: Plan(**{**given, **few}))
    told: list[Work] = []
    config = SearchConfig(resolution=16, num_classes=10, latency="5ms", latency_batch_size=1)
    predictor = in_search.quick_predictor(config, told.append)
    assert max(work.done for work in told if work.phase == "networks") == 30
    assert list(dict.fromkeys(work.phase for work in told))[:2] == ["layout", "networks"]
    assert told[-1].phase == "learning"
    assert predictor.setting.layout in ("channels-last", "contiguous")
    assert (predictor.setting.clock, predictor.setting.batch_size, predictor.setting.resolution) == ("cpu", 1, 16)
    assert predictor.report["noise"] is not None
    assert 0 < predictor.predict(zennas.load("SuperConvK3BNRELU(3,16,1,1)SuperResK3K3(16,16,2,16,1)").super_blocks) < 1


def test_samples_are_even_in_the_logarithm_of_multiply_adds_and_repeat() -> None:
    space = search_space("mobilenet", 32)
    low = smallest_flops(space, 32, 10)
    bounds = (2.0 * low, 32.0 * low)
    networks = [sample_network(space, 32, 10, bounds, 0, number) for number in range(0, 64, 2)]
    flops = [count_super_blocks(blocks, 32, 10).flops for blocks in networks]
    assert all(0.7 * bounds[0] < value < 1.4 * bounds[1] for value in flops)
    places = [3 * math.log(value / bounds[0]) / math.log(16) for value in flops]
    thirds = [sum(p < 1 for p in places), sum(1 <= p < 2 for p in places), sum(p >= 2 for p in places)]
    assert min(thirds) >= 6
    assert networks[5] == sample_network(space, 32, 10, bounds, 0, 10)
    assert networks[5] != sample_network(space, 32, 10, bounds, 1, 10)
    assert {block.block for blocks in networks for block in blocks} == {"Conv", "MB"}


def test_every_other_sample_is_what_a_search_finds() -> None:
    space = search_space("resnet", 32)
    bounds = (2e7, 2e7)
    found = [sample_network(space, 32, 10, bounds, 0, number) for number in range(16)]
    scores = [weighted_score(zennas.Architecture(blocks), 32) for blocks in found]
    assert np.median(scores[1::2]) > np.median(scores[0::2])
    assert all(count_super_blocks(blocks, 32, 10).flops <= 2e7 for blocks in found[1::2])


def test_latencies_are_kept_in_the_run(predictor_file: str, tmp_path: Path) -> None:
    result = start_run(_config(predictor_file, iterations=300), tmp_path / "run")
    kept = RunStore(tmp_path / "run").candidates()
    assert [c.costs.latency for c in kept] == [c.costs.latency for c in result.candidates()]
    assert all(c.costs.latency for c in kept)


def test_the_last_third_of_the_samples_is_what_the_model_underestimates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def device(architecture: zennas.Architecture, setting: Setting, *_: object) -> object:
        return summary([device_seconds(architecture.super_blocks, 32, 10)], setting)

    cheap = plain_model()
    cheap.biases[-1] = np.array([math.log(RATE / 50)])  # The device, had it no depthwise layers and no calls.
    monkeypatch.setattr("zennas.latency.collect.measure", device)
    monkeypatch.setattr(
        "zennas.latency.collect.measure_module", lambda module, shape, setting, *_: summary([1], setting)
    )
    monkeypatch.setattr("zennas.latency.collect.reference_seconds", lambda *_: 1.0)
    monkeypatch.setattr("zennas.latency.learn.learn_convolutions", lambda *_: cheap)
    monkeypatch.setattr("zennas.latency.sampling._FOUND_ITERATIONS", (200, 400))
    space = search_space("resnet", 32)
    setting = Setting(batch_size=1, resolution=32)
    path = tmp_path / "m"
    measured = measure_space(path, setting, space, 10, Plan(samples=39, max_latency=1e-3))
    assert sorted(measured.networks) == list(range(39))
    bounds = measured.header.flops
    assert all(measured.networks[n] == sample_network(space, 32, 10, bounds, 0, n) for n in range(26))
    assert all(measured.networks[n] != sample_network(space, 32, 10, bounds, 0, n) for n in range(26, 39))
    latest = max(latency for visits in measured.visits.values() for latency, _ in visits)
    assert all(cheap.predict(measured.networks[n]) <= latest for n in range(26, 39))


def test_compare_shows_the_predicted_latency(predictor_file: str) -> None:
    names = ["zennet-cifar-0.5M", "zennet-cifar-1.0M"]
    command = [sys.executable, "-m", "zennas.cli.main", "compare", *names, "--latency-predictor", predictor_file]
    rows = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert all(row["latency"] > 0 for row in rows)
    assert "latency" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    other = subprocess.run([*command, "--resolution", "64"], capture_output=True, text=True, check=False)
    assert other.returncode == 2
    assert "resolution 64" in other.stderr


def test_a_latency_budget_keeps_the_other_costs(predictor_file: str) -> None:
    result = start_run(_config(predictor_file, effectiveness="5", iterations=300), None)
    assert result.costs.effectiveness is not None
    assert result.costs.effectiveness <= 5
