"""Searches whose score is a learned accuracy: what they keep, and that they go on as if never interrupted."""

import subprocess
import sys
from pathlib import Path

import pytest

import zennas
from tests.accuracy.learned import lawful_networks
from zennas.architecture.model import Architecture
from zennas.errors import RunError
from zennas.io.settings import CONFIG
from zennas.runs.carrying_out import Progress
from zennas.runs.learned import ACCURACY_MODEL
from zennas.runs.run import resume_run

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

SEARCH = {"params": "300k", "rescore": 0, "population": 32, "seed": 1}


@pytest.fixture(scope="module")
def model() -> zennas.AccuracyModel:
    return zennas.fit_accuracy(lawful_networks(16, last_layers=0.3))


class KilledError(Exception):
    """Ends a search in the middle."""


def test_a_run_goes_on_without_the_file(
    model: zennas.AccuracyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zennas.runs.carrying_out.COMMIT_SECONDS", 0)
    path = tmp_path / "model.json"
    model.save(path)
    settings = {**SEARCH, "score": f"accuracy:{path}:lower", "iterations": 1024}
    whole = zennas.search("mobilenet", 32, 10, out=tmp_path / "whole", **settings)  # type: ignore[arg-type]

    def kill(progress: Progress) -> None:
        if progress.done >= 500:
            raise KilledError

    with pytest.raises(KilledError):
        zennas.search("mobilenet", 32, 10, out=tmp_path / "run", watch=kill, **settings)  # type: ignore[arg-type]
    path.write_text("another file")
    result = resume_run(tmp_path / "run")
    path.unlink()
    assert (result.architecture, result.score) == (whole.architecture, whole.score)
    assert result.config.score == f"accuracy:{path}@{model.digest}:lower"
    assert result.score == pytest.approx(model.predicted([result.architecture]).lower[0])
    assert f"accuracy:{path}@{model.digest}:lower" in (tmp_path / "run" / "best.yaml").read_text()
    assert (tmp_path / "run" / "best.yaml").read_text() == (tmp_path / "whole" / "best.yaml").read_text()
    assert resume_run(tmp_path / "run", {"iterations": 1100}).iterations == 1100


@pytest.mark.parametrize("bound", ["", ":upper"])
@pytest.mark.parametrize("se", [False, True])
def test_rounds_are_scored_as_networks_one_by_one(
    model: zennas.AccuracyModel, tmp_path: Path, bound: str, se: bool
) -> None:
    """In rows, where the core of the search is compiled: to the last bit, whatever the classes of the search are."""
    model.save(tmp_path / "model.json")
    score = f"accuracy:{tmp_path / 'model.json'}{bound}"
    result = zennas.search("mobilenet", "32x48", 7, **SEARCH, se=se, score=score, iterations=600)  # type: ignore[arg-type]
    candidates = result.candidates()
    networks = [Architecture(candidate.super_blocks) for candidate in candidates]
    predicted = model.predicted(networks, result.config.resolution)
    assert len(candidates) > 200
    assert [c.score for c in candidates] == (predicted.upper if bound else predicted.mean).tolist()


def test_islands_take_it_from_the_process_that_keeps_it(model: zennas.AccuracyModel, tmp_path: Path) -> None:
    pytest.importorskip("numba")
    path = tmp_path / "model.json"
    model.save(path)
    settings = {**SEARCH, "score": f"accuracy:{path}", "islands": 2}
    zennas.search("mobilenet", 32, 10, out=tmp_path / "run", iterations=4096, **settings)  # type: ignore[arg-type]
    path.write_text("another file")
    result = resume_run(tmp_path / "run", {"iterations": 12_000})
    later = [candidate for candidate in result.candidates() if candidate.iteration > 4096]
    assert {(candidate.iteration - 1) // 4096 % 2 for candidate in later} == {0, 1}
    mean, _ = model.predict([Architecture(candidate.super_blocks) for candidate in later])
    assert [candidate.score for candidate in later] == mean.tolist()


def test_a_kept_model_that_is_gone_or_another(model: zennas.AccuracyModel, tmp_path: Path) -> None:
    path, run = tmp_path / "model.json", tmp_path / "run"
    model.save(path)
    zennas.search("mobilenet", 32, 10, score=f"accuracy:{path}", iterations=128, out=run, **SEARCH)  # type: ignore[arg-type]
    other = zennas.fit_accuracy(lawful_networks(5, seed=5))
    other.save(run / ACCURACY_MODEL)
    with pytest.raises(RunError, match=f"another accuracy model \\({other.digest}\\) than the run began with"):
        resume_run(run, {"iterations": 256})
    (run / ACCURACY_MODEL).unlink()
    with pytest.raises(RunError, match="cannot go on without the accuracy model"):
        resume_run(run, {"iterations": 256})


def test_what_a_killed_beginning_leaves_is_no_hindrance(model: zennas.AccuracyModel, tmp_path: Path) -> None:
    path, run = tmp_path / "model.json", tmp_path / "run"
    model.save(path)
    zennas.search("mobilenet", 32, 10, score=f"accuracy:{path}", iterations=64, out=run, **SEARCH)  # type: ignore[arg-type]
    for file in run.iterdir():
        if file.name not in (CONFIG, ACCURACY_MODEL):
            file.unlink()
    result = zennas.search("mobilenet", 32, 10, score=f"accuracy:{path}", iterations=64, out=run, **SEARCH)  # type: ignore[arg-type]
    assert result.iterations == 64


def test_a_search_by_it_needs_neither_torch_nor_scikit_learn(model: zennas.AccuracyModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model.json")
    code = f"""
import sys, zennas
zennas.search("mobilenet", 32, 10, params="300k", iterations=64, rescore=0, score="accuracy:{tmp_path / "model.json"}")
assert not {{"torch", "sklearn"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
