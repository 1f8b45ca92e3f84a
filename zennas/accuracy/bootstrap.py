"""Intervals of a score's measures by resampling the networks with replacement, from a seed."""

from collections.abc import Sequence

import numpy as np

from zennas.accuracy.measures import Indices, Measures, Values, measure, over_recipes

LOW, HIGH = 2.5, 97.5
"""Percentiles of the resamples: between them lie 95 %."""


def intervals(
    values: Sequence[Values],
    accuracy: Values,
    flops: Values,
    groups: Sequence[Indices],
    resamples: int,
    seed: int = 0,
) -> list[tuple[Measures, Measures]]:
    """The 95 % intervals of the measures of several scores: lower and upper limits of each score.

    Every score sees the same resamples. Recipes are resampled apart, so that each keeps its number of networks.

    Args:
        values: of each score, one number a network; not a finite number where it refused the network.
        accuracy: of each network, in percent.
        flops: multiply-adds of each network.
        groups: places of the networks of each recipe.
        resamples: drawn from the seed; more give steadier limits.
        seed: of the resampling.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    rng = np.random.default_rng(seed)
    found = np.full((len(values), resamples, len(Measures._fields)), np.nan)
    for number in range(resamples):
        drawn = [group[rng.integers(0, len(group), len(group))] for group in groups]
        for row, score in enumerate(values):
            kept = [places[np.isfinite(score[places])] for places in drawn]
            found[row, number] = _measured(score, accuracy, flops, kept)
    return [_limits(rows) for rows in found]


def _measured(score: Values, accuracy: Values, flops: Values, groups: Sequence[Indices]) -> Measures:
    return over_recipes(groups, lambda places: measure(score[places], accuracy[places], flops[places]))


def _limits(rows: Values) -> tuple[Measures, Measures]:
    limits = []
    for column in rows.T:
        known = column[np.isfinite(column)]
        limits.append(np.percentile(known, (LOW, HIGH)) if len(known) else (np.nan, np.nan))
    low, high = (Measures(*(float(pair[side]) for pair in limits)) for side in (0, 1))
    return low, high
