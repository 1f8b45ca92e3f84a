"""The proxies that people compare with, under their names; torch is imported when one of them is computed."""

import time
from collections.abc import Callable
from typing import Any

from zennas.scores.network import Network
from zennas.scores.registry import ScoreSettings, register_score
from zennas.scores.result import Score, score_from_repeats

NTK_IMAGES = 16
"""Images of a tangent kernel at most: each costs a backward pass."""


def _repeated(name: str, settings: ScoreSettings, once: Callable[[ScoreSettings], float]) -> Score:
    """Independent draws of weights and images, `settings.repeats` of them."""
    from dataclasses import replace

    started = time.perf_counter()
    values = [once(replace(settings, seed=_seed(settings.seed, repeat))) for repeat in range(settings.repeats)]
    return score_from_repeats(name, values, time.perf_counter() - started)


def _seed(seed: int, repeat: int) -> int:
    import numpy as np

    return int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])


def _module(network: Network, settings: ScoreSettings) -> Any:
    import torch

    from zennas.scores.gradients import fresh_module

    return fresh_module(network, settings, torch.Generator().manual_seed(settings.seed))


def _batch(network: Network, resolution: int, settings: ScoreSettings) -> Any:
    from zennas.scores.gradients import random_batches

    return random_batches(network, resolution, settings, 1)[0]


@register_score("gradnorm", needs_torch=True, takes_modules=True, source="Abdelfattah et al. 2021, Section 3")
def gradnorm_score(network: Network, resolution: int, settings: ScoreSettings) -> Score:
    """Mean over draws of `gradients.gradnorm`."""
    from zennas.scores.gradients import gradnorm

    return _repeated("gradnorm", settings, lambda s: gradnorm(_module(network, s), _batch(network, resolution, s)))


@register_score("synflow", needs_torch=True, takes_modules=True, source="Tanaka et al. 2020, equation 2")
def synflow_score(network: Network, resolution: int, settings: ScoreSettings) -> Score:
    """Mean over draws of `gradients.synflow`."""
    from zennas.scores.gradients import synflow
    from zennas.scores.network import chain_of, in_channels

    shape = (1, in_channels(chain_of(network)), resolution, resolution)
    return _repeated("synflow", settings, lambda s: synflow(_module(network, s), shape))


@register_score("zico", needs_torch=True, takes_modules=True, source="Li et al. 2023, equation 13")
def zico_score(network: Network, resolution: int, settings: ScoreSettings) -> Score:
    """ZiCo over `settings.repeats` batches, at least two, of one draw of weights."""
    from zennas.scores.gradients import random_batches, zico

    started = time.perf_counter()
    batches = random_batches(network, resolution, settings, max(2, settings.repeats))
    value = zico(_module(network, settings), batches)
    return Score(value, 0.0, (value, value), time.perf_counter() - started, name="zico")


@register_score("ntk", needs_torch=True, takes_modules=True, source="Chen et al. 2021 (TE-NAS), Section 3.1")
def ntk_score(network: Network, resolution: int, settings: ScoreSettings) -> Score:
    """Mean over draws of −ln of the tangent kernel's condition number: a small one trains well."""
    import math

    from zennas.scores.gradients import ntk_condition

    def once(s: ScoreSettings) -> float:
        images, _ = _batch(network, resolution, s)
        return -math.log(ntk_condition(_module(network, s), images[:NTK_IMAGES]))

    return _repeated("ntk", settings, once)


@register_score("linear-regions", needs_torch=True, takes_modules=True, source="after Chen et al. 2021, Section 3.2")
def linear_regions_score(network: Network, resolution: int, settings: ScoreSettings) -> Score:
    """Mean over draws of `patterns.linear_regions`."""
    from zennas.scores.patterns import linear_regions

    def once(s: ScoreSettings) -> float:
        images, _ = _batch(network, resolution, s)
        return linear_regions(_module(network, s), images[: 2 * (min(len(images), 8) // 2)])

    return _repeated("linear-regions", settings, once)


@register_score("naswot", needs_torch=True, takes_modules=True, source="Mellor et al. 2021, equation 2")
def naswot_score(network: Network, resolution: int, settings: ScoreSettings) -> Score:
    """Mean over draws of `patterns.naswot`."""
    from zennas.scores.patterns import naswot

    return _repeated("naswot", settings, lambda s: naswot(_module(network, s), _batch(network, resolution, s)[0]))
