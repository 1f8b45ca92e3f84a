"""`zennas.fit_accuracy(...)`: a model of accuracy from trained networks, which says where it is worth nothing."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zennas.accuracy.examples import BASELINES, Examples, examples
from zennas.accuracy.known import KnownNetwork, KnownNetworks
from zennas.accuracy.learner import calibrated, fit, scaled
from zennas.accuracy.networks import read_networks
from zennas.accuracy.out_of_sample import (
    best_baseline,
    best_learner,
    by_baseline,
    left_out,
    out_of_sample,
    root_mean_square,
)
from zennas.accuracy.training_runs import read_runs
from zennas.errors import ZennasError
from zennas.input_size import Resolution
from zennas.optional_dependencies import require
from zennas.scores.learned.model import AccuracyModel, Baseline

FEWEST_TO_LEARN = 8
"""Networks below which nothing is learned but the zero-shot score's calibration."""
FEWEST_TO_CALIBRATE = 3
LEAST_STD = 1e-6
"""Of the target around a calibrated score: three networks may lie on a line."""
LEARNED = "learned"
"""The name of the model's own figures in its report."""

Source = KnownNetworks | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def fit_accuracy(
    known: Source, *, seed: int = 0, recipe: str | None = None, allow_imports: bool = False
) -> AccuracyModel:
    """Learn to predict accuracy from a few trained networks.

        model = zennas.fit_accuracy("trained.csv")
        mean, std = model.predict([zennas.load("zennet-cifar-1.0M")])
        model.save("model.json")

    A zero-shot score is calibrated, and a correction of it is learned. Where the correction does not err less than the
    calibrated score on networks that were left out, or there are fewer than eight, the model is the calibrated score:
    `falls_back` is true then, and `reason` says why.

    Args:
        known: the networks: what `zennas study` reads (the path of a file, `table6`, …), directories of finished
            training runs, or networks that were read already.
        seed: of the parts that are left out and of the resampling; 0 by default.
        recipe: learn from the networks of that recipe of training alone; by default there must be a single one.
        allow_imports: call the factories of a user's own that a file names; no by default.

    Raises:
        ZennasError: fewer than three networks, several recipes, or a file that cannot be read.
        MissingExtraError: scikit-learn is not installed.
    """
    require("sklearn", "train", "learning accuracy")
    found = known_networks(known, allow_imports)
    networks = of_one_recipe(found, recipe)
    if len(networks) < FEWEST_TO_CALIBRATE:
        raise ZennasError(
            f"{found.title}: {len(networks)} trained networks are too few to calibrate a score; give three or more"
        )
    resolutions = {network.resolution for network in networks}
    classes = [network.num_classes for network in networks]
    return model_of(
        examples(networks),
        found.title,
        resolutions.pop() if len(resolutions) == 1 else None,
        max(set(classes), key=classes.count),
        seed,
    )


def known_networks(known: Source, allow_imports: bool = False) -> KnownNetworks:
    """Networks of known accuracy from whatever `fit_accuracy` takes.

    Args:
        known: see there.
        allow_imports: call the factories of a user's own that a file names; no by default.

    Raises:
        ZennasError: they cannot be read.
    """
    if isinstance(known, KnownNetworks):
        return known
    if isinstance(known, str | os.PathLike):
        return (
            read_runs([known]) if Path(known).is_dir() else read_networks(os.fspath(known), allow_imports=allow_imports)
        )
    return read_runs(known)


def of_one_recipe(known: KnownNetworks, recipe: str | None = None) -> list[KnownNetwork]:
    """The networks of one recipe of training.

    Args:
        known: all of them.
        recipe: which; by default there must be a single one.

    Raises:
        ZennasError: there is no such recipe, or several and none is chosen.
    """
    names = [network.recipe for network in known.networks]
    counted = ", ".join(f"{name or 'without a name'} ({names.count(name)})" for name in dict.fromkeys(names))
    if recipe is None and len(set(names)) > 1:
        raise ZennasError(
            f"{known.title}: networks of several recipes do not compare; choose one by recipe (--recipe): {counted}"
        )
    chosen = [network for network in known.networks if recipe is None or network.recipe == recipe]
    if not chosen:
        raise ZennasError(f"{known.title}: no networks of the recipe {recipe!r}; there are {counted}")
    return chosen


def model_of(
    known: Examples, title: str, resolution: Resolution | None, num_classes: int, seed: int = 0, reported: bool = True
) -> AccuracyModel:
    """The model that is learned from networks as a learner reads them.

    Args:
        known: the networks, three or more.
        title: what the model says that it was learned from.
        resolution: size of their input, or `None` where there are several.
        num_classes: outputs of their classifiers.
        seed: of the parts that are left out and of the resampling.
        reported: whether the figures on networks left out are wanted, with intervals; yes by default.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    score = best_baseline(known, seed)
    known = known.on(score)
    baseline = left_out(known, by_baseline, seed)
    baseline_error = root_mean_square(baseline - known.target)
    intercept, slope = calibrated(known.networks.log_score, known.target)
    scaling, correction, predicted, learner = scaled(known.networks), None, baseline, ""
    reason = f"{len(known)} trained networks are fewer than the {FEWEST_TO_LEARN} that a correction can be learned from"
    if len(known) >= FEWEST_TO_LEARN:
        learner, predicted = best_learner(known, seed)
        if root_mean_square(predicted - known.target) < baseline_error:
            fitted, reason = fit(known, learner, seed), ""
            scaling, correction = fitted.scaling, fitted.trained.correction
            intercept, slope = fitted.trained.intercept, fitted.trained.slope
        else:
            reason = f"what was learned does not err less than {score} on networks that were left out"
    return AccuracyModel(
        title,
        len(known),
        resolution,
        num_classes,
        Baseline(score, intercept, slope, max(baseline_error, LEAST_STD)),
        scaling,
        correction,
        reason,
        _report(known, predicted, learner, seed) if reported else {},
    )


def _report(known: Examples, predicted: np.ndarray, learner: str, seed: int) -> dict[str, object]:
    """The figures of the correction and of each calibrated zero-shot score, on networks left out."""
    figures = {LEARNED: out_of_sample(predicted, known, seed=seed)} if learner else {}
    for name in BASELINES:
        calibration = left_out(known.on(name), by_baseline, seed)
        figures[name] = out_of_sample(calibration, known, known.log_scores[name], seed)
    return {"learner": learner, "figures": {name: found.as_json() for name, found in figures.items()}}
