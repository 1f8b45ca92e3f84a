"""How well accuracies learned from a few networks of a benchmark rank the rest of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zennas.accuracy.choosing import PREFERRED, choose
from zennas.accuracy.examples import Examples, examples
from zennas.accuracy.fitting import FEWEST_TO_CALIBRATE, model_of
from zennas.accuracy.known import KnownNetworks
from zennas.accuracy.measures import FEWEST, Measures, Values, measure, recipe_groups, weighted_mean
from zennas.errors import ZennasError


@dataclass(frozen=True)
class FittedStudy:
    """What learning from a few networks gained, as means over seeds, and over recipes by their networks.

    Attributes:
        trained: networks that were learned from.
        seeds: times that so many were chosen.
        choice: how, of `zennas.accuracy.choosing.CHOICES`.
        fitted: how the learned accuracy ranks the other networks.
        zero_shot: how `zen-weighted` ranks the same ones.
        lowest: the least of the seeds, of each measure.
        highest: the greatest.
        fell_back: share of the seeds in which the model fell back to the calibrated zero-shot score.
    """

    trained: int
    seeds: int
    choice: str
    fitted: Measures
    zero_shot: Measures
    lowest: Measures
    highest: Measures
    fell_back: float


def fitted_study(
    known: KnownNetworks,
    trained: int,
    seeds: int = 5,
    choice: str = PREFERRED,
    first_seed: int = 0,
    watch: Callable[[str, int, int], None] | None = None,
) -> FittedStudy:
    """Learn from some networks of a benchmark, as if only they had been trained, and rank the others.

    Args:
        known: the benchmark. Networks of several recipes are learned from and ranked apart.
        trained: networks to learn from.
        seeds: times that so many are chosen, from as many seeds in a row.
        choice: how they are chosen, of `zennas.accuracy.choosing.CHOICES`.
        first_seed: the first of them.
        watch: called with `fitted`, seeds done and seeds in all.

    Raises:
        ZennasError: no recipe has networks enough.
        UnknownNameError: there is no such choice.
        MissingExtraError: scikit-learn or scipy is not installed.
    """
    if trained < FEWEST_TO_CALIBRATE:
        raise ZennasError(f"{trained} networks are too few to learn from; give {FEWEST_TO_CALIBRATE} or more")
    groups = recipe_groups([network.recipe for network in known.networks])
    pools = [examples([known.networks[place] for place in group]) for group in groups if len(group) >= trained + FEWEST]
    if not pools:
        raise ZennasError(
            f"{known.title}: to learn from {trained} networks and to rank others, {trained + FEWEST} of one recipe are "
            f"needed; there are {max(map(len, groups), default=0)}"
        )
    sizes = [len(pool) for pool in pools]
    rows, base, backs = [], [], []
    for number in range(seeds):
        outcomes = [_once(pool, trained, choice, first_seed + number) for pool in pools]
        rows.append(weighted_mean([o.fitted for o in outcomes], sizes))
        base.append(weighted_mean([o.zero_shot for o in outcomes], sizes))
        backs.append(weighted_mean([[o.fell_back] for o in outcomes], sizes)[0])
        if watch is not None:
            watch("fitted", number + 1, seeds)
    table = np.array(rows)
    return FittedStudy(
        trained,
        seeds,
        choice,
        _measures(table.mean(axis=0)),
        _measures(np.mean(base, axis=0)),
        _measures(table.min(axis=0)),
        _measures(table.max(axis=0)),
        float(np.mean(backs)),
    )


def _measures(values: Values) -> Measures:
    return Measures(*values.tolist())


@dataclass(frozen=True)
class _Outcome:
    fitted: Measures
    zero_shot: Measures
    fell_back: float


def _once(pool: Examples, trained: int, choice: str, seed: int) -> _Outcome:
    """Learn from some and rank the others."""
    places = choose(pool, trained, np.random.default_rng(seed), choice)
    others = pool.at(np.setdiff1d(np.arange(len(pool)), places))
    model = model_of(pool.at(places), "", None, 0, seed, reported=False)
    target = model.target(others.on(model.baseline.score).networks)
    return _Outcome(
        measure(target, others.accuracy, others.flops),
        measure(others.networks.log_score, others.accuracy, others.flops),
        float(model.falls_back),
    )
