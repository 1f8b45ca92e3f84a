"""The scores that come with zennas, under their names."""

from typing import Any

import numpy as np

from zennas.architecture.model import Architecture
from zennas.counting import costs
from zennas.input_size import Resolution
from zennas.optional_dependencies import require
from zennas.scores.chains import ChainScorer, CountedChains
from zennas.scores.closed_form import MeanfieldScorer, meanfield_many, meanfield_score
from zennas.scores.network import Network, scorable
from zennas.scores.registry import ScoreSettings, register_score
from zennas.scores.result import Score


def exact(name: str, value: float) -> Score:
    """A deterministic score without error."""
    return Score(value, 0.0, (value, value), 0.0, name=name)


def _sampling(settings: ScoreSettings) -> dict[str, Any]:
    """The settings of a Monte Carlo score, as its function takes them."""
    return {
        "batch_size": settings.batch_size,
        "repeats": settings.repeats,
        "seed": settings.seed,
        "device": settings.device,
    }


@register_score(
    "meanfield",
    many=lambda networks, resolution, settings: meanfield_many(networks, resolution),
    chains=lambda resolution, settings, parents: MeanfieldScorer(resolution, parents),
    estimates_zen=True,
    takes_modules=True,
    source="the expectation of Zen-NAS's Algorithm 1 in closed form",
)
def _meanfield(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    return meanfield_score(scorable(network), resolution)


@register_score(
    "zen", needs_torch=True, estimates_zen=True, takes_modules=True, source="Lin et al. 2021, Zen-NAS, Algorithm 1"
)
def _zen(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    require("torch", "torch", "the Monte Carlo Zen-score")
    from zennas.scores.zen import zen_score

    return zen_score(scorable(network), resolution, first_repeat=settings.first_repeat, **_sampling(settings))


@register_score("phi", needs_torch=True, takes_modules=True, source="Lin et al. 2021, Zen-NAS, Definition 1")
def _phi(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    require("torch", "torch", "the Φ-score")
    from zennas.scores.zen import phi_score

    return phi_score(scorable(network), resolution, **_sampling(settings))


class CostScorer(ChainScorer):
    """Scores a search's rounds by what their networks cost."""

    def __init__(self, cost: str) -> None:
        """A scorer by `params` or `flops`."""
        self._cost = cost

    def score(self, chains: CountedChains) -> list[float]:
        """The scores of a round's networks, in order."""
        scores: list[float] = getattr(chains, self._cost).tolist()
        return scores


@register_score("params", chains=lambda resolution, settings, parents: CostScorer("params"), takes_modules=True)
def _params(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    if isinstance(network, Architecture):
        return exact("params", float(costs(network, resolution, settings.num_classes).params))
    return exact("params", float(network.params))


@register_score("flops", chains=lambda resolution, settings, parents: CostScorer("flops"), takes_modules=True)
def _flops(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    if isinstance(network, Architecture):
        return exact("flops", float(costs(network, resolution, settings.num_classes).flops))
    return exact("flops", float(network.flops))


@register_score("layers")
def _layers(architecture: Architecture, resolution: Resolution, settings: ScoreSettings) -> Score:
    return exact("layers", float(costs(architecture, resolution, settings.num_classes).layers))


@register_score("random")
def _random(architecture: Architecture, resolution: Resolution, settings: ScoreSettings) -> Score:
    """Uniform in [0, 1): a hash of the structure and the seed, so that it repeats."""
    import zlib

    from zennas.architecture.structure import format_structure

    entropy = [settings.seed, zlib.crc32(format_structure(architecture).encode())]
    return exact("random", float(np.random.default_rng(entropy).random()))
