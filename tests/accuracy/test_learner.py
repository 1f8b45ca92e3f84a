"""What is learned of accuracies, and how it is measured on networks that were left out."""

from dataclasses import replace

import numpy as np
import pytest

from tests.accuracy.learned import lawful_networks
from zennas.accuracy.choosing import CHOICES, choose
from zennas.accuracy.examples import BASELINES, examples
from zennas.accuracy.learner import LEARNERS, MOST_POINTS, calibrated, fit
from zennas.accuracy.measures import correlation
from zennas.accuracy.out_of_sample import best_baseline, by_baseline, by_learner, left_out, out_of_sample
from zennas.errors import UnknownNameError, ZennasError
from zennas.scores import ScoreSettings, compute_score
from zennas.scores.learned.corrections import GaussianProcess
from zennas.scores.learned.features import FEATURES, described, feature_columns

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

KNOWN = lawful_networks(60)
POOL = examples(KNOWN.networks)


def test_calibration_is_least_squares_and_never_turns_a_score_upside_down() -> None:
    rng = np.random.default_rng(0)
    score, target = rng.normal(size=20), rng.normal(size=20)
    target += score
    slope, intercept = np.polyfit(score, target, 1)
    assert calibrated(score, target) == pytest.approx((intercept, slope))
    assert calibrated(score, -target) == (pytest.approx(-target.mean()), 0.0)
    assert calibrated(np.ones(20), target) == (pytest.approx(target.mean()), 0.0)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_law_is_learned_that_the_score_does_not_know(learner: str) -> None:
    some, others = POOL.at(np.arange(30)), POOL.at(np.arange(30, 60))
    target = fit(some, learner).target(others.networks)
    learned = np.abs(target - others.target).mean()
    calibrated_error = np.abs(by_baseline(some, others) - others.target).mean()
    assert learned < 0.7 * calibrated_error
    assert correlation(target, others.target) > correlation(others.networks.log_score, others.target)


def test_a_process_predicts_as_scikit_learn_does() -> None:
    """The kernel, the mean and the standard deviation are those of its own regressor with the same parameters."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    fitted = fit(POOL.at(np.arange(30)), "gaussian-process")
    correction, line = fitted.trained.correction, fitted.trained
    assert isinstance(correction, GaussianProcess)
    others = POOL.at(np.arange(30, 60))
    features, _ = fitted.scaling.standardised(others.networks)
    kernel = ConstantKernel(correction.amplitude**2) * RBF(correction.length) + WhiteKernel(correction.noise**2)
    process = GaussianProcessRegressor(kernel, alpha=1e-12, optimizer=None)
    some = POOL.at(np.arange(30))
    process.fit(correction.points, some.target - line.intercept - line.slope * some.networks.log_score)
    mean, std = process.predict(features, return_std=True)
    np.testing.assert_allclose(correction.mean(features), mean, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(correction.std(features), std, rtol=1e-4)


def test_networks_all_alike_in_a_feature_teach_nothing_about_it() -> None:
    fitted = fit(POOL.at(np.arange(20)), "ridge")
    widths = [column.shape[1] for column in feature_columns(POOL.networks, list(FEATURES.values()))]
    places = dict(zip(FEATURES, np.cumsum(widths), strict=True))
    assert not fitted.scaling.learned[places["resolution"] - 1]
    assert fitted.scaling.learned[places["params"] - 1]
    # What only tells how far a network is from the trained ones is not learned from, however it varies.
    assert not fitted.scaling.learned[places["kernel"] - 1]


def test_noise_that_is_known_is_not_fitted_to() -> None:
    known = lawful_networks(40, noise=0.2, last_layers=0)
    pool = examples([replace(n, std=0.2 * (100 - n.accuracy)) for n in known.networks])
    assert pool.noise == pytest.approx(np.full(40, 0.2))
    told = fit(pool, "gaussian-process").trained.correction
    assert isinstance(told, GaussianProcess)
    assert told.noise == pytest.approx(0.2, rel=0.35)


def test_of_many_networks_a_process_keeps_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zennas.accuracy.learner.MOST_POINTS", 25)
    assert MOST_POINTS > 25
    correction = fit(POOL, "gaussian-process", seed=1).trained.correction
    assert isinstance(correction, GaussianProcess)
    assert len(correction.points) == 25
    again = fit(POOL, "gaussian-process", seed=1).trained.correction
    assert isinstance(again, GaussianProcess)
    assert (again.points == correction.points).all()


def test_what_is_left_out_is_not_learned_from() -> None:
    pool = POOL.at(np.arange(20))
    predicted = left_out(pool, by_learner("ridge"))
    for place in (0, 7, 19):
        others = np.delete(np.arange(20), place)
        expected = fit(pool.at(others), "ridge").target(pool.at(np.array([place])).networks)
        assert predicted[place] == pytest.approx(expected[0])


def test_figures_of_perfect_predictions() -> None:
    found = out_of_sample(POOL.target, POOL)
    assert found.error.value == pytest.approx(0, abs=1e-9)
    assert (found.spearman.value, found.kendall.value) == (1, pytest.approx(1))
    assert found.spearman.low == pytest.approx(1)


def test_a_score_that_says_nothing_is_not_called_the_reverse_of_accuracy() -> None:
    """Predicted by the mean of all others, each network would stand at the other end."""
    pool = POOL.at(np.arange(30))
    constant = replace(pool, networks=replace(pool.networks, log_score=np.zeros(30)))
    predicted = left_out(constant, by_baseline)
    assert out_of_sample(predicted, pool).spearman.value < -0.99
    noise = np.random.default_rng(0).normal(size=30)
    assert abs(out_of_sample(predicted, pool, noise).spearman.value) < 0.4


def test_the_preferred_score_stays_unless_another_errs_clearly_less() -> None:
    assert best_baseline(POOL) == BASELINES[0]
    by_params = replace(POOL, target=0.1 * POOL.log_scores["params"])
    assert best_baseline(by_params) == "params"


def test_scores_of_examples_are_those_of_the_registry() -> None:
    for name in BASELINES:
        expected = [compute_score(name, n.network, 32, ScoreSettings(num_classes=10)).score for n in KNOWN.networks]
        np.testing.assert_allclose(np.exp(POOL.log_scores[name]), expected, rtol=1e-12)


def test_many_networks_are_described_as_each_alone() -> None:
    networks = [n.network for n in KNOWN.networks[:10]]
    alone = described(networks, [32] * 10, [10] * 10, BASELINES[0])
    for column, other in zip(
        feature_columns(alone, list(FEATURES.values())),
        feature_columns(POOL.at(np.arange(10)).networks, list(FEATURES.values())),
        strict=True,
    ):
        assert (column == other).all()


@pytest.mark.parametrize("choice", CHOICES)
def test_choices_are_so_many_different_networks_and_look_at_no_accuracy(choice: str) -> None:
    blind = replace(POOL, accuracy=POOL.accuracy[::-1], target=POOL.target[::-1])
    chosen = choose(POOL, 12, np.random.default_rng(3), choice)
    assert len(set(chosen.tolist())) == 12
    assert (chosen == choose(blind, 12, np.random.default_rng(3), choice)).all()
    assert len(choose(POOL, len(POOL), np.random.default_rng(0), choice)) == len(POOL)


def test_a_choice_takes_one_of_each_part() -> None:
    chosen = choose(POOL, 10, np.random.default_rng(0), "cost")
    parts = np.array_split(np.argsort(POOL.flops, kind="stable"), 10)
    assert sorted(int(np.isin(part, chosen).sum()) for part in parts) == [1] * 10


def test_choices_that_cannot_be_made() -> None:
    with pytest.raises(UnknownNameError, match="did you mean spread"):
        choose(POOL, 5, np.random.default_rng(0), "spred")
    with pytest.raises(ZennasError, match="70 networks cannot be chosen of 60"):
        choose(POOL, 70, np.random.default_rng(0))
