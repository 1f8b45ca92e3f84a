"""How much better than the best that is known a network is expected to be, from a prediction and its uncertainty."""

from collections.abc import Sequence
from math import erf, exp, pi, sqrt


def expected_improvement(mean: float, std: float, best: float) -> float:
    """E[max(0, a − best)] of an accuracy a that is normal around a prediction (Mockus 1978; Jones et al. 1998, eq. 15).

    Args:
        mean: the prediction, in percent.
        std: its standard deviation, in percent; 0 for one that is certain.
        best: the highest accuracy so far, in percent.
    """
    if std <= 0:
        return max(0.0, mean - best)
    z = (mean - best) / std
    return std * (z * 0.5 * (1 + erf(z / sqrt(2))) + exp(-z * z / 2) / sqrt(2 * pi))


def improvements(means: Sequence[float], stds: Sequence[float], best: float | None = None) -> list[float]:
    """Expected improvements of several networks.

    Args:
        means: predictions in percent.
        stds: their standard deviations in percent.
        best: the highest accuracy so far in percent; by default the highest of the predictions.
    """
    best = max(means, default=0.0) if best is None else best
    return [expected_improvement(mean, std, best) for mean, std in zip(means, stds, strict=True)]
