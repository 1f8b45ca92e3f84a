import math
from dataclasses import replace

from typer.testing import CliRunner

from tests.accuracy.test_study import EXCERPT
from zennas.accuracy.choice import which_score
from zennas.accuracy.measures import Measures
from zennas.accuracy.networks import read_networks
from zennas.accuracy.study import ScoreRanking, Study, study
from zennas.cli.main import app

MEASURED = study(read_networks(str(EXCERPT)), ["flops"])


def ranking(score: str, spearman: float, regret: float = math.nan, interval: float | None = None) -> ScoreRanking:
    row = replace(MEASURED.rankings[0], score=score, spearman=spearman, regret=regret)
    if interval is None:
        return row
    low, high = (Measures(value, 0, 0, 0) for value in (spearman - interval, spearman + interval))
    return replace(row, low=low, high=high)


def of(*rankings: ScoreRanking) -> Study:
    return replace(MEASURED, rankings=rankings)


def test_the_score_that_wins_most_files_is_named_with_what_its_picks_lose() -> None:
    first = of(ranking("a", 0.9, 0.2), ranking("flops", 0.7, 0.6), ranking("meanfield", 0.5, 1))
    second = of(ranking("a", 0.8, 0.4), ranking("flops", 0.81, 0.8), ranking("meanfield", 0.2, 1))
    third = of(ranking("flops", 0.4, 0.1), ranking("a", 0.5, 0.3), ranking("meanfield", 0.1, 1))
    assert which_score([first, second, third]) == (
        "to find accurate networks: a, the first by rank correlation on 2 of 3 files; its picks lose 0.30 points of "
        "accuracy, those of multiply-adds 0.50",
        "to compare with the paper: meanfield, the Zen-score",
    )


def test_of_equal_successes_the_better_mean_place_decides() -> None:
    first = of(ranking("a", 0.9), ranking("b", 0.8), ranking("c", 0.7))
    second = of(ranking("c", 0.9), ranking("b", 0.8), ranking("a", 0.7))
    third = of(ranking("b", 0.9), ranking("c", 0.8), ranking("a", 0.7))
    assert which_score([first, second, third])[0].startswith("to find accurate networks: b, ")


def test_firsts_that_the_next_may_be_are_counted() -> None:
    near = of(ranking("a", 0.9, interval=0.05), ranking("flops", 0.85, interval=0.05))
    far = of(ranking("a", 0.9, interval=0.01), ranking("flops", 0.85, interval=0.01))
    assert "(1 of them within the interval of the next)" in which_score([near, far])[0]
    assert "interval" not in which_score([far])[0]


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert which_score([of(ranking("a", math.nan))]) == ()


def test_the_best_may_be_the_size_alone() -> None:
    (line,) = which_score([of(ranking("flops", 0.9, 0.1), ranking("a", 0.8, 0.2))])
    assert line == "to find accurate networks: flops, the first by rank correlation on 1 of 1 file"


def test_a_study_ends_with_it() -> None:
    shown = CliRunner().invoke(app, ["study", str(EXCERPT), "--score", "zen-weighted,meanfield,flops"]).stdout
    assert "to find accurate networks: zen-weighted, the first by" in shown.replace("\n", " ")
    assert shown.rstrip().endswith("to compare with the paper: meanfield, the Zen-score")
