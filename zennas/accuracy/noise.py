"""What the noise of training leaves to a score: a benchmark that trained every network several times knows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zennas.accuracy.measures import Measures, correlation, measure, within_parts


@dataclass(frozen=True)
class NoiseCeiling:
    """How well networks can be ranked at all.

    Attributes:
        runs: trainings of each network.
        one_run: how one run ranks the mean of the others, mean over the runs.
        spearman: rank correlation with the mean of all runs of a score that knew the expected accuracies.
        within_flops: the same within tenths of equal multiply-adds.
    """

    runs: int
    one_run: Measures
    spearman: float
    within_flops: float


def noise_ceiling(runs: NDArray[np.float64], flops: NDArray[np.float64]) -> NoiseCeiling:
    """The ceiling from the accuracies of several runs.

    Two runs of equal noise correlate by r, the share of the variance that is the networks'. Of the mean of k runs it is
    k·r / (1 + (k − 1)·r) (Spearman and Brown), and the root of that is the correlation of the expected accuracies with
    that mean. A single run has noise of its own and ranks worse.

    Args:
        runs: accuracies, one row a network, one column a run; two runs or more.
        flops: multiply-adds of the networks.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    count = runs.shape[1]
    singles = [measure(runs[:, i], np.delete(runs, i, axis=1).mean(axis=1), flops) for i in range(count)]
    pairs = [(runs[:, i], runs[:, j]) for i in range(count) for j in range(i)]
    return NoiseCeiling(
        count,
        Measures(*(float(v) for v in np.mean(singles, axis=0))),
        _ceiling(float(np.mean([correlation(one, other) for one, other in pairs])), count),
        _ceiling(float(np.mean([within_parts(one, other, flops) for one, other in pairs])), count),
    )


def _ceiling(agreement: float, runs: int) -> float:
    """Of the mean of the runs, from the correlation of two of them; runs that do not agree leave nothing to rank."""
    if not agreement > 0:
        return float("nan") if np.isnan(agreement) else 0.0
    return float(np.sqrt(runs * agreement / (1 + (runs - 1) * agreement)))


def share_of_the_way(value: float, start: float, ceiling: float) -> float:
    """Which share of the way from one rank correlation to the ceiling another one is; unknown where there is no way.

    Args:
        value: of the score.
        start: that of multiply-adds.
        ceiling: of the benchmark.
    """
    return (value - start) / (ceiling - start) if ceiling > start else float("nan")
