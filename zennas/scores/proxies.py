"""The proxies that people compare with, under their names; torch is imported when one of them is computed."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zennas.blocks.layers import Convolution
from zennas.input_size import Resolution, sides
from zennas.scores.network import Network, chain_of, in_channels
from zennas.scores.registry import ScoreSettings, register_score
from zennas.scores.result import Score, check_counts, score_from_repeats

if TYPE_CHECKING:
    from zennas.scores.gradients import Initialisation

NTK_IMAGES = 16
"""Images of a tangent kernel at most: each costs a backward pass."""
ZICO_BATCHES = 2
"""Batches whose gradients ZiCo compares, as in the paper."""


def _repeated(name: str, settings: ScoreSettings, once: Callable[[ScoreSettings], float]) -> Score:
    """Independent draws of weights and images, `settings.repeats` of them. Raises as `check_counts`."""
    from dataclasses import replace

    check_counts(settings.batch_size, settings.repeats)
    started = time.perf_counter()
    values = [once(replace(settings, seed=_seed(settings.seed, repeat))) for repeat in range(settings.repeats)]
    return score_from_repeats(name, values, time.perf_counter() - started)


def _seed(seed: int, repeat: int) -> int:
    import numpy as np

    return int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])


def _module(network: Network, settings: ScoreSettings, initialisation: "Initialisation" = "fan-in") -> Any:
    import torch

    from zennas.scores.gradients import fresh_module

    return fresh_module(network, settings, torch.Generator().manual_seed(settings.seed), initialisation)


def _batch(network: Network, resolution: Resolution, settings: ScoreSettings) -> Any:
    from zennas.scores.gradients import random_batches

    return random_batches(network, resolution, settings, 1)[0]


@register_score("gradnorm", needs_torch=True, takes_modules=True, source="Abdelfattah et al. 2021, Section 3")
def gradnorm_score(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """Mean over draws of `gradients.gradnorm`."""
    from zennas.scores.gradients import gradnorm

    return _repeated("gradnorm", settings, lambda s: gradnorm(_module(network, s), _batch(network, resolution, s)))


@register_score("synflow", needs_torch=True, takes_modules=True, source="Tanaka et al. 2020, equation 2")
def synflow_score(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """Mean over draws of `gradients.synflow`."""
    from zennas.scores.gradients import synflow

    shape = (1, in_channels(chain_of(network)), *sides(resolution))
    return _repeated("synflow", settings, lambda s: synflow(_module(network, s), shape))


@register_score("zico", needs_torch=True, takes_modules=True, source="Li et al. 2023, equation 15")
def zico_score(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """Mean over draws of ZiCo, each of two batches and its own weights."""
    from zennas.scores.gradients import random_batches, zico

    def once(s: ScoreSettings) -> float:
        return zico(_module(network, s), random_batches(network, resolution, s, ZICO_BATCHES))

    return _repeated("zico", settings, once)


def _ntk(
    name: str, network: Network, resolution: Resolution, settings: ScoreSettings, initialisation: "Initialisation"
) -> Score:
    """Mean over draws of −ln of the tangent kernel's condition number: a small one trains well."""
    import math

    from zennas.scores.gradients import ntk_condition

    def once(s: ScoreSettings) -> float:
        images, _ = _batch(network, resolution, s)
        return -math.log(ntk_condition(_module(network, s, initialisation), images[:NTK_IMAGES]))

    return _repeated(name, settings, once)


@register_score("ntk", needs_torch=True, takes_modules=True, source="Chen et al. 2021 (TE-NAS), Section 3.1.1")
def ntk_score(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """−ln of the tangent kernel's condition number, with torch's own initialisation.

    TE-NAS names He et al.'s. In the authors' published code the name that is asked for matches neither of those that
    it knows, so that their runs had torch's default.
    """
    return _ntk("ntk", network, resolution, settings, "torch")


@register_score("ntk-fan-in", needs_torch=True, takes_modules=True, source="ntk with He's initialisation by fan-in")
def ntk_fan_in_score(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """−ln of the tangent kernel's condition number, with weights from N(0, 2 / fan-in)."""
    return _ntk("ntk-fan-in", network, resolution, settings, "fan-in")


@register_score("ntk-fan-out", needs_torch=True, takes_modules=True, source="ntk with He's initialisation by fan-out")
def ntk_fan_out_score(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """−ln of the tangent kernel's condition number, with weights from N(0, 2 / fan-out)."""
    return _ntk("ntk-fan-out", network, resolution, settings, "fan-out")


def _activations(network: Network) -> int:
    """How many activations the network's main path has."""
    return sum(isinstance(layer, Convolution) and layer.activation is not None for layer in chain_of(network))


@register_score(
    "linear-regions", needs_torch=True, takes_modules=True, source="this project, after Chen et al. 2021, Section 3.1.2"
)
def linear_regions_score(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """Mean over draws of `patterns.linear_regions`."""
    from zennas.scores.patterns import linear_regions

    def once(s: ScoreSettings) -> float:
        images, _ = _batch(network, resolution, s)
        ends = images[: 2 * (min(len(images), 8) // 2)]
        return linear_regions(_module(network, s), ends, activations=_activations(network))

    return _repeated("linear-regions", settings, once)


@register_score("naswot", needs_torch=True, takes_modules=True, source="Mellor et al. 2021, equation 2")
def naswot_score(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """Mean over draws of `patterns.naswot`."""
    from zennas.scores.patterns import naswot

    def once(s: ScoreSettings) -> float:
        return naswot(_module(network, s), _batch(network, resolution, s)[0], _activations(network))

    return _repeated("naswot", settings, once)
