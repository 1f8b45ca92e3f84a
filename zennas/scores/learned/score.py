"""The score `accuracy:FILE`: what a learned model predicts, as a score of searches and commands.

    accuracy:FILE            the mean, in percent
    accuracy:FILE:lower      the mean less one standard deviation: what is known to be good
    accuracy:FILE:upper      the mean and one standard deviation: what may turn out to be good

A search names the model by its content too, `accuracy:FILE@DIGEST`: then no other model is taken for it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zennas.architecture.model import SuperBlock
from zennas.errors import FileError
from zennas.input_size import Resolution
from zennas.scores.learned.features import described_blocks
from zennas.scores.learned.files import load_accuracy_model
from zennas.scores.learned.model import AccuracyModel, as_accuracy
from zennas.scores.learned.shape import Table
from zennas.scores.network import Network
from zennas.scores.registry import RegisteredScore, ScoreSettings, register_score_family
from zennas.scores.result import Score

FAMILY = "accuracy"

BOUNDS = {"": 0, "lower": -1, "upper": 1}
"""Standard deviations that are added to the mean, by the last part of the name."""


@dataclass(frozen=True)
class LearnedName:
    """The parts of a score's name behind `accuracy:`.

    Attributes:
        file: path of the model's file.
        digest: of the model, or empty.
        bound: of `BOUNDS`.
    """

    file: str
    digest: str = ""
    bound: str = ""

    def __str__(self) -> str:
        """The whole score's name."""
        return f"{FAMILY}:{self.file}{'@' if self.digest else ''}{self.digest}{':' if self.bound else ''}{self.bound}"


def learned_name(score: str) -> LearnedName | None:
    """The parts of a score's name; `None` for a score of another kind."""
    family, colon, rest = score.partition(":")
    if family != FAMILY or not colon:
        return None
    bound = next((bound for bound in BOUNDS if bound and rest.endswith(f":{bound}")), "")
    file = rest.removesuffix(f":{bound}") if bound else rest
    stem, at, tail = file.rpartition("@")
    is_digest = bool(at) and len(tail) == 8 and not set(tail) - set("0123456789abcdef")
    return LearnedName(stem, tail, bound) if is_digest else LearnedName(file, "", bound)


_HELD: dict[str, AccuracyModel] = {}
"""Models by their digest: a run's file may be gone while it goes on."""


def hold(model: AccuracyModel) -> str:
    """Keep a model for scores that name its digest, which is returned."""
    _HELD[model.digest] = model
    return model.digest


def held_model(name: LearnedName) -> AccuracyModel:
    """The model that a score's name means.

    Raises:
        FileError: it cannot be read, or its digest is another one.
    """
    if name.digest in _HELD:
        return _HELD[name.digest]
    model = load_accuracy_model(Path(name.file))
    if name.digest and model.digest != name.digest:
        raise FileError(f"{name.file}: another accuracy model ({model.digest}) than the score names ({name.digest})")
    return model


def accuracy_score(model: AccuracyModel, name: str, bound: str = "") -> RegisteredScore:
    """The score of a model.

    Args:
        model: what predicts.
        name: of the score.
        bound: of `BOUNDS`.
    """
    sign = BOUNDS[bound]

    def function(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
        started = time.perf_counter()
        mean, std = model.predict([network], resolution)
        value, error = float((mean + sign * std)[0]), float(std[0])
        interval = (value - 1.96 * error, value + 1.96 * error)
        return Score(value, error, interval, time.perf_counter() - started, name=name)

    def many(
        networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution, settings: ScoreSettings
    ) -> list[float]:
        found = described_blocks(networks, resolution, model.num_classes, model.baseline.score)
        # The standard deviation takes longer than all the rest.
        values: Table = as_accuracy(model.target(found))
        if sign:
            mean, std = model.predict_described(found)
            values = mean + sign * std
        scores: list[float] = values.tolist()
        return scores

    return RegisteredScore(name, function, many, takes_modules=True, source=f"learned from {model.networks} networks")


@register_score_family(FAMILY)
def _learned(name: str) -> RegisteredScore:
    parts = learned_name(name)
    assert parts is not None
    return accuracy_score(held_model(parts), name, parts.bound)
