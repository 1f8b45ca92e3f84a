import json
from dataclasses import replace
from pathlib import Path

import pytest
from devices import device_measurements, plain_predictor
from typer.testing import CliRunner

from zennas.cli.main import app
from zennas.errors import ZennasError
from zennas.latency.predictor import read_predictor, write_predictor

NETWORK = "SuperConvK3BNRELU(3,8,2,1)"


def run(*arguments: str) -> "tuple[int, str, str]":
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, ZennasError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.stdout, result.stderr


def test_a_latency_is_printed_with_its_device_and_threads() -> None:
    code, out, _ = run(
        "latency", NETWORK, "--resolution", "16", "--batch-size", "2", "--threads", "1", "--batches", "5"
    )
    assert code == 0
    assert "an image (spread" in out
    assert "1 thread, torch, fp32, batch 2, 16×16" in out


def test_json_has_all_of_it() -> None:
    code, out, _ = run("latency", NETWORK, "--resolution", "16", "--batch-size", "2", "--clock", "cpu", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["latency"] > 0
    assert len(found["batches"]) == 30
    assert {"spread", "trusted", "device_name", "threads", "backend", "dtype", "versions"} <= set(found)


def test_a_noisy_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zennas.latency.measure.time_batches", lambda *_: [1.0, 2.0, 3.0])
    _, _, noisy = run("latency", NETWORK, "--resolution", "16")
    assert "too noisy to trust" in noisy
    monkeypatch.setattr("zennas.latency.measure.time_batches", lambda *_: [1.0, 1.0, 1.0])
    _, _, quiet = run("latency", NETWORK, "--resolution", "16")
    assert quiet == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--backend", "tvm"), "unknown backend"),
        (("--dtype", "int8"), "--backend onnxruntime"),
        (("--device", "abacus"), "unknown device"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ZennasError, match=message) as error:
        run("latency", NETWORK, "--resolution", "16", *arguments)
    assert "\n" not in str(error.value)


def test_a_predictor_is_fitted_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zennas.latency.learn.STEPS", 30)
    monkeypatch.setattr("zennas.latency.learn.PERCEPTRON_STEPS", 30)
    asked: list[tuple[object, ...]] = []

    def measured(*arguments: object) -> object:
        asked.append(arguments)
        return device_measurements("resnet", 40, 0.02)

    monkeypatch.setattr("zennas.latency.space_measuring.measure_space", measured)
    out = tmp_path / "p.json"
    options = ("--out", str(out), "--batch-size", "1", "--samples", "40", "--time-limit", "3m", "--max-latency", "2ms")
    code, text, _ = run("latency-predictor", "fit", *options, "--threads", "1")
    assert code == 0
    assert "32 networks and" in text
    for row in ("convolutions", "perceptron", "trees", "measuring again"):
        assert row in text
    assert asked[0][0] == tmp_path / "p.json.measurements.jsonl"
    plan = asked[0][4]
    assert (plan.samples, plan.time_limit, plan.max_latency) == (40, 180.0, 2e-3)  # type: ignore[attr-defined]
    assert read_predictor(out).model.name in text
    code, text, _ = run("latency-predictor", "fit", *options, "--model", "trees", "--json")
    shown = json.loads(text)
    assert shown["model"] == read_predictor(out).model.name == "trees"
    assert set(shown["models"]) == {"convolutions", "perceptron", "trees"}
    with pytest.raises(ZennasError, match="unknown model"):
        run("latency-predictor", "fit", *options, "--model", "oracle")


def test_a_search_takes_a_latency_budget(tmp_path: Path) -> None:
    write_predictor(plain_predictor(device_name="elsewhere"), tmp_path / "p.json")
    code, text, _ = run(
        "search", "--classes", "10", "--latency", "8ms", "--latency-predictor", str(tmp_path / "p.json"),
        "--iterations", "300", "--rescore", "0", "--out", str(tmp_path / "run"), "-q",
    )  # fmt: skip
    assert code == 0
    assert "predicted" in text
    assert "≤ 8ms" in text


def test_how_long_a_quick_fit_takes_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = plain_predictor(device_name="elsewhere")
    report = {"models": {"convolutions": {"median": 0.04}}, "fitted": 80, "held_out": 20}
    object.__setattr__(fitted, "report", report)
    monkeypatch.setattr("zennas.latency.in_search.quick_predictor", lambda *_: fitted)
    code, _, said = run(
        "search", "--classes", "10", "--latency", "8ms", "--device", "cpu", "--latency-batch-size", "1",
        "--iterations", "300", "--rescore", "0", "--out", str(tmp_path / "run"), "-q",
    )  # fmt: skip
    assert code == 0
    assert "measuring takes 1m30s" in said
    assert "fitted on 80 networks; median error 4.0% on 20 others" in said


def test_a_predictor_is_fitted_on_the_space_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zennas.latency.learn.STEPS", 30)
    monkeypatch.setattr("zennas.latency.learn.PERCEPTRON_STEPS", 30)
    spaces = []

    def measured(path: Path, setting: object, space: object, *_: object) -> object:
        spaces.append(space)
        found = device_measurements("mobilenet", 40, 0.02)
        found.header = replace(found.header, space=space.name)  # type: ignore[attr-defined]
        return found

    monkeypatch.setattr("zennas.latency.space_measuring.measure_space", measured)
    space, out = tmp_path / "narrow.yaml", tmp_path / "p.json"
    space.write_text("name: narrow\nbase: mobilenet\nwidth: {low: 8, high: 64, step: 8}")
    options = ("--out", str(out), "--space", str(space), "--se", "--batch-size", "1", "--threads", "1")
    code, _, _ = run("latency-predictor", "fit", *options)
    assert code == 0
    assert (spaces[0].name, spaces[0].width.high) == ("narrow", 64)
    assert all(choice.se for choice in spaces[0].choices)
    predictor = read_predictor(str(out))
    assert predictor.space == "narrow"
    with pytest.raises(ZennasError, match=r"fitted on the narrow space .* has never seen Btn"):
        predictor.check_blocks(str(out), {"Btn", "MB"})
    with pytest.raises(ZennasError, match="did you mean mobilenet"):
        run("latency-predictor", "fit", "--out", str(out), "--space", "mobilnet")
