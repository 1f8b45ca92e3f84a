"""Learning from a few networks of a benchmark and ranking the rest."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.accuracy.learned import lawful_networks
from zennas.accuracy.fitted_study import fitted_study
from zennas.cli.main import app
from zennas.errors import UnknownNameError, ZennasError

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

EXCERPT = Path(__file__).parents[1] / "data" / "nas_bench_macro_excerpt.json"
LAWFUL = lawful_networks(60)


def test_what_was_learned_ranks_the_others_better() -> None:
    seen: list[tuple[str, int, int]] = []
    found = fitted_study(LAWFUL, 20, 2, watch=lambda *progress: seen.append(progress))
    assert found.fitted.spearman > found.zero_shot.spearman
    assert found.lowest.spearman <= found.fitted.spearman <= found.highest.spearman
    assert (found.trained, found.seeds, found.choice, found.fell_back) == (20, 2, "spread", 0)
    assert seen == [("fitted", 1, 2), ("fitted", 2, 2)]
    assert fitted_study(LAWFUL, 20, 2) == found


def test_accuracies_of_the_others_are_not_looked_at() -> None:
    """Where the networks that are learned from follow the law and the others do not, nothing is foreseen of these."""
    from zennas.accuracy.choosing import choose
    from zennas.accuracy.examples import examples

    places = choose(examples(LAWFUL.networks), 20, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    noise = replace(
        LAWFUL,
        networks=tuple(
            n if place in places else replace(n, accuracy=float(rng.uniform(80, 95)))
            for place, n in enumerate(LAWFUL.networks)
        ),
    )
    assert abs(fitted_study(noise, 20, 1).fitted.spearman) < 0.4


def test_recipes_are_learned_from_apart() -> None:
    """Of two recipes whose accuracies lie 20 % apart, together nothing could be ranked."""
    moved = tuple(replace(n, accuracy=n.accuracy - 20, recipe="short") for n in lawful_networks(40, seed=1).networks)
    found = fitted_study(replace(LAWFUL, networks=(*LAWFUL.networks[:40], *moved)), 20, 1)
    assert found.fitted.spearman > 0.9


def test_what_cannot_be_learned_from() -> None:
    with pytest.raises(ZennasError, match="58 networks and to rank others, 61 of one recipe are needed; there are 60"):
        fitted_study(LAWFUL, 58)
    with pytest.raises(ZennasError, match="2 networks are too few"):
        fitted_study(LAWFUL, 2)
    with pytest.raises(UnknownNameError, match="choice of networks"):
        fitted_study(LAWFUL, 10, choice="best")


def test_the_command_names_it_fitted() -> None:
    words = ["study", str(EXCERPT), "--score", "zen-weighted,flops", "--fit", "20", "--seeds", "2"]
    scores = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)["files"][0]["scores"]
    assert set(scores) == {"zen-weighted", "flops", "fitted"}
    assert set(scores["fitted"]) >= {"spearman", "kendall", "within_flops", "regret", "zero_shot", "fell_back"}
    assert scores["fitted"]["trained"] == 20
    shown = CliRunner().invoke(app, words).stdout
    assert "learned from 20 networks" in shown
    assert f"{scores['fitted']['spearman']:.3f}" in shown
