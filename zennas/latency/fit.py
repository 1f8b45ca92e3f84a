"""Fitting: the three models learn from the same networks and are compared on the same others. Needs torch."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from zennas.errors import LatencyError
from zennas.latency.enough import is_held_out
from zennas.latency.learn import Told, learn_convolutions, learn_perceptron, learn_trees
from zennas.latency.predictor import LatencyModel, Predictor, as_kept
from zennas.latency.progress import LEARNING, Watch, work
from zennas.latency.records import Corrected, Measured

LEARNERS: dict[str, Callable[[Corrected, Sequence[int], int, Told | None], LatencyModel]] = {
    "convolutions": learn_convolutions,
    "perceptron": learn_perceptron,
    "trees": learn_trees,
}
QUICK = ("convolutions", "trees")
"""Those that are worth the time of learning from some dozens of networks."""
FEWEST_NETWORKS = 20


@dataclass(frozen=True)
class Errors:
    """Relative errors |predicted / measured − 1|.

    Attributes:
        median: of the errors.
        within_5: share of networks with an error of at most 5 %.
        within_10: the same for 10 %.
        percentile_99: the error that one network in a hundred exceeds.
        microseconds: of one prediction for a network never seen before; 0 for the noise.
    """

    median: float
    within_5: float
    within_10: float
    percentile_99: float
    microseconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """How well each model predicted the held-out networks.

    Attributes:
        fitted: networks that the models learned from.
        held_out: networks that they were compared on.
        layers: single layers that were measured.
        noise: error of a second measurement of the held-out networks, taken some time later, against the first;
            `None` where there was no time for any.
        models: errors against the first measurement, by model.
    """

    fitted: int
    held_out: int
    layers: int
    noise: Errors | None
    models: dict[str, Errors]

    def as_json(self) -> dict[str, Any]:
        """Plain values by field."""
        return asdict(self)


def fit_predictor(
    raw: Measured,
    model: str | None = None,
    seed: int = 0,
    watch: Watch | None = None,
    learners: Sequence[str] = tuple(LEARNERS),
) -> Predictor:
    """Fit models and return the one with the least median error on the held-out networks.

    Args:
        raw: measurements; they are corrected for drift first.
        model: name of the model to return instead.
        seed: of the models' weights and the trees.
        watch: told how far the learning is.
        learners: the models that are fitted; by default all three.

    Raises:
        LatencyError: an unknown model, or too few networks were measured.
        MissingExtraError: scikit-learn is not installed.
    """
    check_model(model)
    measured = Corrected(raw)
    numbers = measured.numbers()
    fitted = [n for n in numbers if not is_held_out(n)]
    held_out = [n for n in numbers if is_held_out(n)]
    if len(numbers) < FEWEST_NETWORKS:
        raise LatencyError(
            f"{len(numbers)} networks were measured, at least {FEWEST_NETWORKS} are needed; "
            "give a longer --time-limit or more --samples"
        )
    began = time.perf_counter()

    def told(before: int, share: float) -> None:
        if watch is not None:
            watch(work(LEARNING, before + share, len(learners), time.perf_counter() - began))

    learned = {
        name: LEARNERS[name](measured, fitted, seed, partial(told, before)) for before, name in enumerate(learners)
    }
    # As a file gives them back: a search predicts the same before and after it is resumed.
    resolution, classes = measured.header.setting.resolution, measured.header.num_classes
    models = {name: as_kept(found, resolution, classes) for name, found in learned.items()}
    errors = {name: _model_errors(found, measured, held_out) for name, found in models.items()}
    chosen = model or min(errors, key=lambda name: errors[name].median)
    report = Report(len(fitted), len(held_out), len(measured.layers), noise_floor(measured, held_out), errors)
    latencies = [measured.latency(n) for n in numbers]
    blocks = {block.block for n in numbers for block in measured.networks[n]}
    return Predictor(
        models[chosen],
        measured.header.setting,
        measured.header.space,
        tuple(sorted(blocks)),
        measured.header.num_classes,
        (min(latencies), max(latencies)),
        measured.reference,
        report.as_json(),
    )


def check_model(model: str | None) -> None:
    """Raises `LatencyError` for a model that there is not."""
    if model is not None and model not in LEARNERS:
        raise LatencyError(f"unknown model {model!r}; known are {', '.join(LEARNERS)}")


def noise_floor(measured: Corrected, numbers: Sequence[int]) -> Errors | None:
    """The error of one measurement against another of the same network."""
    pairs = [measured.latencies[n][:2] for n in numbers if len(measured.latencies[n]) > 1]
    if not pairs:
        return None
    first, second = np.array(pairs).T
    return relative_errors(second, first)


def relative_errors(predicted: Any, truth: Any, microseconds: float = 0.0) -> Errors:
    """Errors of an array of predictions.

    Args:
        predicted: N latencies in seconds.
        truth: N measured ones.
        microseconds: what a prediction took.
    """
    errors = np.abs(np.asarray(predicted) / np.asarray(truth) - 1)
    return Errors(
        float(np.median(errors)),
        float((errors <= 0.05).mean()),
        float((errors <= 0.10).mean()),
        float(np.percentile(errors, 99)),
        microseconds,
    )


def _model_errors(model: LatencyModel, measured: Corrected, numbers: Sequence[int]) -> Errors:
    predicted, seconds = [], []
    for number in numbers:
        began = time.perf_counter()
        predicted.append(model.predict(measured.networks[number]))
        seconds.append(time.perf_counter() - began)
    # Against the first visit alone, as the noise is: the median of two would be steadier than either.
    return relative_errors(predicted, [measured.latencies[n][0] for n in numbers], 1e6 * float(np.median(seconds)))
