"""What computes on a GPU, on a real one: `pytest tests/test_cuda.py` on a machine that has it."""

import json
import math

import pytest

torch = pytest.importorskip("torch", reason="the [torch] extra is not installed")
pytest.importorskip("accelerate", reason="the [train] extra is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here"),
]

import yaml

import zennas
from zennas.latency.measure import measure
from zennas.latency.setting import Setting
from zennas.loading import load_network
from zennas.scores.registry import ScoreSettings, compute_score, score_names, usable_score
from zennas.train import evaluate, resume_training, train
from zennas.train.loader import Batch

NETWORK = (
    "SuperConvK3BNRELU(3,16,1,1)SuperResK3K3(16,32,2,32,1)SuperResIDWE4K5(32,48,2,32,1)SuperConvK1BNRELU(48,64,1,1)"
)
LEARNS = {"resolution": 16, "epochs": 8, "batch_size": 64, "mixup": 0, "erasing": 0, "device": "cuda"}
PRECISIONS = ("fp32", "bf16", "fp16")


@pytest.fixture
def run(command_line):
    return command_line


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training of each precision."""
    out = tmp_path_factory.mktemp("trained")
    return {precision: train(NETWORK, out / precision, precision=precision, **LEARNS) for precision in PRECISIONS}


@pytest.mark.parametrize("network", [NETWORK, "zennet-cifar-1.0M", "timm:resnet18", "timm:mobilenetv2_100"])
def test_zen_score_is_that_of_the_cpu_within_its_noise(network):
    pytest.importorskip("timm", reason="the [train] extra is not installed")
    made = load_network(network)
    here, there, again = (
        zennas.zen_score(made, 32, batch_size=8, repeats=8, device=device) for device in ("cpu", "cuda", "cuda")
    )
    assert abs(here.score - there.score) < 4 * math.hypot(here.std_error, there.std_error)
    assert again.score == pytest.approx(there.score, abs=1e-2)


@pytest.mark.parametrize("name", [name for name in score_names() if usable_score(name, "cpu").needs_torch])
def test_every_score_of_torch_computes_there(name):
    network = zennas.load(NETWORK)
    here, there = (
        compute_score(name, network, 32, ScoreSettings(16, 8, device=device, num_classes=10))
        for device in ("cpu", "cuda")
    )
    noise = math.hypot(here.std_error, there.std_error)
    assert there.score == pytest.approx(here.score, rel=1e-3, abs=5 * noise)


def test_search_by_monte_carlo_and_its_rescoring(run, tmp_path):
    words = ("--score", "zen", "--params", "100k", "--iterations", "200", "--batch-size", "8", "--device", "cuda")
    run("search", *words, "--rescore", "4", "--out", tmp_path / "whole")
    best = yaml.safe_load((tmp_path / "whole" / "best.yaml").read_text())
    assert best["costs"]["params"] <= 100_000
    assert "zen" in zennas.read_run(tmp_path / "whole").best.rescored.name
    run("search", "--params", "100k", "--iterations", "2000", "--device", "cuda", "--out", tmp_path / "closed")
    shown = json.loads(run("score", tmp_path / "closed" / "best.yaml", "--device", "cuda", "--json").out)
    assert math.isfinite(shown["score"])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_network_learns_in_every_precision_and_is_evaluated_as_on_the_cpu(trained, precision):
    result = trained[precision]
    assert result.best["accuracy"] > 0.9
    model, weights = str(result.directory / "architecture.yaml"), result.directory / "best.safetensors"
    there, here = (evaluate(model, weights, resolution=16, device=device) for device in ("cuda", "cpu"))
    assert there.top1 == pytest.approx(here.top1, abs=2 / there.images)
    assert there.top1 == pytest.approx(result.best["accuracy"], abs=2 / there.images)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_interrupted_training_goes_on_where_it_stood(tmp_path, precision):
    settings = {**LEARNS, "epochs": 4, "precision": precision, "ema": 0.9, "accumulate": 2}
    whole = train(NETWORK, tmp_path / "whole", **settings)
    train(NETWORK, tmp_path / "cut", until=2, **settings)
    gone_on = resume_training(tmp_path / "cut")
    assert [row["epoch"] for row in gone_on.history] == [1, 2, 3, 4]
    # Not to the last digit: a GPU adds in another order every time, and two runs differ from the first epoch on.
    for one, other in zip(whole.history, gone_on.history, strict=True):
        assert one["lr"] == other["lr"]
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=0.15)
    assert whole.history[-1]["accuracy"] == pytest.approx(gone_on.history[-1]["accuracy"], abs=0.05)


def test_a_run_goes_on_amid_an_epoch_on_a_gpu_of_its_number(tmp_path):
    class Killed(BaseException):
        pass

    def kill(progress):
        if progress.epoch == 2:
            raise Killed

    settings = {**LEARNS, "epochs": 3, "device": "cuda:0", "precision": "fp16", "checkpoint_steps": 5}
    with pytest.raises(Killed):
        train(NETWORK, tmp_path / "run", watch=kill, **settings)
    result = resume_training(tmp_path / "run")
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    assert result.best["accuracy"] > 0.6


def test_batches_are_pinned():
    batch = Batch(torch.zeros(2, 3, 4, 4), torch.zeros(2, dtype=torch.long), ("one",)).pin_memory()
    assert batch.images.is_pinned()
    assert batch.labels.is_pinned()
    assert batch.bad == ("one",)


def test_compiled_training_with_a_teacher_and_workers(trained, tmp_path):
    teacher = trained["fp32"].directory
    result = train(
        NETWORK, tmp_path / "student", compile=True, precision="bf16", teacher=str(teacher / "architecture.yaml"),
        teacher_weights=str(teacher / "best.safetensors"), distil_features=1.0, workers=2, **{**LEARNS, "epochs": 4},
    )  # fmt: skip
    assert result.best["accuracy"] > 0.85


def test_trained_network_is_exported(run, trained, tmp_path):
    pytest.importorskip("onnxruntime")
    place = trained["bf16"].directory
    words = ("--weights", place / "best.safetensors", "--resolution", 16, "--out", tmp_path / "n.onnx", "--json")
    assert json.loads(run("export", place / "architecture.yaml", *words).out)["difference"] < 1e-4


@pytest.mark.parametrize(
    ("backend", "dtype"),
    [("torch", "fp32"), ("torch", "fp16"), ("torch", "bf16"), ("torch-compile", "fp16")],
)
def test_latency_is_measured(run, backend, dtype):
    words = ("--device", "cuda", "--backend", backend, "--dtype", dtype, "--batch-size", 64, "--json")
    shown = json.loads(run("latency", "zennet-cifar-1.0M", *words).out)
    assert 0 < shown["latency"] < 1e-3
    assert torch.cuda.get_device_name(0) in json.dumps(shown)


def test_larger_batches_use_the_device_better():
    network = zennas.load("zennet-cifar-1.0M")
    one, many = (measure(network, Setting(device="cuda", batch_size=size, resolution=32)) for size in (1, 256))
    assert many.latency < one.latency / 10


def test_what_does_not_run_there_is_one_line(run):
    refused = run("latency", "zennet-cifar-1.0M", "--device", "cuda", "--backend", "onnxruntime", code=2)
    assert "--backend torch" in refused.err
    assert "Traceback" not in refused.err + run("latency", NETWORK, "--device", "cuda:99", code=2).err


@pytest.fixture
def little_memory():
    """A share of the device's memory of some 100 MB."""
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e8 / torch.cuda.get_device_properties(0).total_memory)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.usefixtures("little_memory")
def test_memory_that_is_too_small_is_one_line(run, tmp_path):
    training = ("--epochs", 1, "--batch-size", 1024, "--device", "cuda", "--out", tmp_path / "big")
    for words in (
        ("latency", "zennet-cifar-1.0M", "--device", "cuda", "--batch-size", 2048),
        ("score", "zennet-cifar-1.0M", "--score", "zen", "--device", "cuda", "--batch-size", 2048),
        ("train", "zennet-cifar-1.0M", *training),
    ):
        refused = run(*words, code=2)
        assert "out of memory" in refused.err
        assert "smaller" in refused.err
        assert "Traceback" not in refused.err


def test_search_within_a_latency_that_was_learned_there(run, tmp_path):
    words = ("--device", "cuda", "--dtype", "fp16", "--batch-size", 64, "--samples", 30, "--min-samples", 20)
    run("latency-predictor", "fit", *words, "--time-limit", "5m", "--out", tmp_path / "gpu.json")
    limit = ("--latency", "0.02ms", "--latency-predictor", tmp_path / "gpu.json", "--device", "cuda")
    run("search", *limit, "--latency-dtype", "fp16", "--rescore", 0, "--iterations", 4000, "--out", tmp_path / "run")
    best = yaml.safe_load((tmp_path / "run" / "best.yaml").read_text())
    assert best["measured_latency"] > 0


def test_design_trains_its_candidates_there(run, tmp_path):
    words = ("--params", "20k", "--candidates", 4, "--epochs", 2, "--rounds", 2, "--final-epochs", 2, "--resolution", 8)
    more = ("--iterations", 600, "--batch-size", 128, "--device", "cuda", "--out", tmp_path / "design")
    run("design", "--data", "digits", *words, *more)
    assert (tmp_path / "design" / "best.safetensors").is_file()
