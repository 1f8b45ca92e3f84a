"""Measures of a ranking, their intervals, and what the noise of training leaves."""

import numpy as np
import pytest
from scipy import stats

from zennas.accuracy.bootstrap import intervals
from zennas.accuracy.measures import (
    Measures,
    correlation,
    kendall,
    measure,
    over_recipes,
    ranks,
    recipe_groups,
    regret,
    weighted_mean,
    within_parts,
)
from zennas.accuracy.noise import noise_ceiling, share_of_the_way


def test_ranks_and_correlation_are_scipys_also_with_ties() -> None:
    rng = np.random.default_rng(1)
    for count in (3, 10, 200):
        one, other = rng.integers(0, 8, count).astype(float), rng.normal(size=count)
        assert ranks(one).tolist() == (stats.rankdata(one) - 1).tolist()
        assert correlation(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)
    assert correlation(np.ones(5), np.arange(5.0)) == kendall(np.ones(5), np.arange(5.0)) == 0


def test_regret_by_hand() -> None:
    flops = np.arange(1.0, 9.0)
    accuracy = np.array([50.0, 60, 55, 70, 65, 80, 75, 90])
    # Multiply-adds pick the largest network within each budget: three of the eight are not the best there is.
    assert regret(flops, accuracy, flops) == pytest.approx((5 + 5 + 5) / 8)
    assert regret(accuracy, accuracy, flops) == 0
    # Equal scores pick at random: the mean of all within the budget counts.
    lost = [accuracy[: n + 1].max() - accuracy[: n + 1].mean() for n in range(8)]
    assert regret(np.ones(8), accuracy, np.quantile(flops, 1) * np.ones(8)) == pytest.approx(lost[-1])


def test_within_tenths_cost_explains_nothing_where_it_is_all_that_a_score_knows() -> None:
    rng = np.random.default_rng(0)
    flops = np.repeat(np.arange(10.0), 30)
    quality = rng.normal(size=300)
    accuracy = 10 * flops + quality
    assert correlation(flops, accuracy) > 0.9
    assert within_parts(flops, accuracy, flops) == 0
    assert within_parts(quality, accuracy, flops) == pytest.approx(1)
    assert np.isnan(within_parts(quality[:29], accuracy[:29], flops[:29]))


def test_recipes_are_measured_apart_and_averaged_by_their_networks() -> None:
    recipes = ["a", "b", "a", "b", "a", "b", "b"]
    groups = recipe_groups(recipes)
    assert [group.tolist() for group in groups] == [[0, 2, 4], [1, 3, 5, 6]]
    values = np.array([1.0, 4, 2, 3, 3, 2, 1])
    # Recipe b is trained better by 10 points, which ranks nothing: in a the score is right, in b reversed.
    accuracy = np.array([1.0, 11, 2, 12, 3, 13, 14])
    flops = np.ones(7)
    found = over_recipes(groups, lambda at: measure(values[at], accuracy[at], flops[at]))
    assert found.spearman == pytest.approx((3 * 1 + 4 * -1) / 7)
    assert weighted_mean([[1.0, np.nan], [4.0, 2.0]], [1, 2]) == [3.0, 2.0]
    assert np.isnan(weighted_mean([[np.nan]], [1])).all()


def test_intervals_hold_the_value_repeat_and_narrow_with_more_networks() -> None:
    rng = np.random.default_rng(3)
    width = []
    for count in (40, 640):
        values = rng.normal(size=count)
        accuracy, flops = values + rng.normal(size=count), rng.uniform(size=count)
        groups = recipe_groups([""] * count)
        found = intervals([values, flops], accuracy, flops, groups, 100, seed=5)
        assert found == intervals([values, flops], accuracy, flops, groups, 100, seed=5)
        assert found[0] != intervals([values], accuracy, flops, groups, 100, seed=6)[0]
        # A score sees the same resamples whatever stands beside it.
        assert found[0] == intervals([values], accuracy, flops, groups, 100, seed=5)[0]
        low, high = found[0]
        value = measure(values, accuracy, flops)
        for name in ("spearman", "kendall"):
            assert getattr(low, name) < getattr(value, name) < getattr(high, name)
        width.append(high.spearman - low.spearman)
    assert width[1] < width[0] / 2


def test_refused_networks_stay_out_of_the_resamples() -> None:
    values = np.r_[np.arange(20.0), np.full(20, np.nan)]
    accuracy = np.r_[np.arange(20.0), np.arange(20.0)[::-1]]
    low, high = intervals([values], accuracy, np.ones(40), recipe_groups([""] * 40), 20)[0]
    assert low.spearman == pytest.approx(1)
    assert high.spearman == pytest.approx(1)


def test_the_ceiling_is_what_a_score_reaches_that_knows_the_expected_accuracies() -> None:
    rng = np.random.default_rng(2)
    truth, flops = rng.normal(size=4000), rng.uniform(size=4000)
    runs = truth[:, None] + 0.7 * rng.normal(size=(4000, 3))
    ceiling = noise_ceiling(runs, flops)
    assert ceiling.runs == 3
    assert ceiling.spearman == pytest.approx(correlation(truth, runs.mean(axis=1)), abs=0.01)
    assert ceiling.within_flops == pytest.approx(within_parts(truth, runs.mean(axis=1), flops), abs=0.02)
    assert ceiling.one_run.spearman == pytest.approx(correlation(runs[:, 0], runs[:, 1:].mean(axis=1)), abs=0.02)
    assert ceiling.one_run.spearman < ceiling.spearman < 1
    assert noise_ceiling(np.repeat(truth[:50, None], 2, axis=1), flops[:50]).spearman == pytest.approx(1)
    assert noise_ceiling(np.c_[truth, -truth], flops).spearman == 0


def test_the_share_of_the_way() -> None:
    assert share_of_the_way(0.9, 0.8, 0.95) == pytest.approx(2 / 3)
    assert share_of_the_way(0.7, 0.8, 0.9) == pytest.approx(-1)
    assert np.isnan(share_of_the_way(0.9, 0.9, 0.9))


def test_too_few_networks_rank_nothing() -> None:
    assert np.isnan(measure(np.ones(2), np.ones(2), np.ones(2))).all()
    assert isinstance(measure(np.ones(2), np.ones(2), np.ones(2)), Measures)
