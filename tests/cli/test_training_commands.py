import json
import sys

import pytest

from zennas.cli.main import main

TINY = "SuperConvK3BNRELU(3,8,2,1)"


@pytest.fixture
def zennas(monkeypatch, capfd):
    """Runs the command as the console script does; gives back what it wrote to stdout and stderr."""

    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["zennas", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capfd.readouterr()
        assert ended.value.code == code, written.err
        return written

    return run


@pytest.mark.slow
def test_train_evaluate_export(zennas, tmp_path):
    run = tmp_path / "run"
    done = zennas("train", TINY, "--resolution", 8, "--epochs", 1, "--batch-size", 128, "--out", run)
    assert "accuracy" in done.out
    assert "epoch 1: train loss" in done.err
    weights = ("--weights", run / "best.safetensors", "--resolution", 8)
    numbers = json.loads(zennas("evaluate", run / "architecture.yaml", *weights, "--json").out)
    assert numbers["images"] == 360
    assert 0 <= numbers["top1"] <= numbers["top5"] <= 1
    pytest.importorskip("onnxruntime")
    exported = zennas("export", run / "architecture.yaml", *weights, "--out", tmp_path / "n.onnx", "--json")
    result = json.loads(exported.out)
    assert result["difference"] < 1e-4
    assert (tmp_path / "n.onnx").stat().st_size == result["bytes"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train",), "give a MODEL"),
        (("train", TINY, "--resume", "runs/none"), "leave out MODEL"),
        (("train", "--resume", "runs/none"), "no training run here"),
        (("evaluate", TINY, "--weights", "none.pt"), "no such file"),
        (("evaluate", TINY, "--weights", "none.pt", "--device", "gpu9"), "'gpu9' cannot be used"),
        (("train", TINY, "--data", "cifar10:/nowhere", "--out", "/nowhere"), "--download"),
    ],
)
def test_wrong_use_is_one_line(zennas, arguments, message):
    done = zennas(*arguments, code=2)
    assert message in done.err
    assert done.err.count("\n") == 1
