"""Networks of known accuracy as a learner reads them: features, target, and what each zero-shot score says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zennas.accuracy.known import KnownNetwork
from zennas.accuracy.measures import Indices, Values
from zennas.architecture.model import Architecture
from zennas.scores.learned.features import LEAST_SCORE, Described, described, described_blocks
from zennas.scores.learned.model import as_target
from zennas.scores.registry import ScoreSettings, compute_score, registered_score

BASELINES = ("zen-weighted", "meanfield", "params", "flops")
"""Zero-shot scores that may be corrected, the preferred one first."""


@dataclass(frozen=True)
class Examples:
    """Networks whose accuracies are known; one entry a network.

    Attributes:
        networks: what features are computed from; the zero-shot score in it is the first of `BASELINES`.
        log_scores: logarithms of the zero-shot scores, by name.
        accuracy: in percent.
        target: what is learned, see `zennas.scores.learned.model`.
        noise: standard deviation of the target between trainings of one network, or not a number.
        flops: multiply-adds.
    """

    networks: Described
    log_scores: Mapping[str, Values]
    accuracy: Values
    target: Values
    noise: Values
    flops: Values

    def __len__(self) -> int:
        return len(self.target)

    def at(self, places: Indices) -> "Examples":
        """Those at some places."""
        return Examples(
            self.networks.at(places),
            {name: values[places] for name, values in self.log_scores.items()},
            self.accuracy[places],
            self.target[places],
            self.noise[places],
            self.flops[places],
        )

    def on(self, baseline: str) -> "Examples":
        """The same, with another zero-shot score to correct."""
        return replace(self, networks=replace(self.networks, log_score=self.log_scores[baseline]))


def examples(networks: Sequence[KnownNetwork]) -> Examples:
    """What a learner reads of networks.

    Args:
        networks: of one recipe.

    Raises:
        ScoreError: a zero-shot score refuses one of them.
    """
    described_all = _described(networks)
    log_scores = {BASELINES[0]: described_all.log_score}
    for name in BASELINES[1:]:
        log_scores[name] = np.log(np.maximum(_scores(name, networks), LEAST_SCORE))
    accuracy = np.array([n.accuracy for n in networks], float)
    spread = np.array([np.nan if n.std is None else n.std for n in networks], float)
    return Examples(
        described_all,
        log_scores,
        accuracy,
        as_target(accuracy),
        spread / np.maximum(100 - accuracy, 1),
        np.array([n.flops for n in networks], float),
    )


def _described(networks: Sequence[KnownNetwork]) -> Described:
    settings = {(n.resolution, n.num_classes) for n in networks}
    blocks = [n.network.super_blocks for n in networks if isinstance(n.network, Architecture)]
    if len(settings) == 1 and len(blocks) == len(networks):
        resolution, classes = settings.pop()
        return described_blocks(blocks, resolution, classes, BASELINES[0])
    return described(
        [n.network for n in networks], [n.resolution for n in networks], [n.num_classes for n in networks], BASELINES[0]
    )


def _scores(name: str, networks: Sequence[KnownNetwork]) -> Values:
    if name in ("params", "flops"):
        return np.array([getattr(n, name) for n in networks], float)
    many, settings = registered_score(name).many, {n.resolution for n in networks}
    blocks = [n.network.super_blocks for n in networks if isinstance(n.network, Architecture)]
    if many is not None and len(settings) == 1 and len(blocks) == len(networks):
        return np.array(many(blocks, settings.pop(), ScoreSettings()), float)
    return np.array([compute_score(name, n.network, n.resolution, ScoreSettings()).score for n in networks], float)
