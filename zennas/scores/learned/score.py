"""The score `accuracy:FILE`: what a learned model predicts, as a score of searches and commands.

    accuracy:FILE            the mean, in percent
    accuracy:FILE:lower      the mean less one standard deviation: what is known to be good
    accuracy:FILE:upper      the mean and one standard deviation: what may turn out to be good

Outside of what was trained both bounds fall (`zennas.scores.learned.model.Predicted`).

A search names the model by its content too, `accuracy:FILE@DIGEST`: then no other model is taken for it.
"""

import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zennas.architecture.model import SuperBlock
from zennas.counting import DEFAULT_CLASSES, classifier_costs
from zennas.errors import FileError
from zennas.input_size import Resolution
from zennas.scores.chains import C_OUT, ChainScorer, CountedChains
from zennas.scores.learned.features import Described, described_blocks, described_rows
from zennas.scores.learned.files import load_accuracy_model
from zennas.scores.learned.model import AccuracyModel, as_accuracy
from zennas.scores.learned.shape import Table
from zennas.scores.network import Network
from zennas.scores.network_rows import NetworkRows
from zennas.scores.registry import RegisteredScore, ScoreSettings, register_score_family, registered_score
from zennas.scores.result import Score

FAMILY = "accuracy"

BOUNDS = {"": "mean", "lower": "lower", "upper": "upper"}
"""What of a prediction is the score, by the last part of the name."""


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


def held_models() -> tuple[AccuracyModel, ...]:
    """The models that this process keeps, for another one to keep."""
    return tuple(_HELD.values())


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


class LearnedScorer(ChainScorer):
    """Scores a search's rounds by a model."""

    def __init__(
        self,
        values: Callable[[Described], list[float]],
        corrected: ChainScorer,
        num_classes: int,
        resolution: Resolution,
        settings: ScoreSettings,
    ) -> None:
        """A scorer that has scored nothing yet.

        Args:
            values: the scores of networks by their features.
            corrected: scores by the zero-shot score that the model corrects.
            num_classes: outputs of the classifiers that the model learned from.
            resolution: size of the input.
            settings: of the search.
        """
        self._values, self._corrected, self._resolution = values, corrected, resolution
        self._more_classes = num_classes - (DEFAULT_CLASSES if settings.num_classes is None else settings.num_classes)

    def score(self, chains: CountedChains) -> list[float]:
        """The scores of a round's networks, in order."""
        if not len(chains.lengths):
            return []
        # The search counts its own classes. Whatever comes last, a gate too, has as many outputs as the network.
        out = chains.rows[chains.starts[1:] - 1, C_OUT]
        more_params, more_flops = classifier_costs(out, self._more_classes)
        counted = replace(chains, params=chains.params + more_params, flops=chains.flops + more_flops)
        resolutions = [self._resolution] * len(out)
        scores = self._corrected.score(counted)
        rows = NetworkRows(chains.rows, chains.starts)
        return self._values(described_rows(rows, resolutions, counted.params, counted.flops, scores))

    def keep(self, ids: Mapping[int, int], alive: Container[int]) -> None:
        """Let the score that is corrected keep what it will use again.

        Args:
            ids: of networks of the last round that became candidates, by their place in it.
            alive: ids of all candidates that may be parents.
        """
        self._corrected.keep(ids, alive)


def accuracy_score(model: AccuracyModel, name: str, bound: str = "") -> RegisteredScore:
    """The score of a model.

    Args:
        model: what predicts.
        name: of the score.
        bound: of `BOUNDS`.
    """

    def function(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
        started = time.perf_counter()
        predicted = model.predicted([network], resolution)
        value, error = float(getattr(predicted, BOUNDS[bound])[0]), float(predicted.std[0])
        interval = (value - 1.96 * error, value + 1.96 * error)
        return Score(value, error, interval, time.perf_counter() - started, name=name)

    def values(networks: Described) -> list[float]:
        # The standard deviation takes longer than all the rest.
        found: Table = (
            getattr(model.predict_described(networks), BOUNDS[bound]) if bound else as_accuracy(model.target(networks))
        )
        scores: list[float] = found.tolist()
        return scores

    def many(
        networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution, settings: ScoreSettings
    ) -> list[float]:
        return values(described_blocks(networks, resolution, model.num_classes, model.baseline.score))

    def chains(resolution: Resolution, settings: ScoreSettings, parents: int) -> ChainScorer:
        corrected = registered_score(model.baseline.score).chains
        assert corrected is not None
        return LearnedScorer(values, corrected(resolution, settings, parents), model.num_classes, resolution, settings)

    return RegisteredScore(
        name,
        function,
        many,
        chains if registered_score(model.baseline.score).chains else None,
        takes_modules=True,
        source=f"learned from {model.networks} networks",
    )


@register_score_family(FAMILY)
def _learned(name: str) -> RegisteredScore:
    parts = learned_name(name)
    assert parts is not None
    return accuracy_score(held_model(parts), name, parts.bound)
