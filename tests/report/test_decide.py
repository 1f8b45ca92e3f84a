import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import zennas
from zennas.cli.main import app
from zennas.report.decide import bend, known_of, next_steps, published, rankings
from zennas.runs.result import SearchResult
from zennas.scores.weighted import weighted_score
from zennas.searching.settings import SearchConfig
from zennas.zoo import zoo_entry


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    out = tmp_path_factory.mktemp("runs") / "with space"
    return zennas.search(params="200k", layers=12, num_classes=10, iterations=500, rescore=0, out=out)


def test_what_is_known_of_scores_has_an_interval_around_it() -> None:
    for score in ("zen-weighted", "meanfield", "params"):
        known = known_of(score)
        assert len(known) == len(rankings()) >= 6
        for row in known:
            assert -1 <= row["low"] <= row["spearman"] <= row["high"] <= 1
            assert row["networks"] >= 20
    assert known_of("of my own") == []


def test_published_networks_are_counted_and_scored_at_the_searches_input() -> None:
    rows = {row["name"]: row for row in published(SearchConfig(params="1M", resolution=28, num_classes=7))}
    assert set(rows) == {"zennet-cifar-0.5M", "zennet-cifar-1.0M", "zennet-cifar-2.0M"}
    architecture = zoo_entry("zennet-cifar-1.0M").architecture
    row = rows["zennet-cifar-1.0M"]
    assert row["costs"]["flops"] == zennas.costs(architecture, 28, 7).flops
    assert row["score"] == weighted_score(architecture, 28)
    assert "96.2 % CIFAR-10" in row["trained"]


def test_of_scores_that_take_long_none_is_computed() -> None:
    rows = published(SearchConfig(params="1M", score="zen"))
    assert rows
    assert all(row["score"] is None for row in rows)


def test_inputs_near_nothing_published_have_no_such_networks() -> None:
    assert published(SearchConfig(params="1M", resolution=96)) == []


def test_the_next_steps_are_commands_that_there_are(result: SearchResult) -> None:
    steps = next_steps(result)
    assert len(steps) >= 5
    for step in steps:
        words = shlex.split(step["command"])
        assert words[0] == "zennas"
        command = get_command(app).commands[words[1]]  # type: ignore[attr-defined]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options
        assert any("with space" in word for word in words)


def test_a_search_goes_on_from_the_best_winner_within_its_own_budgets(tmp_path: Path) -> None:
    """The command works as it is written: it has the space, and the budgets that the winner meets."""
    settings = dict(space="mobilenet", se=True, resolution=(48, 32), num_classes=5, score="meanfield", layers=8)
    found = zennas.search(flops=["2M", "6M"], iterations=300, rescore=0, out=tmp_path / "run", **settings)
    command = next(step["command"] for step in next_steps(found) if "--start" in step["command"])
    bound = next(str(budget.high) for budget in found.best.budgets if budget.quantity == "flops")
    assert "--space mobilenet" in command
    assert "--score meanfield" in command
    assert f"--flops {float(bound) / 1e6:g}M " in f"{command} "
    more = ["--iterations", "64", "--rescore", "0", "--out", str(tmp_path / "next")]
    done = CliRunner().invoke(app, [*shlex.split(command)[1:], *more], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_a_search_in_memory_has_no_next_steps() -> None:
    assert next_steps(zennas.search(params="60k", layers=8, iterations=64, rescore=0)) == []


@pytest.mark.parametrize(
    ("costs", "scores", "expected"),
    [
        # Gains by doubling: 10, 9, 1: the bend is at the third.
        ([1, 2, 4, 8], [0, 10, 19, 20], 2),
        ([1, 2, 4, 8], [0, 1, 3, 9], None),
        ([1, 2], [0, 1], None),
        ([1, 1, 2], [0, 1, 2], None),
        ([1, 2, 8], [0, 10, 12], 1),
    ],
)
def test_a_frontier_bends_where_the_gain_of_a_doubling_falls_most(
    costs: list[float], scores: list[float], expected: int | None
) -> None:
    assert bend(costs, scores) == expected
