"""How well accuracies are predicted of networks that were left out."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from zennas.accuracy.bootstrap import HIGH, LOW
from zennas.accuracy.examples import BASELINES, Examples
from zennas.accuracy.learner import LEARNERS, calibrated, fit
from zennas.accuracy.measures import Values, correlation, kendall
from zennas.scores.learned.model import as_accuracy

ONE_BY_ONE = 40
"""Networks up to which each is left out alone."""
PARTS = 20
"""Parts of more networks, of which each is left out in turn."""
CLEARLY = 0.9
"""Share of another's error that is clearly less."""
FEWEST_TO_CHOOSE = 20
"""Networks below which chance decides which error is least: then the preferred score and learner are taken."""
RESAMPLES = 500


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval over resamples of the networks."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class OutOfSample:
    """How one predictor did on networks that it had not seen.

    Attributes:
        error: root of the mean squared error, in points of percent.
        spearman: rank correlation with accuracy.
        kendall: Kendall's τ-b with accuracy.
    """

    error: Interval
    spearman: Interval
    kendall: Interval

    def as_json(self) -> dict[str, list[float]]:
        """Each figure as value, lower and upper limit."""
        return {name: [limits["value"], limits["low"], limits["high"]] for name, limits in asdict(self).items()}


def left_out(known: Examples, predict: Callable[[Examples, Examples], Values], seed: int = 0) -> Values:
    """The target of every network, predicted from others.

    Args:
        known: the networks. Up to `ONE_BY_ONE` are left out one by one, more of them in `PARTS` parts.
        predict: called with those to learn from and those to predict; returns the targets.
        seed: of the parts.
    """
    count = len(known)
    order = np.arange(count) if count <= ONE_BY_ONE else np.random.default_rng(seed).permutation(count)
    predicted = np.empty(count)
    for part in np.array_split(order, count if count <= ONE_BY_ONE else PARTS):
        predicted[part] = predict(known.at(np.setdiff1d(order, part)), known.at(part))
    return predicted


def by_learner(learner: str, seed: int = 0) -> Callable[[Examples, Examples], Values]:
    """What `left_out` calls for a learner."""
    return lambda some, others: fit(some, learner, seed).target(others.networks)


def by_baseline(known: Examples, others: Examples) -> Values:
    """What `left_out` calls for a calibrated zero-shot score."""
    intercept, slope = calibrated(known.networks.log_score, known.target)
    return intercept + slope * others.networks.log_score


def best_baseline(known: Examples, seed: int = 0) -> str:
    """The zero-shot score whose calibration errs least on networks left out; the preferred one unless another errs
    clearly less, and there are networks enough to tell."""
    if len(known) < FEWEST_TO_CHOOSE:
        return BASELINES[0]
    return _least(known, {name: left_out(known.on(name), by_baseline, seed) for name in BASELINES})


def best_learner(known: Examples, seed: int = 0) -> tuple[str, Values]:
    """The learner that errs least on networks left out, the preferred one unless another errs clearly less, and there
    are networks enough to tell; and what it predicted of them."""
    learners = list(LEARNERS)[: None if len(known) >= FEWEST_TO_CHOOSE else 1]
    predicted = {name: left_out(known, by_learner(name, seed), seed) for name in learners}
    chosen = _least(known, predicted)
    return chosen, predicted[chosen]


def _least(known: Examples, predicted: Mapping[str, Values]) -> str:
    """The name of the predictions that err least; the first one unless another errs clearly less."""
    errors = {name: root_mean_square(values - known.target) for name, values in predicted.items()}
    first, best = next(iter(errors)), min(errors, key=errors.__getitem__)
    return best if errors[best] < CLEARLY * errors[first] else first


def root_mean_square(values: Values) -> float:
    """Root of the mean square."""
    return float(np.sqrt((values**2).mean()))


def out_of_sample(predicted: Values, known: Examples, ranking: Values | None = None, seed: int = 0) -> OutOfSample:
    """The figures of predictions.

    Args:
        predicted: the target of each network, as `left_out` gives it.
        known: the networks.
        ranking: what ranks them; by default what is predicted. A zero-shot score ranks without being calibrated, and
            its calibration on all others would turn the ranks of a score that says nothing upside down.
        seed: of the resampling.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    accuracy, true = as_accuracy(predicted), known.accuracy
    ranks = accuracy if ranking is None else ranking
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(0, len(known), len(known)) for _ in range(RESAMPLES)]

    def interval(figure: Callable[[Values, Values], float], values: Values) -> Interval:
        found = [figure(values[places], true[places]) for places in drawn]
        low, high = np.percentile(found, (LOW, HIGH))
        return Interval(figure(values, true), float(low), float(high))

    return OutOfSample(
        interval(lambda one, other: root_mean_square(one - other), accuracy),
        interval(correlation, ranks),
        interval(kendall, ranks),
    )
