"""`zennas.fit_accuracy`: what it takes, when it falls back, and what it says then."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import zennas
from tests.accuracy.learned import csv_of, lawful_networks
from zennas.accuracy.known import KnownNetworks
from zennas.accuracy.networks import read_networks
from zennas.accuracy.training_runs import read_runs
from zennas.architecture.files import write_architecture
from zennas.architecture.structure import format_structure
from zennas.cli.main import app
from zennas.errors import TrainingError, ZennasError
from zennas.io.settings import CONFIG
from zennas.io.text import write_text

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

EXCERPT = Path(__file__).parents[1] / "data" / "nas_bench_macro_excerpt.json"
LAWFUL = lawful_networks(24)


def some(count: int) -> KnownNetworks:
    return replace(LAWFUL, networks=LAWFUL.networks[:count])


def test_a_law_beats_the_zero_shot_score_out_of_sample() -> None:
    model = zennas.fit_accuracy(LAWFUL)
    assert (model.falls_back, model.reason, model.networks, model.resolution) == (False, "", 24, 32)
    figures = model.report["figures"]
    assert isinstance(figures, dict)
    assert set(figures) == {"learned", "zen-weighted", "meanfield", "params", "flops"}
    assert figures["learned"]["error"][0] < figures["zen-weighted"]["error"][0]
    low, high = figures["learned"]["spearman"][1:]
    assert low <= figures["learned"]["spearman"][0] <= high
    mean, std = model.predict([n.network for n in LAWFUL.networks])
    assert np.abs(mean - [n.accuracy for n in LAWFUL.networks]).max() < 0.5
    assert (std > 0).all()


def test_a_benchmark_that_a_study_reads() -> None:
    model = zennas.fit_accuracy(EXCERPT)
    assert not model.falls_back
    assert model.networks == 48


def test_below_eight_networks_nothing_is_learned() -> None:
    model = zennas.fit_accuracy(some(7))
    assert model.falls_back
    assert "7 trained networks are fewer than the 8" in model.reason
    mean, _ = model.predict([n.network for n in LAWFUL.networks])
    scores = [
        zennas.scores.compute_score("zen-weighted", n.network, 32, zennas.scores.ScoreSettings()).score
        for n in LAWFUL.networks
    ]
    assert (np.argsort(mean) == np.argsort(scores)).all()
    assert not zennas.fit_accuracy(lawful_networks(8, last_layers=0.3)).reason.startswith("8 trained")


def test_noise_falls_back_and_says_so() -> None:
    rng = np.random.default_rng(0)
    fallen = 0
    for _ in range(6):
        shuffled = rng.permutation([n.accuracy for n in LAWFUL.networks])
        known = replace(
            LAWFUL, networks=tuple(replace(n, accuracy=a) for n, a in zip(LAWFUL.networks, shuffled, strict=True))
        )
        model = zennas.fit_accuracy(known)
        fallen += model.falls_back
        assert model.falls_back == ("does not err less" in model.reason)
    assert fallen >= 4


def test_the_same_seed_gives_the_same_model() -> None:
    assert zennas.fit_accuracy(LAWFUL, seed=3).text == zennas.fit_accuracy(LAWFUL, seed=3).text


def test_two_networks_calibrate_nothing() -> None:
    with pytest.raises(ZennasError, match="2 trained networks are too few"):
        zennas.fit_accuracy(some(2))


def test_networks_of_several_recipes_do_not_compare(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    rows = [f'"{format_structure(n.network)}",90,{i % 2 * 10 + 30}' for i, n in enumerate(some(8).networks)]
    path.write_text("model,accuracy,epochs,resolution\n" + "".join(f"{row},32\n" for row in rows))
    with pytest.raises(ZennasError, match=r"several recipes do not compare.*30 epochs \(4\), 40 epochs \(4\)"):
        zennas.fit_accuracy(path)
    assert zennas.fit_accuracy(path, recipe="40 epochs").networks == 4
    with pytest.raises(ZennasError, match="no networks of the recipe 'x'"):
        zennas.fit_accuracy(path, recipe="x")


def test_columns_that_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("model,accuracy,std\nzennet-cifar-0.5M,95,0.2\nzennet-cifar-1.0M,96,\n")
    first, second = read_networks(str(path)).networks
    assert (first.resolution, first.std, second.std) == (32, 0.2, None)
    path.write_text("model,accuracy,std\nzennet-cifar-0.5M,95,-1\n")
    with pytest.raises(ZennasError, match="row 1: std -1 is not allowed"):
        read_networks(str(path))


def training_run(directory: Path, network: zennas.Architecture, accuracies: list[float], epochs: int = 2) -> Path:
    """What a finished run of `zennas train` leaves of what is read."""
    directory.mkdir(parents=True)
    write_architecture(network, directory / "architecture.yaml")
    write_text(directory / CONFIG, f"model: x\ndata: digits\nepochs: {epochs}\nseed: 0\n")
    rows = [f"{number},{accuracy!r},100.0" for number, accuracy in enumerate(accuracies, start=1)]
    write_text(directory / "metrics.csv", "\n".join(["epoch,accuracy,images_per_second", *rows]) + "\n")
    return directory


def test_training_runs(tmp_path: Path) -> None:
    small, large = (replace(zennas.load(f"zennet-cifar-{size}"), num_classes=10) for size in ("0.5M", "1.0M"))
    runs = tmp_path / "runs"
    training_run(runs / "a", small, [0.9, 0.8])
    training_run(runs / "b", small, [0.7, 0.84])
    training_run(runs / "c", large, [0.7, 0.9])
    training_run(runs / "d", large, [0.7])
    known = read_runs([runs])
    assert [n.accuracy for n in known.networks] == pytest.approx([82, 90])
    first = known.networks[0]
    assert first.runs == pytest.approx((80, 84))
    assert first.std == pytest.approx(2.0)  # of the mean of two
    assert (first.resolution, first.num_classes, first.recipe) == (32, 10, "digits, 2 epochs")
    assert known.left_out == (f"{runs / 'd'}: 1 of 2 epochs are over",)
    with pytest.raises(ZennasError, match="2 trained networks are too few"):
        zennas.fit_accuracy([runs / "a", runs / "b", runs / "c"])


def test_directories_without_a_finished_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no finished training run"):
        read_runs([tmp_path])
    with pytest.raises(TrainingError, match="no directory"):
        read_runs([tmp_path / "missing"])
    run = training_run(tmp_path / "run", zennas.load("zennet-cifar-0.5M"), [0.9, 0.8])
    write_text(run / "metrics.csv", "epoch,accuracy\n2,900\n")
    with pytest.raises(TrainingError, match="metrics.csv: damaged"):
        read_runs([run])


def test_the_commands(tmp_path: Path) -> None:
    runner, out = CliRunner(), str(tmp_path / "model.json")
    path = str(csv_of(LAWFUL, tmp_path / "known.csv"))
    shown = runner.invoke(app, ["accuracy", "fit", path, "--out", out])
    assert shown.exit_code == 0, shown.output
    assert "learned" in shown.stdout
    assert "on top of the calibrated zen-weighted" in " ".join(shown.stdout.split())
    document = json.loads(runner.invoke(app, ["accuracy", "fit", path, "--out", out, "--json"]).stdout)
    assert (document["falls_back"], document["networks"], document["baseline"]) == (False, 24, "zen-weighted")
    structure = format_structure(LAWFUL.networks[0].network)
    predicted = runner.invoke(app, ["accuracy", "predict", structure, "--model", out, "--json"])
    row = json.loads(predicted.stdout)["networks"][0]
    assert row["accuracy"] == pytest.approx(LAWFUL.networks[0].accuracy, abs=0.5)
    line = runner.invoke(app, ["accuracy", "predict", structure, "--model", out]).stdout
    assert f"{row['accuracy']:.2f} % ± {row['std']:.2f}\n" in line
    assert row["trust"] == 1
    strange = runner.invoke(app, ["accuracy", "predict", "zennet-cifar-1.0M", "--model", out]).stdout
    assert "unlike what was trained (trust 0.00)" in " ".join(strange.split())
    scored = runner.invoke(
        app, ["score", structure, "--resolution", "32", "--score", f"accuracy:{out}:lower", "--json"]
    )
    assert json.loads(scored.stdout)["score"] == pytest.approx(row["accuracy"] - row["std"])


def test_training_runs_at_sizes_that_are_not_square(tmp_path: Path) -> None:
    run = training_run(tmp_path / "run", zennas.load("zennet-cifar-0.5M"), [0.9, 0.8])
    config = run / CONFIG
    config.write_text(config.read_text() + "resolution: 24x16\n")
    (network,) = read_runs([run]).networks
    assert str(network.resolution) == "24x16"
    assert network.flops == zennas.costs(zennas.load("zennet-cifar-0.5M"), "24x16", 10).flops
    config.write_text(config.read_text().replace("24x16", "wide"))
    with pytest.raises(TrainingError, match="'wide' is no size"):
        read_runs([run])
