from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import zennas
from zennas.report import plot_importance
from zennas.report.importance import FEWEST, Importances, KeptImportances, importances
from zennas.searching.population import Candidate

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def candidates() -> list[Candidate]:
    return zennas.search(params="300k", layers=12, iterations=1500, rescore=0, algorithm="random").candidates()


def test_the_choice_that_makes_the_score_is_the_important_one(candidates: list[Candidate]) -> None:
    """A score that is the last stage's width and nothing else."""
    made = [replace(c, score=float(c.super_blocks[-1].out_channels)) for c in candidates]
    found = importances(made)
    assert found is not None
    assert found.rows[0].choice == "width"
    assert found.r2 > 0.8
    assert found.rows[0].value > 5 * found.rows[1].value
    assert list(found.rows) == sorted(found.rows, key=lambda row: -row.value)


def test_of_chance_nothing_is_important(candidates: list[Candidate]) -> None:
    rng = np.random.default_rng(0)
    found = importances([replace(c, score=float(rng.normal())) for c in candidates])
    assert found is not None
    assert found.r2 < 0.1
    assert max(abs(row.value) for row in found.rows) < 0.2


def test_the_seed_decides(candidates: list[Candidate]) -> None:
    assert importances(candidates, 1) == importances(candidates, 1)


def test_few_candidates_and_equal_scores_say_nothing(candidates: list[Candidate]) -> None:
    assert importances(candidates[: FEWEST - 1]) is None
    assert importances([replace(c, score=1.0) for c in candidates]) is None


def test_the_figure_has_the_largest_on_top() -> None:
    pytest.importorskip("plotly")
    result = zennas.search(params="300k", layers=12, iterations=600, rescore=0)
    found = importances(result.candidates())
    assert found is not None
    figure = plot_importance(result, 5)
    assert figure.data[0].y[-1] == f"{found.rows[0].choice}, stage {found.rows[0].stage}"
    assert figure.data[0].x[-1] == pytest.approx(found.rows[0].value)


def test_a_run_that_goes_on_is_learned_from_anew_when_it_has_grown_by_a_tenth(
    candidates: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []

    def counted(of: list[Candidate]) -> Importances | None:
        fits.append(len(of))
        return Importances((), 0.5, len(of)) if len(of) >= FEWEST else None

    monkeypatch.setattr("zennas.report.importance.importances", counted)
    kept = KeptImportances()
    states = [(FEWEST - 1, "running"), (200, "running"), (210, "running"), (219, "running"), (220, "running"),
              (225, "running"), (225, "finished"), (226, "finished"), (226, "finished")]  # fmt: skip
    for scored, status in states:
        result = SimpleNamespace(scored=scored, status=status, directory=Path("one"))
        kept(result, candidates[:scored])  # type: ignore[arg-type]
    assert fits == [FEWEST - 1, 200, 220, 225, 226]
    other = SimpleNamespace(scored=100, status="running", directory=Path("two"))
    kept(other, candidates[:100])  # type: ignore[arg-type]
    assert fits[-1] == 100
