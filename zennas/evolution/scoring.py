"""How a search scores its rounds: at once where the score is cheap, else one network at a time."""

from zennas.architecture.model import Architecture, SuperBlock
from zennas.errors import ScoreError
from zennas.evolution.config import SearchConfig
from zennas.evolution.evolve import Failure, ScoreRound
from zennas.extras import require
from zennas.scores.registry import ScoreSettings, compute_score, registered_score


def score_settings(config: SearchConfig) -> ScoreSettings:
    """The score's settings in this search. Every candidate is scored with the run's seed."""
    return ScoreSettings(config.batch_size, config.repeats, config.seed, config.device, config.num_classes)


def score_one(
    name: str, super_blocks: tuple[SuperBlock, ...], resolution: int, settings: ScoreSettings
) -> float | Failure:
    """One network's score; a score that refuses the network is a failure with its reason, never a number."""
    try:
        return compute_score(name, Architecture(super_blocks), resolution, settings).score
    except ScoreError as error:
        return Failure(str(error))


def serial_scorer(config: SearchConfig) -> ScoreRound:
    """Scores rounds in this process. Raises `UnknownNameError` or `MissingExtraError` before the search."""
    registered = registered_score(config.score)
    if registered.needs_torch:
        require("torch", "torch", f"the {config.score} score")
    settings = score_settings(config)
    many = registered.many
    if many is not None:
        return lambda networks: list(many(networks, config.resolution, settings))
    return lambda networks: [score_one(config.score, n, config.resolution, settings) for n in networks]
