"""How much better than the best that is known a network is expected to be, from a prediction and its uncertainty.

Accuracy models predict y = −log(100 − accuracy) as normal (`zennas.scores.learned.model`), with mean μ and standard
deviation s. Over the best accuracy b, with d = (μ + log(100 − b)) / s, the expected improvement
E[max(0, accuracy − b)] is then

    (100 − b) · (Φ(d) − ½ · exp(−½·d²) · erfcx((s − d) / √2)),

which, unlike the usual one of a normal accuracy (Jones et al. 1998), never exceeds what is left to 100 %.
"""

from collections.abc import Sequence
from math import erf, erfc, exp, log, pi, sqrt

FARTHEST = 1.0
"""Standard deviations of the features beyond those that were trained, up to which a network is like them."""
LEAST_ERROR = 0.01
"""Percent of wrong answers below which accuracies are not told apart."""


def expected_improvement(mean: float, std: float, best: float) -> float:
    """The improvement that a network is expected to bring, in percent.

    Args:
        mean: the predicted accuracy, in percent.
        std: its standard deviation, in percent; 0 for one that is certain.
        best: the highest accuracy so far, in percent.
    """
    error, left = max(100 - mean, LEAST_ERROR), max(100 - best, LEAST_ERROR)
    s = std / error
    if s <= 0:
        return max(0.0, mean - best)
    d = log(left / error) / s
    return max(0.0, left * (0.5 * (1 + erf(d / sqrt(2))) - 0.5 * _scaled((s - d) / sqrt(2), -d * d / 2)))


def _scaled(x: float, exponent: float) -> float:
    """exp(exponent) · erfcx(x), erfcx(x) = exp(x²) · erfc(x), for an exponent that is not above 0."""
    # Beyond 20 erfc is nearly 0 and exp(x²) nearly infinite, while their product is 1 / (x·√π) to 0.2 %.
    return exp(exponent) / (x * sqrt(pi)) if x > 20 else exp(x * x + exponent) * erfc(x)


def improvements(means: Sequence[float], stds: Sequence[float], best: float | None = None) -> list[float]:
    """Expected improvements of several networks.

    Args:
        means: predictions in percent.
        stds: their standard deviations in percent.
        best: the highest accuracy so far in percent; by default the highest of the predictions.
    """
    best = max(means, default=0.0) if best is None else best
    return [expected_improvement(mean, std, best) for mean, std in zip(means, stds, strict=True)]


def known_enough(beyond: Sequence[float]) -> list[int]:
    """Numbers of the networks whose uncertainty counts as a promise; the others are unlike all that were trained, and
    all that is known of them is that.

    Args:
        beyond: e² of each, how far it is outside of what was trained (`zennas.scores.learned.model`).
    """
    return [number for number, square in enumerate(beyond) if square <= FARTHEST**2]
