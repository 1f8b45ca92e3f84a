"""Ranking networks of known accuracy by scores, and saying how well each score would have chosen."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zennas.accuracy.networks import KnownNetwork, KnownNetworks
from zennas.architecture.model import Architecture
from zennas.charts import Chart, Panel, Series
from zennas.errors import ArchitectureError, ScoreError, ZennasError
from zennas.io.tables import csv_text
from zennas.io.text import write_text
from zennas.optional_dependencies import require
from zennas.scores.registry import ScoreSettings, compute_score, registered_score, usable_score

QUANTILES = (0.25, 0.5, 0.75, 1.0)
TOP = 0.1
FEWEST = 3
"""Networks below which a rank correlation says nothing."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreRanking:
    """How one score ranks the networks.

    `spearman`, `kendall`, `top_overlap` and `picks` are not a number where the score refused all networks but two or
    fewer; a pick is not a number, too, where no network that was scored is within its budget.

    Attributes:
        values: one a network; not a number where the score refused it.
        spearman: rank correlation with accuracy, over the networks that were scored.
        kendall: Kendall's τ-b with accuracy.
        top_overlap: share of the 10 % most accurate networks among the 10 % of the highest score.
        picks: accuracy in percent of the network of the highest score under each quantile of multiply-adds.
        seconds: per network.
        refused: networks that the score refused.
    """

    score: str
    values: Values
    spearman: float
    kendall: float
    top_overlap: float
    picks: tuple[float, ...]
    seconds: float
    refused: int


@dataclass(frozen=True)
class Study:
    """Networks and how each score ranks them.

    Attributes:
        budgets: multiply-adds at the quantiles.
        best: the highest accuracy under each of those budgets: what no pick can beat.
    """

    title: str
    networks: tuple[KnownNetwork, ...]
    quantiles: tuple[float, ...]
    budgets: tuple[float, ...]
    best: tuple[float, ...]
    rankings: tuple[ScoreRanking, ...]
    left_out: tuple[str, ...] = ()


def study(
    known: KnownNetworks,
    scores: Sequence[str],
    settings: ScoreSettings | None = None,
    *,
    quantiles: Sequence[float] = QUANTILES,
    sample: int | None = None,
    seed: int = 0,
    watch: Callable[[str, int, int], None] | None = None,
) -> Study:
    """Rank networks by every score. A score that refuses networks, or all of them, has their number in its row.

    Args:
        known: the networks with their accuracies.
        scores: names of registered scores.
        settings: what the scores may depend on; by default `ScoreSettings()`. The number of classes is each network's.
        quantiles: of the networks' multiply-adds, from 0 to 1: the budgets under which each score picks a network.
        sample: study so many networks only, drawn from the seed: for scores that cost seconds. By default all.
        seed: of that sample alone; the scores have theirs in `settings`.
        watch: called with the score, networks done and networks in all.

    Raises:
        ZennasError: fewer than three networks, or no score.
        UnknownNameError: no such score.
        MissingExtraError: a score, or the rank correlations, need what is not installed.
        DeviceError: a score needs torch, and the device cannot be used.
    """
    networks = known.networks
    if sample is not None and sample < len(networks):
        chosen = np.sort(np.random.default_rng(seed).choice(len(networks), sample, replace=False))
        networks = tuple(networks[i] for i in chosen)
    if not scores:
        raise ZennasError("a study needs a score; give one or more of those that are registered")
    if len(networks) < FEWEST:
        raise ZennasError(f"{known.title}: {len(networks)} networks are too few to rank; give three or more")
    settings = settings or ScoreSettings()
    for name in scores:
        usable_score(name, settings.device)
    flops = np.array([n.flops for n in networks], float)
    accuracy = np.array([n.accuracy for n in networks])
    budgets = tuple(float(b) for b in np.quantile(flops, list(quantiles)))
    rankings = []
    for name in scores:
        started = time.perf_counter()
        values = score_networks(name, networks, settings, watch)
        seconds = (time.perf_counter() - started) / len(networks)
        rankings.append(rank(name, values, accuracy, flops, budgets, seconds))
    best = tuple(float(accuracy[flops <= budget].max()) for budget in budgets)
    return Study(known.title, networks, tuple(quantiles), budgets, best, tuple(rankings), known.left_out)


def score_networks(
    name: str,
    networks: Sequence[KnownNetwork],
    settings: ScoreSettings,
    watch: Callable[[str, int, int], None] | None = None,
) -> Values:
    """The score of every network; not a number where it refuses.

    Args:
        name: of a registered score.
        networks: what to score, each at its own resolution and number of classes.
        settings: what the score may depend on beside the network.
        watch: called with the score, networks done and networks in all.

    Raises:
        UnknownNameError: no such score.
        MissingExtraError: the score needs torch, which is not installed.
        DeviceError: it needs torch, and the device cannot be used.
    """
    many = registered_score(name).many
    resolutions = {n.resolution for n in networks}
    architectures = [n.network for n in networks if isinstance(n.network, Architecture)]
    if many is not None and len(resolutions) == 1 and len(architectures) == len(networks):
        blocks = [a.super_blocks for a in architectures]
        # One network that is refused ends the whole batch: one by one it is found out which.
        with contextlib.suppress(ScoreError, ArchitectureError):
            return np.array(many(blocks, resolutions.pop(), replace(settings, num_classes=networks[0].num_classes)))
    values = []
    for number, known in enumerate(networks, start=1):
        try:
            own = replace(settings, num_classes=known.num_classes)
            values.append(compute_score(name, known.network, known.resolution, own).score)
        except (ScoreError, ArchitectureError):
            values.append(np.nan)
        if watch is not None:
            watch(name, number, len(networks))
    return np.array(values, float)


def rank(
    name: str, values: Values, accuracy: Values, flops: Values, budgets: Sequence[float], seconds: float = 0.0
) -> ScoreRanking:
    """Compare scores with accuracies.

    Args:
        name: of the score.
        values: the score of each network; not a finite number where it refused.
        accuracy: of each network, in percent.
        flops: multiply-adds of each network.
        budgets: multiply-adds within which the score picks a network.
        seconds: that the score took, per network.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    stats: Any = require("scipy.stats", "report", "rank correlations")
    scored = np.isfinite(values)
    refused = int((~scored).sum())
    if scored.sum() < FEWEST:
        nothing = float("nan")
        return ScoreRanking(name, values, nothing, nothing, nothing, (nothing,) * len(budgets), seconds, refused)
    v, a, f = values[scored], accuracy[scored], flops[scored]
    count = max(1, round(TOP * len(v)))
    overlap = len(set(np.argsort(-v, kind="stable")[:count]) & set(np.argsort(-a, kind="stable")[:count])) / count
    # A constant score ranks nothing: scipy's not-a-number would read as a failure.
    constant = bool(np.ptp(v) == 0)
    return ScoreRanking(
        name,
        values,
        0.0 if constant else float(stats.spearmanr(v, a).statistic),
        0.0 if constant else float(stats.kendalltau(v, a).statistic),
        overlap,
        tuple(_pick(v, a, f, budget) for budget in budgets),
        seconds,
        refused,
    )


def _pick(values: Values, accuracy: Values, flops: Values, budget: float) -> float:
    """Accuracy of the highest score within the budget; of equal scores, their mean."""
    within = flops <= budget
    if not within.any():
        return float("nan")
    best = values[within].max()
    return float(accuracy[within][values[within] == best].mean())


def write_csv(result: Study, path: Path) -> None:
    """Write one row a network: name, accuracy, costs, every other score; a cell is empty where a score refused."""
    rankings = [r for r in result.rankings if r.score not in ("params", "flops")]
    header = ["name", "accuracy", "params", "flops", *(r.score for r in rankings)]
    rows = [
        [known.name, known.accuracy, known.params, known.flops, *(_cell(r.values[index]) for r in rankings)]
        for index, known in enumerate(result.networks)
    ]
    write_text(path, csv_text(header, rows))


def _cell(value: float) -> float | str:
    return float(value) if np.isfinite(value) else ""


def chart(result: Study) -> Chart:
    """Accuracy over every score, one panel each; a network that a score refused has no point in its panel."""
    accuracy = [n.accuracy for n in result.networks]
    names = [n.name for n in result.networks]
    return Chart(
        result.title,
        [
            Panel(
                f"{r.score}: {_headline(r)}",
                r.score,
                "accuracy [%]",
                [Series(r.score, r.values.tolist(), accuracy, text=names)],
            )
            for r in result.rankings
        ],
    )


def _headline(ranking: ScoreRanking) -> str:
    refused = f"refused {ranking.refused} of {len(ranking.values)}"
    if np.isnan(ranking.spearman):
        return refused
    return f"Spearman {ranking.spearman:.3f}" + (f", {refused}" if ranking.refused else "")
