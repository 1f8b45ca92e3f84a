"""The difference of the two passes ("5. The perturbation" of `docs/closed-form.md`)."""

import math

from zennas.compiled import compiled
from zennas.scores.closed_form.activation import root_of_uneven
from zennas.scores.closed_form.state import IMAGE, PROFILE, Correlation, LocalEnergy, Matrix, OwnEnergy

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
def difference_after_activation(profile: Matrix, size: int, rectified: bool) -> None:
    """Fill `profile.half_difference`.

    Args:
        profile: reads `energy` and `difference`.
        size: side of the map.
        rectified: whether the activation is ReLU.
    """
    if rectified:
        for i in range(size):
            profile[PROFILE.half_difference, i] = profile[PROFILE.energy, i] * half_minus_kappa(
                profile[PROFILE.difference, i]
            )
    else:
        for i in range(size):
            profile[PROFILE.half_difference, i] = profile[PROFILE.energy, i] * profile[PROFILE.difference, i]


@compiled
def difference_after_convolution(
    profile: Matrix,
    mean_energy: float,
    mean_half: float,
    mean_window: float,
    size: int,
    correlation: Correlation,
    others: float,
) -> float:
    """Write the next map's profile and difference of the passes; returns the mean difference, weighted by energy.

    Args:
        profile: reads `next_energy` and `window_difference`, writes `energy`, `root` and `difference`.
        mean_energy: mean of `next_energy`.
        mean_half: mean of `half_difference` over the map that was read.
        mean_window: mean of `window_difference`.
        size: side of the map that was written.
        correlation: of the activations, after the convolution.
        others: factor by which batch norm raises what is not coherent: the passes have their coherent energy in common.
    """
    delta = 0.0
    # One division a position: divisions are what takes time here.
    energy_scale, difference_scale = 1 / mean_energy, mean_window / (mean_half * mean_energy)
    for i in range(size):
        share = profile[PROFILE.next_energy, i] * energy_scale
        x = min(profile[PROFILE.window_difference, i] * difference_scale / share, MOST_DIFFERENCE)
        profile[PROFILE.difference, i] = x
        delta += x * share
        profile[PROFILE.energy, i] = share
        profile[PROFILE.root, i] = math.sqrt(share)
    delta /= size
    total = correlation.image + correlation.smooth + correlation.white + correlation.own
    # Division by each channel's own deviation. The form is to first order around equal passes: it is no correlation
    # below 0 between them, nor one of the difference beyond that of the activations, that the factor describes.
    grow = others * (1 + 2 * max(0.0, total - correlation.difference) * max(0.0, 1 - delta))
    delta *= grow
    for i in range(size):
        profile[PROFILE.difference, i] *= grow
    return delta


@compiled
def log_difference(
    images: Matrix,
    profile: Matrix,
    local: LocalEnergy,
    own: OwnEnergy,
    delta: float,
    outputs: float,
    size: int,
) -> float:
    """log Δ = log(outputs · √(d/π) · E√E).

    Args:
        images: reads `energy` and `unevenness`.
        profile: reads `energy` and `root`.
        local: of the energy that all channels share.
        own: of single channels.
        delta: d, mean difference of the passes.
        outputs: C·H·W of the last map; twice as many where nothing stands after the last batch norm.
        size: H = W, of the last map.
    """
    width = square = root = 0.0
    for i in range(size):
        width += profile[PROFILE.root, i]
        square += profile[PROFILE.energy, i] * profile[PROFILE.energy, i]
    width /= size
    fluctuation = 1 + local.smooth + local.white + own.image + own.smooth + own.white
    even = 1 / (fluctuation * (square / size) ** 2)
    for b in range(images.shape[1]):
        root += images[IMAGE.weight, b] * root_of_uneven(images[IMAGE.energy, b], images[IMAGE.unevenness, b], even)
    mean_root = root * width * width / math.sqrt(math.sqrt(math.sqrt(fluctuation)))
    return math.log(outputs * math.sqrt(delta / math.pi) * mean_root)
