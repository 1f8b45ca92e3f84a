"""How well a score ranks networks: over all of them, among networks of equal cost, and by what it would pick.

Only networks of one recipe of training compare. Where a study has several, each is measured alone, and what is reported
is the mean over them, each weighted by its networks.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zennas.optional_dependencies import require

Values = NDArray[np.float64]
Indices = NDArray[np.int64]

FEWEST = 3
"""Networks below which a rank correlation says nothing."""
PARTS = 10
"""Groups of equal multiply-adds: among the networks of one, cost explains little."""
BUDGETS = 8
"""Budgets of multiply-adds for the regret: the networks' quantiles 1/8, 2/8, …, 1."""


class Measures(NamedTuple):
    """How a score ranks networks; not a number where that is not known.

    Attributes:
        spearman: rank correlation with accuracy.
        kendall: Kendall's τ-b with accuracy.
        within_flops: mean of the rank correlations within tenths of equal multiply-adds; unknown below 30 networks.
        regret: mean accuracy, in points of percent, that is lost against the best network under eight budgets.
    """

    spearman: float
    kendall: float
    within_flops: float
    regret: float


UNKNOWN = Measures(*[float("nan")] * len(Measures._fields))


def measure(values: Values, accuracy: Values, flops: Values) -> Measures:
    """The measures of one recipe's networks.

    Args:
        values: the score of each network, finite.
        accuracy: of each, in percent.
        flops: multiply-adds of each.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    if len(values) < FEWEST:
        return UNKNOWN
    return Measures(
        correlation(values, accuracy), kendall(values, accuracy), within_parts(values, accuracy, flops),
        regret(values, accuracy, flops),
    )  # fmt: skip


def ranks(values: Values) -> Values:
    """Ranks from 0 on; equal values share the mean of theirs."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    counts = np.diff(np.r_[starts, len(values)])
    result = np.empty(len(values))
    result[order] = np.repeat(starts + (counts - 1) / 2, counts)
    return result


def correlation(one: Values, other: Values) -> float:
    """Spearman's rank correlation; 0 where one of the two is constant, which ranks nothing."""
    a, b = ranks(one), ranks(other)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale else 0.0


def kendall(one: Values, other: Values) -> float:
    """Kendall's τ-b; 0 where one of the two is constant. Raises `MissingExtraError` without scipy."""
    stats: Any = require("scipy.stats", "report", "rank correlations")
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(stats.kendalltau(one, other).statistic)


def within_parts(values: Values, accuracy: Values, flops: Values) -> float:
    """Mean rank correlation within tenths of equal multiply-adds; unknown where a tenth has fewer than three networks.

    Args:
        values: the score of each network.
        accuracy: of each.
        flops: multiply-adds, which the tenths are made by.
    """
    if len(values) < PARTS * FEWEST:
        return float("nan")
    parts = np.array_split(np.argsort(flops, kind="stable"), PARTS)
    return float(np.mean([correlation(values[part], accuracy[part]) for part in parts]))


def regret(values: Values, accuracy: Values, flops: Values) -> float:
    """Mean over eight budgets of multiply-adds: the accuracy of the best network within the budget, less that of the
    network of the highest score within it. Of equal scores the mean counts.

    Args:
        values: the score of each network.
        accuracy: of each.
        flops: multiply-adds of each.
    """
    lost = []
    for budget in np.quantile(flops, np.arange(1, BUDGETS + 1) / BUDGETS):
        within = flops <= budget
        lost.append(accuracy[within].max() - picked(values[within], accuracy[within]))
    return float(np.mean(lost))


def picked(values: Values, accuracy: Values) -> float:
    """Accuracy of the network of the highest score; of equal ones their mean."""
    return float(accuracy[values == values.max()].mean())


def recipe_groups(recipes: Sequence[str]) -> list[Indices]:
    """The places of each recipe's networks, in the order in which the recipes first occur."""
    names = np.array(recipes, dtype=object)
    return [np.flatnonzero(names == name) for name in dict.fromkeys(recipes)]


def weighted_mean(rows: Sequence[Sequence[float]], weights: Sequence[int]) -> list[float]:
    """Mean of each column over the rows in which it is known, by the rows' weights.

    Args:
        rows: numbers, of equal length.
        weights: one a row.
    """
    table, weight = np.array(rows, float), np.array(weights, float)[:, None]
    known = np.isfinite(table)
    total = (known * weight).sum(axis=0)
    sums = np.where(known, table, 0.0) * weight
    return [float(v) for v in np.where(total > 0, sums.sum(axis=0) / np.maximum(total, 1), np.nan)]


def over_recipes(groups: Sequence[Indices], of_one: Callable[[Indices], Measures]) -> Measures:
    """The mean of the measures of each recipe, weighted by its networks.

    Args:
        groups: the places of each recipe's networks.
        of_one: the measures of the networks at those places.
    """
    rows = [of_one(group) for group in groups]
    return Measures(*weighted_mean(rows, [len(group) for group in groups])) if rows else UNKNOWN
