import json
from pathlib import Path

import numpy as np
import pytest
from devices import RATE, device_measurements, flops, plain_model, plain_predictor

import zennas
from zennas.errors import LatencyError
from zennas.latency.layers import network_layers
from zennas.latency.learn import learn_convolutions, learn_perceptron, learn_trees
from zennas.latency.predictor import Predictor, read_predictor, write_predictor
from zennas.latency.records import Corrected

NETWORK = zennas.load("SuperConvK3BNRELU(3,16,1,1)SuperResK1K5K1(16,24,2,8,3)SuperResK3K3(24,64,2,32,2)").super_blocks


def test_a_network_is_the_sum_of_its_layers() -> None:
    expected = RATE * sum(flops(layer) * n for layer, n in network_layers(NETWORK, 32, 10))
    assert plain_model().predict(NETWORK) == pytest.approx(expected, rel=1e-9)


def test_what_is_remembered_changes_no_prediction() -> None:
    warm = plain_model()
    for text in ("SuperConvK3BNRELU(3,16,1,1)SuperResK1K5K1(16,24,2,8,1)", "SuperConvK3BNRELU(3,24,2,1)"):
        warm.predict(zennas.load(text).super_blocks)
    assert warm.predict(NETWORK) == plain_model().predict(NETWORK)
    assert warm.predict(NETWORK) == warm.predict(NETWORK)


def test_the_correction_acts_on_the_sum_and_the_number_of_layers() -> None:
    model, total = plain_model(), plain_model().predict(NETWORK)
    model.correction = (0.5, -0.1, 0.2)
    layers = sum(n for _, n in network_layers(NETWORK, 32, 10))
    assert model.predict(NETWORK) == pytest.approx(np.exp(0.5) * total**0.9 * layers**0.2, rel=1e-9)


def test_all_models_survive_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zennas.latency.learn.STEPS", 5)
    monkeypatch.setattr("zennas.latency.learn.PERCEPTRON_STEPS", 5)
    measured = Corrected(device_measurements("resnet", 20, 0.0))
    for learn in (learn_convolutions, learn_perceptron, learn_trees):
        model = learn(measured, measured.numbers(), 0)
        given = Predictor(model, measured.header.setting, "resnet", ("Btn", "Res"), 10, (1e-5, 1e-3), 1e-3, {"a": 1})
        write_predictor(given, tmp_path / "p.json")
        read = read_predictor(tmp_path / "p.json")
        assert (read.setting, read.space, read.blocks, read.range, read.reference, read.report) == (
            given.setting, "resnet", ("Btn", "Res"), (1e-5, 1e-3), 1e-3, {"a": 1},
        )  # fmt: skip
        for number in measured.numbers():
            blocks = measured.networks[number]
            assert read.predict(blocks) == pytest.approx(model.predict(blocks), rel=1e-3)


def test_the_trees_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.ensemble import GradientBoostingRegressor

    from zennas.latency.learn import _TREES
    from zennas.latency.trees import total_features

    measured = Corrected(device_measurements("resnet", 30, 0.1))
    numbers = measured.numbers()
    ours = learn_trees(measured, numbers, 0)
    rows = np.array([total_features(measured.networks[n], 32, 10) for n in numbers])
    target = np.log([measured.latency(n) for n in numbers])
    theirs = GradientBoostingRegressor(init="zero", random_state=0, **_TREES).fit(rows, target - target.mean())
    expected = np.exp(theirs.predict(rows) + target.mean())
    assert [ours.predict(measured.networks[n]) for n in numbers] == pytest.approx(list(expected), rel=1e-6)


def test_another_setting_is_refused_with_both_named() -> None:
    predictor = plain_predictor()
    predictor.check("p.json", {"batch_size": 1, "dtype": None, "device": "cpu"})
    with pytest.raises(
        LatencyError, match=r"p\.json: was fitted on cpu \(a test\).*batch 1.*asked for is batch size 64"
    ):
        predictor.check("p.json", {"batch_size": 64})


def test_a_space_of_other_blocks_is_refused() -> None:
    with pytest.raises(LatencyError, match="has never seen MB"):
        plain_predictor().check_blocks("p.json", {"Conv", "MB"})


def test_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    with pytest.raises(LatencyError, match="cannot be read"):
        read_predictor(path)
    write_predictor(plain_predictor(), path)
    text = path.read_text()
    document = json.loads(text)
    wrong: list[dict[str, object]] = [
        {"format": "another"},
        {"model": "oracle"},
        {"model": ["convolutions"]},
        {"blocks": "Conv"},
        {"report": [1]},
        {"space": 3},
        {"num_classes": -20_000},
        {"num_classes": 1e300},
        {"setting": {**document["setting"], "device": ["cpu"]}},
        {"parameters": [1]},
        {"parameters": {**document["parameters"], "correction": [1e308, 1e308, 0.0]}},
        {"parameters": {**document["parameters"], "correction": [800.0, 0.0, 0.0]}},
        {"parameters": {**document["parameters"], "correction": [-1e308, 0.0, 0.0]}},
        {
            "parameters": {
                **document["parameters"],
                "weights": [[[1e308 for _ in row] for row in weight] for weight in document["parameters"]["weights"]],
            }
        },
        {"range": [1]},
        {"range": [2, 1]},
        {"pace": 0},
        {"pace": None},
        {"blocks": 3},
        {"num_classes": "many"},
        {"setting": {}},
        {"parameters": {}},
        {"parameters": {**document["parameters"], "weights": [[[1.0]]]}},
        {"parameters": {**document["parameters"], "correction": [0.0]}},
        {"parameters": {**document["parameters"], "biases": [[float("nan")], [0.0], [0.0]]}},
    ]
    texts = ["", "  \n", "[]", "null", *(text[: len(text) * i // 7] for i in range(1, 7))]
    texts += [json.dumps({**document, **change}) for change in wrong]
    texts += [json.dumps({k: v for k, v in document.items() if k != key}) for key in document]
    for damaged in texts:
        path.write_text(damaged)
        with pytest.raises(LatencyError, match=r"p\.json"):
            read_predictor(path)
    path.write_text(text)
    assert read_predictor(path).predict(NETWORK) > 0, "the file that all of these were made from is whole"
    with pytest.raises(LatencyError, match="zero byte"):
        read_predictor("\0.json")
    path.write_bytes(b"\xff\xfe\x00pickle")
    with pytest.raises(LatencyError, match="not a text file"):
        read_predictor(path)


def test_damaged_trees_are_refused(tmp_path: Path) -> None:
    measured = Corrected(device_measurements("resnet", 20, 0.0))
    model = learn_trees(measured, measured.numbers(), 0)
    good = model.parameters()
    nodes = np.array(good["nodes"])
    for row, value in ((0, 10_000), (2, 1e9), (3, -1)):
        bad = nodes.copy()
        bad[row, 0] = value
        with pytest.raises(ValueError, match="do not fit"):
            type(model).from_parameters({**good, "nodes": bad.tolist()}, 32, 10)


def test_a_time_that_is_none_is_refused_when_it_is_asked_for() -> None:
    predictor = plain_predictor()
    for correction in ((800.0, 0.0, 0.0), (-1e5, 0.0, 0.0), (float("nan"), 0.0, 0.0)):
        predictor.model.correction = correction
        with pytest.raises(LatencyError, match="parameters are damaged"):
            predictor.predict(NETWORK)
