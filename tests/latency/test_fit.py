import numpy as np
import pytest
from devices import device_measurements, device_seconds

import zennas
from zennas.errors import LatencyError
from zennas.latency.fit import fit_predictor, noise_floor, relative_errors
from zennas.latency.learn import learn_convolutions
from zennas.latency.records import Corrected

NETWORK = zennas.load("SuperConvK3BNRELU(3,16,1,1)SuperResK1K5K1(16,24,2,8,3)").super_blocks


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three steps of learning."""
    monkeypatch.setattr("zennas.latency.learn.STEPS", 3)
    monkeypatch.setattr("zennas.latency.learn.PERCEPTRON_STEPS", 3)


def test_errors_are_relative_and_counted() -> None:
    found = relative_errors([1.0, 1.04, 0.92, 2.0], [1.0, 1.0, 1.0, 1.0])
    assert found.median == pytest.approx(0.06)
    assert (found.within_5, found.within_10) == (0.5, 0.75)
    assert found.percentile_99 > 0.9


def test_the_noise_is_that_of_measuring_again() -> None:
    measured = Corrected(device_measurements("resnet", 40, 0.1))
    held_out = [n for n in measured.numbers() if n % 5 == 4]
    found = noise_floor(measured, held_out)
    assert found is not None
    pairs = [measured.latencies[n] for n in held_out]
    assert found.median == pytest.approx(np.median([abs(b / a - 1) for a, b in pairs]))
    assert noise_floor(measured, [0, 1]) is None


@pytest.mark.slow
@pytest.mark.parametrize("space", ["resnet", "mobilenet", "regnet", "inverted"])
def test_a_device_is_learned_with_its_depthwise_and_grouped_convolutions(space: str) -> None:
    predictor = fit_predictor(device_measurements(space, 120, 0.02))
    report = predictor.report
    assert set(report["models"]) == {"convolutions", "perceptron", "trees"}
    assert (report["fitted"], report["held_out"]) == (96, 24)
    errors = report["models"][predictor.model.name]
    assert errors["median"] == min(e["median"] for e in report["models"].values())
    assert errors["median"] < 0.05
    # The device is noiseless where it was not measured: networks of another sequence.
    others = Corrected(device_measurements(space, 24, 0.0, seed=5))
    exact = [device_seconds(blocks, 32, 10) for blocks in others.networks.values()]
    found = relative_errors([predictor.predict(blocks) for blocks in others.networks.values()], exact)
    assert found.median < 0.05


@pytest.mark.usefixtures("briefly")
def test_held_out_networks_are_not_learned_from() -> None:
    plain = device_measurements("resnet", 25, 0.0)
    spoiled = device_measurements("resnet", 25, 0.0)
    for number, visits in spoiled.visits.items():
        if number % 5 == 4:
            spoiled.visits[number] = [(latency * 1000, place) for latency, place in visits]
    for model in ("convolutions", "perceptron", "trees"):
        assert fit_predictor(plain, model).predict(NETWORK) == fit_predictor(spoiled, model).predict(NETWORK)


@pytest.mark.usefixtures("briefly")
def test_every_model_is_drawn_from_the_seed_and_begins_at_the_level_of_what_was_measured() -> None:
    measured = device_measurements("resnet", 25, 0.0)
    corrected = Corrected(measured)
    level = np.mean([np.log(corrected.latency(n)) for n in corrected.numbers()])
    for model in ("convolutions", "perceptron", "trees"):
        one, again, other = (fit_predictor(measured, model, seed) for seed in (1, 1, 2))
        assert one.predict(NETWORK) == again.predict(NETWORK) != other.predict(NETWORK)
        predicted = [one.predict(blocks) for blocks in corrected.networks.values()]
        assert abs(np.mean(np.log(predicted)) - level) < 2


@pytest.mark.usefixtures("briefly")
def test_layers_measured_alone_are_learned_from() -> None:
    plain, slower = (device_measurements("resnet", 20, 0.0) for _ in range(2))
    slower.layers = {layer: (100 * latency, place) for layer, (latency, place) in slower.layers.items()}
    one, other = (learn_convolutions(Corrected(m), m.networks).predict(NETWORK) for m in (plain, slower))
    assert one != other


def test_too_few_networks_and_unknown_models_are_refused() -> None:
    with pytest.raises(LatencyError, match="10 networks were measured, at least 20 are needed"):
        fit_predictor(device_measurements("resnet", 10, 0.0))
    with pytest.raises(LatencyError, match="unknown model 'oracle'; known are convolutions, perceptron, trees"):
        fit_predictor(device_measurements("resnet", 20, 0.0), "oracle")
