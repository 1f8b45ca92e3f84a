"""Scores by name: what `--score` takes, open to users' own.

@register_score("width")
def width(architecture, resolution, settings):
    return exact("width", float(architecture.out_channels))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zennas.architecture.model import Architecture, SuperBlock
from zennas.errors import ScoreError
from zennas.extras import unknown
from zennas.scores.result import Score


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """What a score may depend on beside the network.

    Attributes:
        batch_size: images of a Monte Carlo repeat.
        repeats: Monte Carlo repeats.
        seed: of everything random.
        device: where torch computes.
        num_classes: outputs of the classifier, for scores that need one.
    """

    batch_size: int = 64
    repeats: int = 4
    seed: int = 0
    device: str = "cpu"
    num_classes: int = 1000


ScoreFunction = Callable[[Architecture, int, ScoreSettings], Score]
ManyFunction = Callable[[Sequence[tuple[SuperBlock, ...]], int, ScoreSettings], list[float]]


@dataclass(frozen=True)
class RegisteredScore:
    """A score that commands and searches can name.

    Attributes:
        function: computes it; higher must mean better.
        many: computes the bare values of a round at once, for scores too cheap to be spread over workers.
        needs_torch: whether the `[torch]` extra is needed.
        estimates_zen: whether it is in units of the Zen-score, so that a search may re-score by Monte Carlo.
    """

    name: str
    function: ScoreFunction
    many: ManyFunction | None = None
    needs_torch: bool = False
    estimates_zen: bool = False


_SCORES: dict[str, RegisteredScore] = {}


def register_score(
    name: str,
    *,
    many: ManyFunction | None = None,
    needs_torch: bool = False,
    estimates_zen: bool = False,
    replace_existing: bool = False,
) -> Callable[[ScoreFunction], ScoreFunction]:
    """Register the decorated function `(architecture, resolution, settings) -> Score` under `name`."""

    def register(function: ScoreFunction) -> ScoreFunction:
        if name in _SCORES and not replace_existing:
            raise ScoreError(f"score {name!r} is registered already; give another name")
        _SCORES[name] = RegisteredScore(name, function, many, needs_torch, estimates_zen)
        return function

    return register


def registered_score(name: str) -> RegisteredScore:
    """The score of that name. Raises `UnknownNameError` with the nearest names."""
    if name not in _SCORES:
        raise unknown("score", name, _SCORES)
    return _SCORES[name]


def score_names() -> list[str]:
    """Names of all registered scores."""
    return list(_SCORES)
