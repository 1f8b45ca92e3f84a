"""How a search scores its rounds: at once where the score is cheap, else as tasks of an executor."""

import math

from zennas.architecture.model import SuperBlock
from zennas.architecture.structure import format_structure
from zennas.optional_dependencies import installed, require
from zennas.scores.chains import ChainScorer
from zennas.scores.registry import ScoreSettings, registered_score
from zennas.searching.rounds import ScoreRound
from zennas.searching.settings import SearchConfig
from zennas.searching.tasks import Execute, Failure, ScoreTask


def score_settings(config: SearchConfig) -> ScoreSettings:
    """The score's settings in this search. Every candidate is scored with the run's seed, so that any of them can
    be scored again from its structure alone."""
    return ScoreSettings(config.batch_size, config.repeats, config.seed, config.device, config.num_classes)


def score_task(
    config: SearchConfig, name: str, super_blocks: tuple[SuperBlock, ...], settings: ScoreSettings
) -> ScoreTask:
    """The task of scoring one network.

    Args:
        config: the search's settings: resolution and plugins.
        name: of the score.
        super_blocks: the network.
        settings: of the score.
    """
    return ScoreTask(name, format_structure(super_blocks), config.resolution, settings, tuple(config.plugins))


def check_device(config: SearchConfig, elsewhere: bool = False) -> None:
    """Check before a search what it may need only at its end, when it re-scores.

    Args:
        config: the search.
        elsewhere: whether networks are scored on other machines, whose devices cannot be looked at from here.

    Raises:
        DeviceError: torch is to compute on a device that it does not know, or that is not on this machine.
    """
    registered = registered_score(config.score)
    by_torch = registered.needs_torch or (config.rescore > 0 and registered.estimates_zen)
    # A CPU is always there, and torch takes seconds to import.
    if config.device == "cpu" or not by_torch or not installed("torch"):
        return
    devices = require("zennas.nn.device", "torch", f"device {config.device}")
    if elsewhere:
        devices.named_device(config.device)
    else:
        devices.checked_device(config.device)


def chain_scorer(config: SearchConfig) -> ChainScorer | None:
    """What scores a round's chains; `None` where the search's score has to see the networks."""
    chains = registered_score(config.score).chains
    if chains is None:
        return None
    parents = len(config.budget_sets()) * config.population + 2 * config.round_size
    return chains(config.resolution, score_settings(config), parents)


def round_scorer(config: SearchConfig, execute: Execute) -> ScoreRound:
    """What scores the rounds of a search.

    Raises:
        UnknownNameError: there is no such score.
        MissingExtraError: it needs torch, which is not installed.
    """
    registered = registered_score(config.score)
    if registered.needs_torch:
        require("torch", "torch", f"the {config.score} score")
    settings = score_settings(config)
    many = registered.many
    if many is not None:
        return lambda networks: [_finite(s, config.score) for s in many(networks, config.resolution, settings)]

    def score(networks: list[tuple[SuperBlock, ...]]) -> list[float | Failure]:
        outcomes = execute([score_task(config, config.score, network, settings) for network in networks])
        return [o if isinstance(o, Failure) else o.score for o in outcomes]

    return score


def _finite(score: float, name: str) -> float | Failure:
    """A score, or why it is none: what no number orders would be in every population, and in no database."""
    if math.isfinite(score):
        return score
    return Failure(f"the {name} score came out as {score}: numerically meaningless for this network")
