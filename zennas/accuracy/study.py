"""Ranking networks of known accuracy by scores, and saying how well each score would have chosen."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zennas.accuracy.bootstrap import intervals
from zennas.accuracy.fitted_study import FittedStudy
from zennas.accuracy.known import KnownNetwork, KnownNetworks
from zennas.accuracy.measures import (
    FEWEST,
    UNKNOWN,
    Indices,
    Measures,
    Values,
    measure,
    over_recipes,
    picked,
    recipe_groups,
    weighted_mean,
)
from zennas.accuracy.noise import NoiseCeiling, noise_ceiling, share_of_the_way
from zennas.architecture.model import Architecture
from zennas.charts import Chart, Panel, Series
from zennas.errors import ArchitectureError, ScoreError, ZennasError
from zennas.io.tables import csv_text
from zennas.io.text import write_text
from zennas.scores.registry import ScoreSettings, compute_score, registered_score, usable_score

QUANTILES = (0.25, 0.5, 0.75, 1.0)
TOP = 0.1


@dataclass(frozen=True)
class ScoreRanking:
    """How one score ranks the networks.

    `spearman`, `kendall`, `top_overlap` and `picks` are not a number where the score refused all networks but two or
    fewer; a pick is not a number, too, where no network that was scored is within its budget. Of networks that were
    trained by several recipes, all of them are means over the recipes, each weighted by its networks.

    Attributes:
        values: one a network; not a number where the score refused it.
        spearman: rank correlation with accuracy, over the networks that were scored.
        kendall: Kendall's τ-b with accuracy.
        top_overlap: share of the 10 % most accurate networks among the 10 % of the highest score.
        picks: accuracy in percent of the network of the highest score under each quantile of multiply-adds.
        seconds: per network.
        refused: networks that the score refused.
        within_flops: mean rank correlation within tenths of equal multiply-adds; not a number below 30 networks.
        regret: mean accuracy in points of percent that its picks under eight budgets of multiply-adds lose.
        low: lower limits of the 95 % intervals; not a number where networks were not resampled.
        high: upper limits.
        share: of the way from multiply-adds' Spearman to the noise ceiling; not a number where no ceiling is known.
    """

    score: str
    values: Values
    spearman: float
    kendall: float
    top_overlap: float
    picks: tuple[float, ...]
    seconds: float
    refused: int
    within_flops: float = float("nan")
    regret: float = float("nan")
    low: Measures = UNKNOWN
    high: Measures = UNKNOWN
    share: float = float("nan")


@dataclass(frozen=True)
class Study:
    """Networks and how each score ranks them.

    Attributes:
        budgets: multiply-adds at the quantiles.
        best: the highest accuracy under each of those budgets: what no pick can beat.
        recipes: by which the networks were trained, with their numbers of networks; those with fewer than three are in
            `left_out`.
        ceiling: what the noise of training leaves to a score, where every network was trained several times.
        fitted: how accuracies learned from a few of the networks rank the others, where that was asked for.
    """

    title: str
    networks: tuple[KnownNetwork, ...]
    quantiles: tuple[float, ...]
    budgets: tuple[float, ...]
    best: tuple[float, ...]
    rankings: tuple[ScoreRanking, ...]
    left_out: tuple[str, ...] = ()
    recipes: tuple[tuple[str, int], ...] = ()
    ceiling: NoiseCeiling | None = None
    fitted: FittedStudy | None = None


def study(
    known: KnownNetworks,
    scores: Sequence[str],
    settings: ScoreSettings | None = None,
    *,
    quantiles: Sequence[float] = QUANTILES,
    sample: int | None = None,
    seed: int = 0,
    resamples: int = 0,
    watch: Callable[[str, int, int], None] | None = None,
) -> Study:
    """Rank networks by every score. A score that refuses networks, or all of them, has their number in its row.

    Args:
        known: the networks with their accuracies.
        scores: names of registered scores.
        settings: what the scores may depend on; by default `ScoreSettings()`. The number of classes is each network's.
        quantiles: of the networks' multiply-adds, from 0 to 1: the budgets under which each score picks a network.
        sample: study so many networks only, drawn from the seed: for scores that cost seconds. By default all.
        seed: of that sample and of the resampling; the scores have theirs in `settings`.
        resamples: of the networks, with replacement, for the 95 % intervals; 0: no intervals.
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
    networks, few = _rankable(networks)
    if not networks:
        raise ZennasError(f"{known.title}: no recipe has three networks or more; {few[0]}")
    settings = settings or ScoreSettings()
    for name in scores:
        usable_score(name, settings.device)
    flops = np.array([n.flops for n in networks], float)
    accuracy = np.array([n.accuracy for n in networks])
    groups = recipe_groups([n.recipe for n in networks])
    sizes = [len(group) for group in groups]
    # Under budgets of its own each recipe has networks to pick from.
    budgets = [[float(b) for b in np.quantile(flops[group], list(quantiles))] for group in groups]
    best = [
        [float(accuracy[group][flops[group] <= budget].max()) for budget in row]
        for group, row in zip(groups, budgets, strict=True)
    ]
    rankings = []
    for name in scores:
        started = time.perf_counter()
        values = score_networks(name, networks, settings, watch)
        seconds = (time.perf_counter() - started) / len(networks)
        parts = [
            rank(name, values[group], accuracy[group], flops[group], row, seconds)
            for group, row in zip(groups, budgets, strict=True)
        ]
        rankings.append(_joined(values, parts, sizes))
    if resamples:
        limits = intervals([r.values for r in rankings], accuracy, flops, groups, resamples, seed)
        rankings = [replace(r, low=low, high=high) for r, (low, high) in zip(rankings, limits, strict=True)]
    ceiling = _ceiling(networks, flops, groups)
    if ceiling is not None:
        start = over_recipes(groups, lambda places: measure(flops[places], accuracy[places], flops[places])).spearman
        rankings = [replace(r, share=share_of_the_way(r.spearman, start, ceiling.spearman)) for r in rankings]
    return Study(
        known.title,
        networks,
        tuple(quantiles),
        tuple(weighted_mean(budgets, sizes)),
        tuple(weighted_mean(best, sizes)),
        tuple(rankings),
        (*known.left_out, *few),
        tuple((networks[group[0]].recipe, len(group)) for group in groups),
        ceiling,
    )


def _rankable(networks: Sequence[KnownNetwork]) -> tuple[tuple[KnownNetwork, ...], list[str]]:
    """The networks of recipes that have enough of them, and what is said of the others."""
    counts: dict[str, int] = {}
    for network in networks:
        counts[network.recipe] = counts.get(network.recipe, 0) + 1
    few = [
        f"recipe {recipe or 'without a name'}: fewer than three networks rank nothing ({count})"
        for recipe, count in counts.items()
        if count < FEWEST
    ]
    return tuple(n for n in networks if counts[n.recipe] >= FEWEST), few


def _joined(values: Values, parts: Sequence[ScoreRanking], sizes: Sequence[int]) -> ScoreRanking:
    """One ranking of those of the recipes."""
    if len(parts) == 1:
        return replace(parts[0], values=values)
    rows = [[p.spearman, p.kendall, p.top_overlap, p.within_flops, p.regret, *p.picks] for p in parts]
    spearman, kendall, overlap, within, regret, *picks = weighted_mean(rows, sizes)
    refused = sum(p.refused for p in parts)
    return ScoreRanking(
        parts[0].score, values, spearman, kendall, overlap, tuple(picks), parts[0].seconds, refused, within, regret
    )


def _ceiling(networks: Sequence[KnownNetwork], flops: Values, groups: Sequence[Indices]) -> NoiseCeiling | None:
    """Of networks of one recipe that were all trained equally often, twice or more."""
    counts = {len(n.runs) for n in networks}
    if len(groups) > 1 or len(counts) > 1 or counts.pop() < 2:
        return None
    return noise_ceiling(np.array([n.runs for n in networks], float), flops)


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
    scored = np.isfinite(values)
    refused = int((~scored).sum())
    if scored.sum() < FEWEST:
        nothing = float("nan")
        return ScoreRanking(name, values, nothing, nothing, nothing, (nothing,) * len(budgets), seconds, refused)
    v, a, f = values[scored], accuracy[scored], flops[scored]
    count = max(1, round(TOP * len(v)))
    overlap = len(set(np.argsort(-v, kind="stable")[:count]) & set(np.argsort(-a, kind="stable")[:count])) / count
    measures = measure(v, a, f)
    return ScoreRanking(
        name,
        values,
        measures.spearman,
        measures.kendall,
        overlap,
        tuple(_pick(v, a, f, budget) for budget in budgets),
        seconds,
        refused,
        measures.within_flops,
        measures.regret,
    )


def _pick(values: Values, accuracy: Values, flops: Values, budget: float) -> float:
    """Accuracy of the highest score within the budget; of equal scores, their mean."""
    within = flops <= budget
    return picked(values[within], accuracy[within]) if within.any() else float("nan")


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
