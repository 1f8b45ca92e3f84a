"""Runs whose score means something else by now are not gone on with."""

from pathlib import Path

import pytest

import zennas
from zennas.errors import RunError
from zennas.io.settings import CONFIG
from zennas.runs.run import resume_run
from zennas.scores import ScoreSettings, compute_score, weighted_1
from zennas.scores.registry import register_score, registered_score


@pytest.fixture
def of_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of `zen-weighted` from the time of its first form."""
    now = registered_score("zen-weighted")
    old = registered_score("zen-weighted-1")
    register_score("zen-weighted", many=old.many, takes_modules=True, replace_existing=True)(weighted_1.zen_weighted_1)
    try:
        zennas.search("resnet", 32, 10, params="100k", score="zen-weighted", iterations=512, rescore=0, out=tmp_path)
    finally:
        register_score("zen-weighted", many=now.many, chains=now.chains, takes_modules=True, replace_existing=True)(
            now.function
        )
    return tmp_path


def test_a_run_of_another_version_of_a_score_is_refused_and_says_how_to_go_on(of_old: Path) -> None:
    with pytest.raises(RunError, match="another version of zen-weighted .*`score: zen-weighted-1`"):
        resume_run(of_old, {"iterations": 600})
    config = of_old / CONFIG
    config.write_text(config.read_text().replace("zen-weighted", "zen-weighted-1"))
    result = resume_run(of_old, {"iterations": 1024})
    assert compute_score("zen-weighted-1", result.architecture, 32, ScoreSettings()).score == result.score


def test_a_run_of_this_version_goes_on(tmp_path: Path) -> None:
    search = {"params": "100k", "score": "zen-weighted", "rescore": 0}
    first = zennas.search("resnet", 32, 10, iterations=512, out=tmp_path, **search)
    result = resume_run(tmp_path, {"iterations": 1024})
    assert result.score >= first.score
    assert result.iterations == 1024
