"""When enough networks were measured."""

import math
from pathlib import Path

import pytest
from devices import device_measurements, device_seconds

import zennas
from zennas.architecture.model import SuperBlock
from zennas.latency.collect import Plan
from zennas.latency.enough import GROWTH, Enough, Predict, held_out_error, is_held_out
from zennas.latency.measure import summary
from zennas.latency.records import Corrected, Measured, read_records
from zennas.latency.setting import Setting
from zennas.latency.space_measuring import measure_space
from zennas.spaces.space import search_space

ALL = device_measurements("resnet", 80, 0.0)


def off_by(errors: list[float]) -> Predict:
    """The device's own time, off by the first error; takes it from the list."""
    factor = math.exp(errors.pop(0))
    return lambda blocks: factor * device_seconds(blocks, 32, 10)


def ended_at(errors: list[float], fewest: int = 16) -> tuple[int | None, Enough]:
    """Where measuring ends with models of these errors, one after another."""
    left = list(errors)
    enough = Enough(fewest, lambda measured: off_by(left))
    return next((n for n in range(80) if enough(ALL, n)), None), enough


def test_measuring_ends_where_a_model_of_half_as_many_again_is_no_better() -> None:
    # Models are learned from 16, 24, 36 and 54 networks.
    assert ended_at([0.4, 0.4])[0] == 24
    assert ended_at([0.4, 0.2, 0.2])[0] == 36
    assert ended_at([0.4, 0.2, 0.1, 0.2])[0] == 54
    end, enough = ended_at([0.4, 0.2, 0.1, 0.05])
    assert end is None
    assert not enough.ended
    assert [check.networks for check in enough.checks] == [24, 36, 54]
    assert [check.older for check in enough.checks] == pytest.approx([0.4, 0.2, 0.1])


def test_a_twentieth_is_what_it_has_to_gain() -> None:
    assert ended_at([0.4, 0.381])[0] == 24
    assert ended_at([0.4, 0.379, 1.0])[0] == 36


def test_it_does_not_end_before_the_fewest() -> None:
    assert ended_at([0.4, 0.4], fewest=40)[0] == math.ceil(40 * GROWTH)


def test_models_learn_from_those_that_were_there_and_both_are_compared_on_the_held_out() -> None:
    seen: list[Measured] = []
    enough = Enough(16, lambda measured: (seen.append(measured), lambda blocks: 1.0)[1])
    assert [n for n in range(30) if enough(ALL, n)] == [24]
    assert [sorted(measured.networks) for measured in seen] == [list(range(16)), list(range(24))]
    first = seen[0]
    # The last visit to one of them comes before all that is left out; held-out ones are visited once.
    last = max(place for visits in first.visits.values() for _, place in visits)
    assert len(first.references) == last + 1
    assert all(place <= last for _, place in first.layers.values())
    assert all(len(visits) == 1 for visits in first.visits.values())
    held_out = [n for n in range(24) if is_held_out(n)]
    expected = [abs(math.log(1.0 / seen[1].visits[n][0][0])) for n in held_out]
    assert enough.checks[0].older == enough.checks[0].newer == pytest.approx(sum(expected) / len(expected))
    assert held_out_error(lambda blocks: device_seconds(blocks, 32, 10), Corrected(ALL)) == pytest.approx(0)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> list[tuple[SuperBlock, ...]]:
    """What is measured on a device without noise."""
    measured: list[tuple[SuperBlock, ...]] = []

    def measure(architecture: zennas.Architecture, setting: Setting, *_: object) -> object:
        measured.append(architecture.super_blocks)
        return summary([device_seconds(architecture.super_blocks, 32, 10)], setting)

    monkeypatch.setattr("zennas.latency.collect.measure", measure)
    monkeypatch.setattr(
        "zennas.latency.collect.measure_module", lambda module, shape, setting, *_: summary([1], setting)
    )
    monkeypatch.setattr("zennas.latency.collect.reference_seconds", lambda *_: 1.0)
    monkeypatch.setattr("zennas.latency.sampling._FOUND_ITERATIONS", (64, 128))
    monkeypatch.setattr("zennas.latency.learn.STEPS", 3)
    return measured


def test_what_is_measured_after_the_rule_is_a_third_and_a_resumed_fit_ends_at_the_same_number(
    tmp_path: Path, device: list[tuple[SuperBlock, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [0.4, 0.2, 0.2]
    left = list(errors)
    monkeypatch.setattr("zennas.latency.space_measuring._learned", lambda *_: off_by(left))
    space, setting = search_space("resnet", 32), Setting(batch_size=1, resolution=32)
    plan = Plan(samples=200, max_latency=1e-3, fewest=16)
    whole = measure_space(tmp_path / "whole", setting, space, 10, plan)
    assert sorted(whole.networks) == list(range(54))  # 36, and half as many
    assert all(len(visits) == (2 if is_held_out(n) else 1) for n, visits in whole.visits.items())

    def stop(path: Path, networks: int) -> None:
        """Ctrl-C in the middle."""

        def watch(work: object) -> None:
            if len(read_records(path).networks) == networks:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            measure_space(path, setting, space, 10, plan, watch=watch)  # type: ignore[arg-type]

    for networks in (20, 30, 40):
        path = tmp_path / str(networks)
        left[:] = errors
        stop(path, networks)
        device.clear()
        left[:] = errors
        parts = measure_space(path, setting, space, 10, plan)
        assert parts.networks == whole.networks
        assert len(device) == 54 - networks + sum(map(is_held_out, range(54)))


def test_without_the_rule_all_samples_are_measured(tmp_path: Path, device: list[tuple[SuperBlock, ...]]) -> None:
    plan = Plan(samples=24, max_latency=1e-3, fewest=24)
    measured = measure_space(tmp_path / "m", Setting(batch_size=1, resolution=32), search_space("resnet", 32), 10, plan)
    assert len(measured.networks) == 24


@pytest.mark.parametrize("fewest", [1, 2, 5])
def test_nothing_is_asked_of_networks_of_which_none_is_held_out(fewest: int) -> None:
    assert ended_at([0.4, 0.4], fewest)[0] is not None
