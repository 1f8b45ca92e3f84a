"""The difference of the two passes ("5. The perturbation" of `docs/closed-form.md`)."""

import math

from zennas.compiled import compiled
from zennas.scores.closed_form.activation import root_of_uneven
from zennas.scores.closed_form.state import (
    IMAGE,
    MEAN,
    PROFILE,
    Correlation,
    Layer,
    LocalEnergy,
    Matrix,
    OwnEnergy,
    Profiles,
    over_map,
    side,
)
from zennas.scores.closed_form.variance import window_sum

MOST_DIFFERENCE = 1.5
"""1 − correlation at a position before batch norm's factor: where little energy is, the energy's window and the
difference's may disagree, and the quotient exceeds the 1 of independent passes by far (corners of deep chains)."""


@compiled
def half_minus_kappa(difference: float) -> float:
    """½ − κ(1 − d): half the mean squared difference of ReLU of two Gaussians, without cancellation at small d.

    Args:
        difference: d, 1 − correlation of the two Gaussians.
    """
    if difference > 1e-3:
        r = max(-1.0, 1.0 - difference)  # passes cannot be further apart than opposite
        return 0.5 - (math.sqrt(1.0 - r * r) + r * (math.pi - math.acos(r))) / (2 * math.pi)
    angle = math.sqrt(2 * difference) * (1 + difference / 12)
    return difference / 2 - angle * angle * angle / (6 * math.pi)


@compiled
def difference_after_activation(profile: Profiles, means: Matrix, height: int, width: int, rectified: bool) -> None:
    """Fill `half_difference` of the profile and of the means.

    Args:
        profile: reads `energy` and `difference`.
        means: of the profile.
        height: of the map.
        width: of the map.
        rectified: whether the activation is ReLU.
    """
    for part in range(len(profile)):
        size = side(part, height, width)
        if rectified:
            for i in range(size):
                profile[part, PROFILE.half_difference, i] = profile[part, PROFILE.energy, i] * half_minus_kappa(
                    profile[part, PROFILE.difference, i]
                )
        else:
            for i in range(size):
                profile[part, PROFILE.half_difference, i] = (
                    profile[part, PROFILE.energy, i] * profile[part, PROFILE.difference, i]
                )
        total = 0.0
        for i in range(size):
            total += profile[part, PROFILE.half_difference, i]
        means[part, MEAN.half_difference] = total / size


@compiled
def window_differences(profile: Profiles, means: Matrix, layer: Layer) -> None:
    """Fill `window_difference` of the profile and of the means.

    Args:
        profile: reads `half_difference`.
        means: of the profile.
        layer: the window and the maps around it.
    """
    for part in range(len(profile)):
        size, out_size = side(part, layer.height, layer.width), side(part, layer.out_height, layer.out_width)
        means[part, MEAN.window_difference] = window_sum(
            profile[part], PROFILE.half_difference, layer, size, out_size, PROFILE.window_difference
        )


@compiled
def difference_after_convolution(
    profile: Profiles, means: Matrix, mean_energy: float, layer: Layer, correlation: Correlation, others: float
) -> float:
    """Write the next map's profile and difference of the passes; returns the mean difference, weighted by energy.

    Args:
        profile: reads `next_energy` and `window_difference`, writes `energy`, `root` and `difference`.
        means: of the profile, reads `half_difference` and `window_difference`.
        mean_energy: mean of `next_energy`.
        layer: the convolution.
        correlation: of the activations, after the convolution.
        others: factor by which batch norm raises what is not coherent: the passes have their coherent energy in common.
    """
    delta = 0.0
    for part in range(len(profile)):
        size, other = side(part, layer.out_height, layer.out_width), len(profile) - 1 - part
        # Along the other side a window multiplies the difference by the quotient of its means. One division a position:
        # divisions are what takes time here.
        energy_scale = 1 / mean_energy
        difference_scale = means[other, MEAN.window_difference] / (means[other, MEAN.half_difference] * mean_energy)
        mean = 0.0
        for i in range(size):
            share = profile[part, PROFILE.next_energy, i] * energy_scale
            x = min(profile[part, PROFILE.window_difference, i] * difference_scale / share, MOST_DIFFERENCE)
            profile[part, PROFILE.difference, i] = x
            mean += x * share
            profile[part, PROFILE.energy, i] = share
            profile[part, PROFILE.root, i] = math.sqrt(share)
        delta += mean / size
    # Both parts are means over the same map, but for what the activation's curvature makes of each.
    delta /= len(profile)
    total = correlation.image + correlation.smooth + correlation.white + correlation.own
    # Division by each channel's own deviation. The form is to first order around equal passes: it is no correlation
    # below 0 between them, nor one of the difference beyond that of the activations, that the factor describes.
    grow = others * (1 + 2 * max(0.0, total - correlation.difference) * max(0.0, 1 - delta))
    delta *= grow
    for part in range(len(profile)):
        for i in range(side(part, layer.out_height, layer.out_width)):
            profile[part, PROFILE.difference, i] *= grow
    return delta


@compiled
def log_difference(
    images: Matrix,
    profile: Profiles,
    means: Matrix,
    local: LocalEnergy,
    own: OwnEnergy,
    delta: float,
    outputs: float,
    height: int,
    width: int,
) -> float:
    """log Δ = log(outputs · √(d/π) · E√E).

    Args:
        images: reads `energy` and `unevenness`.
        profile: reads `energy` and `root`.
        means: of the profile, writes `root` and `square`.
        local: of the energy that all channels share.
        own: of single channels.
        delta: d, mean difference of the passes.
        outputs: C·H·W of the last map; twice as many where nothing stands after the last batch norm.
        height: of the last map.
        width: of the last map.
    """
    root = 0.0
    for part in range(len(profile)):
        size = side(part, height, width)
        mean_root = square = 0.0
        for i in range(size):
            mean_root += profile[part, PROFILE.root, i]
            square += profile[part, PROFILE.energy, i] * profile[part, PROFILE.energy, i]
        means[part, MEAN.root], means[part, MEAN.square] = mean_root / size, square / size
    fluctuation = 1 + local.smooth + local.white + own.image + own.smooth + own.white
    even = 1 / (fluctuation * over_map(means, MEAN.square))
    for b in range(images.shape[1]):
        root += images[IMAGE.weight, b] * root_of_uneven(images[IMAGE.energy, b], images[IMAGE.unevenness, b], even)
    down, across = means[0, MEAN.root], means[len(means) - 1, MEAN.root]
    mean_root = root * down * across / math.sqrt(math.sqrt(math.sqrt(fluctuation)))
    return math.log(outputs * math.sqrt(delta / math.pi) * mean_root)
