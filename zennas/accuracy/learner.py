"""Learning accuracy from a few trained networks: a zero-shot score is calibrated, and where it errs is learned.

With few networks a learner knows less than a good zero-shot score. So what is learned is a correction of that score,
shrunk as far as the data asks for: a Gaussian process whose amplitude, length and noise are those of the highest
posterior density, or a ridge regression whose penalty is chosen by its leave-one-out error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from zennas.accuracy.examples import Examples
from zennas.accuracy.measures import Values
from zennas.optional_dependencies import require
from zennas.scores.learned.corrections import Correction, GaussianProcess, Linear
from zennas.scores.learned.features import FEATURES, Described, feature_columns
from zennas.scores.learned.model import Scaling

PURPOSE = "learning accuracy"
PRIOR = (0.5, 2.0, 0.06)
"""Variance of the correction, length of a feature, and variance of noise that are expected, in units of the target's
variance and of the features' standard deviation; medians."""
PRIOR_WIDTHS = (2.0, 0.7, 1.6)
"""How far from them the data may lead: standard deviations of the logarithms."""
KNOWN_NOISE_WIDTH = 0.5
"""That of the noise where the spread between trainings is known."""
MOST_POINTS = 400
"""Networks that a Gaussian process is learned from, at most; of more, so many are drawn."""
SAME = 1e-9
"""Spread of a feature, relative to its values, below which the networks are alike in it."""
_ANY = (1e-9, 1e9)
_JITTER = 1e-8
PENALTIES = 10.0 ** np.linspace(-1, 3, 17)


@dataclass(frozen=True)
class Trained:
    """What a learner makes: y = intercept + slope · log(zero-shot score) + correction."""

    intercept: float
    slope: float
    correction: Correction


Learner = Callable[[Values, Values, Values, Values], Trained]
"""Called with standardised features, the zero-shot score's logarithm, the target, and the noise of the target."""


@dataclass(frozen=True)
class Fitted:
    """What was learned from some networks, with how their features are standardised."""

    trained: Trained
    scaling: Scaling

    def target(self, networks: Described) -> Values:
        """The predicted target of networks like those that it was learned from."""
        features, _ = self.scaling.standardised(networks)
        correction = self.trained.correction.mean(features)
        return self.trained.intercept + self.trained.slope * networks.log_score + correction


def fit(known: Examples, learner: str, seed: int = 0) -> Fitted:
    """Learn from all of the networks.

    Args:
        known: the networks, three or more.
        learner: of `LEARNERS`.
        seed: of the choice of `MOST_POINTS` among more networks.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    scaling = scaled(known.networks)
    if len(known) > MOST_POINTS:
        known = known.at(np.sort(np.random.default_rng(seed).choice(len(known), MOST_POINTS, replace=False)))
    features, _ = scaling.standardised(known.networks)
    if not features.shape[1]:  # the same network over and over: there is nothing to learn from but the score
        intercept, slope = calibrated(known.networks.log_score, known.target)
        return Fitted(Trained(intercept, slope, Linear(np.zeros(0), 0.0, 0.0)), scaling)
    return Fitted(LEARNERS[learner](features, known.networks.log_score, known.target, known.noise), scaling)


def scaled(networks: Described) -> Scaling:
    """How the features of trained networks are standardised. What they have all alike is not learned from."""
    features = list(FEATURES.values())
    columns = feature_columns(networks, features)
    widths = [column.shape[1] for column in columns]
    table = np.concatenate(columns, axis=1)
    spread = table.std(axis=0)
    varies = spread > SAME * np.maximum(1, np.abs(table).max(axis=0))
    learned = np.repeat([feature.learned for feature in features], widths) & varies
    least = np.repeat([feature.least for feature in features], widths)
    return Scaling(
        tuple(feature.name for feature in features),
        table.mean(axis=0),
        np.where(learned, spread, np.maximum(spread, least)),
        table.min(axis=0),
        table.max(axis=0),
        learned,
    )


def calibrated(log_score: Values, target: Values) -> tuple[float, float]:
    """Intercept and slope of the target over a zero-shot score's logarithm, by least squares. A score that falls with
    accuracy gets the slope 0."""
    spread = log_score - log_score.mean()
    square = float((spread**2).sum())
    slope = max(0.0, float((spread * target).sum()) / square) if square > 0 else 0.0
    return float(target.mean() - slope * log_score.mean()), slope


def gaussian_process(features: Values, log_score: Values, target: Values, noise: Values) -> Trained:
    """A Gaussian process around the calibrated score, whose slope is fitted again under the process's covariance.

    Args:
        features: networks×features, standardised.
        log_score: logarithm of the zero-shot score.
        target: what is learned.
        noise: standard deviation of the target between trainings, or not a number.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    gaussian: Any = require("sklearn.gaussian_process", "train", PURPOSE)
    kernels: Any = require("sklearn.gaussian_process.kernels", "train", PURPOSE)
    unit = float(target.std()) or 1.0
    intercept, slope = calibrated(log_score, target)
    kernel = kernels.ConstantKernel(1.0, _ANY) * kernels.RBF(1.0, _ANY) + kernels.WhiteKernel(1.0, _ANY)
    optimizer = _most_probable(features.shape[1], noise / unit)
    process = gaussian.GaussianProcessRegressor(kernel, alpha=_JITTER, optimizer=optimizer)
    process.fit(features, (target - intercept - slope * log_score) / unit)
    # With the process known, the line is the one from which it has to lead away least.
    intercept, slope = _generalised(process.kernel_(features), log_score, target)
    process = gaussian.GaussianProcessRegressor(process.kernel_, alpha=_JITTER, optimizer=None)
    process.fit(features, (target - intercept - slope * log_score) / unit)
    variance, length, noise_variance = np.exp(process.kernel_.theta)
    correction = GaussianProcess(
        features,
        process.alpha_ / unit,
        unit * float(variance**0.5),
        float(length),
        unit * float((noise_variance + _JITTER) ** 0.5),
    )
    return Trained(intercept, slope, correction)


def _most_probable(features: int, noise: Values) -> Any:
    """What maximises the posterior density of the kernel's parameters, for scikit-learn."""
    minimize: Any = require("scipy.optimize", "train", PURPOSE).minimize
    variance, length, noise_variance = PRIOR
    widths = np.array(PRIOR_WIDTHS)
    known = noise[np.isfinite(noise)]
    if len(known) and (known > 0).any():
        noise_variance, widths[2] = float((known**2).mean()), KNOWN_NOISE_WIDTH
    mode = np.log([variance, length**2 * max(1, features), noise_variance]) * np.array([1, 0.5, 1])
    limits = list(zip(mode - 5 * widths, mode + 5 * widths, strict=True))

    def optimizer(density: Any, start: Values, bounds: Values) -> tuple[Values, float]:
        def cost(theta: Values) -> tuple[float, Values]:
            value, gradient = density(theta, eval_gradient=True)
            away = (theta - mode) / widths
            return value + 0.5 * float((away**2).sum()), gradient + away / widths

        found = minimize(cost, mode, jac=True, method="L-BFGS-B", bounds=limits)
        return found.x, found.fun

    return optimizer


def _generalised(covariance: Values, log_score: Values, target: Values) -> tuple[float, float]:
    """Intercept and slope by generalised least squares; a slope below 0 becomes 0."""
    inverse = np.linalg.inv(covariance + _JITTER * np.eye(len(target)))
    ones = np.ones(len(target))
    terms = np.stack([ones, log_score], axis=1)
    intercept, slope = np.linalg.lstsq(terms.T @ inverse @ terms, terms.T @ inverse @ target, rcond=None)[0]
    if slope < 0:
        return float(ones @ inverse @ target / (ones @ inverse @ ones)), 0.0
    return float(intercept), float(slope)


def ridge(features: Values, log_score: Values, target: Values, noise: Values) -> Trained:
    """A weighted sum of the features on top of the calibrated score.

    Args:
        features: networks×features, standardised.
        log_score: logarithm of the zero-shot score.
        target: what is learned.
        noise: not read: the penalty is chosen by the leave-one-out error.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    linear: Any = require("sklearn.linear_model", "train", PURPOSE)
    intercept, slope = calibrated(log_score, target)
    model = linear.RidgeCV(PENALTIES).fit(features, target - intercept - slope * log_score)
    left = float(max(0.0, -model.best_score_) ** 0.5)
    return Trained(intercept, slope, Linear(np.array(model.coef_, float), float(model.intercept_), left))


LEARNERS: dict[str, Learner] = {"gaussian-process": gaussian_process, "ridge": ridge}
"""What learns a correction, the preferred one first."""
