"""Scores by name: what `--score` takes, open to users' own.

@register_score("width")
def width(architecture, resolution, settings):
    return exact("width", float(architecture.out_channels))
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from zennas.architecture.model import Architecture, SuperBlock
from zennas.errors import ScoreError
from zennas.input_size import Resolution
from zennas.optional_dependencies import require, unknown
from zennas.scores.chains import ChainScorer
from zennas.scores.result import Score


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """What a score may depend on beside the network.

    Attributes:
        batch_size: images of a Monte Carlo repeat.
        repeats: Monte Carlo repeats.
        seed: of everything random.
        device: where torch computes.
        num_classes: outputs of the classifier, for scores that need one; by default the architecture's own, else 1000.
        first_repeat: number of the first Monte Carlo repeat of the Zen-score, which with the seed says what it draws.
    """

    batch_size: int = 64
    repeats: int = 4
    seed: int = 0
    device: str = "cpu"
    num_classes: int | None = None
    first_repeat: int = 0


ScoreFunction = Callable[[Any, Any, ScoreSettings], Score]
"""Called with an `Architecture` (or, where the score `takes_modules`, with a converted module), the size of the input
and settings. A size is a number of pixels for a square, else a `zennas.input_size.Size`."""
ManyFunction = Callable[[Sequence[tuple[SuperBlock, ...]], Any, ScoreSettings], list[float]]
ScorerFunction = Callable[[Any, ScoreSettings, int], ChainScorer]
"""Called with the size of the input, settings, and how many candidates of a search may be parents at a time."""


@dataclass(frozen=True)
class RegisteredScore:
    """A score that commands and searches can name.

    Attributes:
        function: computes it; higher must mean better.
        many: computes the bare values of a round at once, for scores too cheap to be spread over workers.
        chains: makes what computes them from rows of the networks' chains, where the core of a search is compiled.
        needs_torch: whether the `[torch]` extra is needed.
        estimates_zen: whether it is in units of the Zen-score, so that a search may re-score by Monte Carlo.
        takes_modules: whether `function` also takes a user's module (`zennas.scores.network.ForeignNetwork`).
        source: where it is from.
    """

    name: str
    function: ScoreFunction
    many: ManyFunction | None = None
    chains: ScorerFunction | None = None
    needs_torch: bool = False
    estimates_zen: bool = False
    takes_modules: bool = False
    source: str = ""


_SCORES: dict[str, RegisteredScore] = {}

FamilyFunction = Callable[[str], RegisteredScore]
"""Called with the whole name of a score, `family:…`."""

_FAMILIES: dict[str, FamilyFunction] = {}


def register_score(
    name: str,
    *,
    many: ManyFunction | None = None,
    chains: ScorerFunction | None = None,
    needs_torch: bool = False,
    estimates_zen: bool = False,
    takes_modules: bool = False,
    source: str = "",
    replace_existing: bool = False,
) -> Callable[[ScoreFunction], ScoreFunction]:
    """Register the decorated function `(architecture, resolution, settings) -> Score`.

    Args:
        name: what `--score` and `compute_score` call it.
        many: computes the bare values of many networks at once; without it a search scores one network after another,
            spread over its workers.
        chains: makes what computes the same from rows of the networks' chains.
        needs_torch: whether the `[torch]` extra is needed; no by default.
        estimates_zen: whether it is in units of the Zen-score, so that a search may re-score by Monte Carlo; no by
            default.
        takes_modules: whether the function also takes a converted module; no by default.
        source: paper and equation.
        replace_existing: allow a name that is registered; by default that is a `ScoreError`.
    """

    def register(function: ScoreFunction) -> ScoreFunction:
        if name in _SCORES and not replace_existing:
            raise ScoreError(f"score {name!r} is registered already; give another name")
        _SCORES[name] = RegisteredScore(name, function, many, chains, needs_torch, estimates_zen, takes_modules, source)
        return function

    return register


def register_score_family(family: str) -> Callable[[FamilyFunction], FamilyFunction]:
    """Register the decorated function, which makes the scores whose names begin with `family:`."""

    def register(function: FamilyFunction) -> FamilyFunction:
        if family in _FAMILIES:
            raise ScoreError(f"the scores {family}:… are registered already; give another name")
        _FAMILIES[family] = function
        return function

    return register


def registered_score(name: str) -> RegisteredScore:
    """The score of that name, or the one that its family makes of it. Raises `UnknownNameError` with the nearest names,
    or what the family raises."""
    if name in _SCORES:
        return _SCORES[name]
    family, colon, _ = name.partition(":")
    if colon and family in _FAMILIES:
        return _FAMILIES[family](name)
    raise unknown("score", name, [*_SCORES, *(f"{family}:…" for family in _FAMILIES)])


def usable_score(name: str, device: str) -> RegisteredScore:
    """The score of that name, if it can be computed here.

    Args:
        name: one of `score_names()`.
        device: where torch is to compute, for a score that needs torch.

    Raises:
        UnknownNameError: no such score.
        MissingExtraError: it needs torch, which is not installed.
        DeviceError: it needs torch, and the device cannot be used.
    """
    score = registered_score(name)
    if score.needs_torch:
        require("torch", "torch", f"the {name} score")
        require("zennas.nn.device", "torch", f"the {name} score").checked_device(device)
    return score


def score_names() -> list[str]:
    """Names of all registered scores."""
    return list(_SCORES)


def compute_score(name: str, network: Any, resolution: Resolution, settings: ScoreSettings) -> Score:
    """The named score of an architecture or a converted module.

    Args:
        name: one of `score_names()`.
        network: an `Architecture`, or a converted module (`zennas.scores.network.ForeignNetwork`).
        resolution: size of the input in pixels: its side, or height and width.
        settings: what the score may depend on beside the network.

    Raises:
        UnknownNameError: no such score.
        MissingExtraError: it needs torch, which is not installed.
        DeviceError: it needs torch, and the device cannot be used.
        ScoreError: it is not defined for that network, or came out numerically meaningless.
    """
    score = usable_score(name, settings.device)
    if not isinstance(network, Architecture) and not score.takes_modules:
        able = ", ".join(n for n, s in _SCORES.items() if s.takes_modules)
        raise ScoreError(f"the {name} score is defined for architectures, not for a module; use one of {able}")
    result = score.function(network, resolution, settings)
    if not math.isfinite(result.score):
        raise ScoreError(f"the {name} score came out as {result.score}: numerically meaningless for this network")
    return result
