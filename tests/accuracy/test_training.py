"""`zennas study train`: networks of equal size, trained and ranked."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import zennas
from zennas.accuracy.training import FOLDER, train_networks
from zennas.cli.main import app
from zennas.errors import TrainingError, ZennasError
from zennas.threads import torch_threads
from zennas.train import loop, threads
from zennas.train.threads import ThreadChoice

SMALL = {"params": 40_000, "resolution": 16, "epochs": 1, "batch_size": 128}


@pytest.mark.slow
def test_trained_networks_are_ranked_and_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = train_networks(2, tmp_path, **SMALL)
    assert [n.params for n in two.networks] == pytest.approx([40_000] * 2, rel=0.01)
    for network in two.networks:
        rows = list(csv.DictReader((tmp_path / FOLDER / network.name / "metrics.csv").read_text().splitlines()))
        assert network.accuracy == 100 * float(rows[-1]["accuracy"])
        assert network.params == zennas.costs(network.network, 16, 10).params

    with pytest.raises(TrainingError, match=r"equal-size-1: .* other settings; choose another --out"):
        train_networks(2, tmp_path, **{**SMALL, "epochs": 2})
    with pytest.raises(TrainingError, match="another network"):
        train_networks(2, tmp_path, **{**SMALL, "params": 60_000})

    announced: list[str] = []
    monkeypatch.setattr(threads, "measured_threads", lambda *_: ThreadChoice(1, {1: 20.0, 2: 10.0}))
    with torch_threads(2):
        train_networks(
            3,
            tmp_path,
            announce=lambda known: announced.append(known.name),
            announce_threads=announced.append,
            threads="auto",
            **SMALL,
        )
    line = "equal-size-3: threads: 1 of 2 (images/s in a trial with 1: 20, 2: 10); --threads sets it"
    assert announced == ["equal-size-1", "equal-size-2", line, "equal-size-3"]

    monkeypatch.setattr(loop.Loop, "_train_epoch", lambda *_: pytest.fail("trained again"))
    again = train_networks(3, tmp_path, **SMALL)
    assert again.networks[:2] == two.networks


@pytest.mark.slow
def test_command(tmp_path: Path) -> None:
    out = tmp_path / "study"
    command = ["study", "train", "--params", "40k", "--networks", "3", "--epochs", "1", "--resolution", "8"]
    command += ["--threads", "1"]
    done = CliRunner().invoke(app, [*command, "--score", "meanfield,flops", "--out", str(out), "--json"])
    document = json.loads(done.stdout)
    assert document["networks"] == 3
    assert [row["score"] for row in document["scores"]] == ["meanfield", "flops"]
    rows = list(csv.DictReader((out / "study.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == ["equal-size-1", "equal-size-2", "equal-size-3"]
    assert (out / "study.png").is_file()
    assert (out / "study.html").is_file()


def test_a_wrong_score_is_told_before_training(tmp_path: Path) -> None:
    failed = CliRunner().invoke(app, ["study", "train", "--score", "meanfeild", "--out", str(tmp_path)])
    assert isinstance(failed.exception, ZennasError)
    assert "meanfield" in str(failed.exception)
    assert not list(tmp_path.iterdir())


def test_a_size_without_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ZennasError, match="only 0 of 3 different networks with 500 params"):
        train_networks(3, tmp_path, params=500)
    with pytest.raises(ZennasError, match="one or more"):
        train_networks(0, tmp_path)


def test_train_is_a_word_of_study_alone_in_front() -> None:
    assert "Figure 4" in CliRunner().invoke(app, ["study", "train", "--help"]).stdout
    plain = CliRunner().invoke(app, ["study", "--help"]).stdout
    assert "FILE" in plain
    assert "--networks" not in plain
    later = CliRunner().invoke(app, ["study", "--score", "flops", "train"])
    assert "not a study" in str(later.exception)
