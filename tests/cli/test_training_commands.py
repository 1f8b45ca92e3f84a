import json
import re
import subprocess
import sys

import pytest

from zennas.errors import TrainingError
from zennas.train import TrainConfig

TINY = "SuperConvK3BNRELU(3,8,2,1)"


@pytest.fixture
def zennas(command_line):
    return command_line


@pytest.mark.slow
def test_train_evaluate_export(zennas, tmp_path):
    run = tmp_path / "run"
    settings = ("--resolution", 8, "--epochs", 1, "--batch-size", 128, "--threads", 1)
    done = zennas("train", TINY, *settings, "--out", run)
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


FOUND = """
name: found
resolution: 8
num_classes: 2
super_blocks:
  - {block: Conv, kernel: 3, in: 3, out: 8, stride: 2}
"""


@pytest.fixture
def found(tmp_path):
    """A network of two classes, as a search writes it."""
    (tmp_path / "best.yaml").write_text(FOUND)
    return tmp_path / "best.yaml"


def test_an_export_is_the_network_that_was_found(zennas, found, tmp_path):
    onnx_format = pytest.importorskip("zennas.export.onnx_format")
    pytest.importorskip("onnxruntime")
    zennas("export", found, "--out", tmp_path / "n.onnx")
    import torch

    assert onnx_format.onnx_runner(tmp_path / "n.onnx")(torch.zeros(1, 3, 8, 8)).shape == (1, 2)
    zennas("export", found, "--classes", 5, "--out", tmp_path / "n.onnx")
    assert onnx_format.onnx_runner(tmp_path / "n.onnx")(torch.zeros(1, 3, 8, 8)).shape == (1, 5)
    measured = json.loads(zennas("latency", found, "--batch-size", 1, "--batches", 1, "--json").out)
    assert measured["num_classes"] == 2
    assert measured["dtype"] == "fp32"


def test_other_classes_of_data_or_weights_are_refused_with_both_numbers(zennas, found, tmp_path):
    pytest.importorskip("onnxruntime")
    from zennas.train.networks import make_network
    from zennas.train.weights import write_weights

    write_weights(make_network(str(found), 10, 8), tmp_path / "w.safetensors")
    out = ("--out", tmp_path / "n.onnx")
    for arguments in (("--data", "digits", "--dtype", "int8"), ("--weights", tmp_path / "w.safetensors")):
        done = zennas("export", found, *arguments, *out, code=2)
        assert done.err.count("\n") == 1
        assert "10" in done.err
        assert "has 2" in done.err
    write_weights(make_network(str(found), 2, 8), tmp_path / "w.safetensors")
    done = zennas("evaluate", found, "--weights", tmp_path / "w.safetensors", code=2)
    assert "weights for 2 classes, but the data has 10" in done.err
    assert not (tmp_path / "n.onnx").exists()


def test_a_trained_network_says_how_many_classes_it_was_trained_for(zennas, found, tmp_path):
    run = tmp_path / "run"
    zennas("train", found, "--epochs", 1, "--batch-size", 256, "--threads", 1, "--out", run)
    assert "num_classes: 10" in (run / "architecture.yaml").read_text()
    zennas("export", run / "architecture.yaml", "--weights", run / "best.safetensors", "--format", "torch-export",
           "--out", tmp_path / "n.pt2")  # fmt: skip


def test_former_words_for_number_types_mean_the_same(zennas, found):
    shown = zennas("latency", found, "--batch-size", 1, "--batches", 1, "--dtype", "float32", "--json").out
    assert json.loads(shown)["dtype"] == "fp32"


PANELS = {
    "Run": "data out resume allow-imports download on-bad-image tracker checkpoint-steps holdout holdout-seed "
    "evaluate quiet",
    "Recipe": "resolution channels epochs batch-size lr momentum weight-decay warmup mixup label-smoothing erasing "
    "auto-augment flip lighting ema seed",
    "Distillation": "teacher teacher-weights distil-logits distil-features temperature",
    "Machine": "device precision accumulate workers layout threads compile loop-version",
}


def test_every_setting_is_an_option_under_its_heading(zennas, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    shown = zennas("train", "--help").out
    found, panel = {}, ""
    for line in shown.splitlines():
        heading = re.match("╭─ (\\w+) ─", line)
        panel = heading.group(1) if heading else panel
        for option in re.findall("^│ --([a-z-]+) ", line):
            found[option] = panel
    assert found == {option: panel for panel, options in PANELS.items() for option in options.split()} | {
        "help": "Options"
    }
    assert {name.replace("_", "-") for name in TrainConfig.model_fields} - {"model"} <= set(found)
    for default in ("runs/train-<n>", "CIFAR 1440, folder 480, else 30", "on, digits off", "0.1, digits 0.8", "1000"):
        assert f"[default: ({default})]" in shown


def test_settings_reach_the_training_as_they_were_given(zennas, monkeypatch, tmp_path):
    taken = {}

    def train(model, out, **settings):
        taken.update(settings, model=model)
        raise TrainingError("far enough")

    monkeypatch.setattr("zennas.train.run.train", train)
    monkeypatch.setattr("zennas.train.train", train, raising=False)
    zennas("train", TINY, "--out", tmp_path, "--no-auto-augment", "--epochs", 3, "--lr", 0.5, "--workers", 0, code=2)
    given = {key: value for key, value in taken.items() if key not in ("watch", "download", "announce")}
    assert given == {"threads": "auto", "model": TINY, "auto_augment": False, "epochs": 3, "lr": 0.5, "workers": 0}


def test_help_of_train_needs_no_torch():
    program = "import sys; sys.modules['torch'] = None; sys.argv = ['zennas', 'train', '--help']; " + (
        "from zennas.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "--weight-decay" in done.stdout
