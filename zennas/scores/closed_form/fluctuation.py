"""Fluctuations of the energy within an image ("2. Fluctuations within an image" of `docs/closed-form.md`)."""

import math
from typing import NamedTuple

from zennas.compiled import compiled
from zennas.scores.closed_form.activation import M2, Activation, Moments
from zennas.scores.closed_form.geometry import COHERENT, GRID, KEEP, SCALE, WHITE
from zennas.scores.closed_form.state import Coherent, Correlation, Layer, LocalEnergy, OwnEnergy, Vector

LENGTH2_LIMIT = 4.0
"""A correlation length is at most half a map's side, of one that is not square the geometric mean of both: longer waves
are the image's own energy, which is not local."""


class Passed(NamedTuple):
    """What an activation leaves of the local variances: relative variances of energies.

    Attributes:
        smooth: shared by all channels, smooth.
        shared: shared by all channels, smooth and white.
        own_image: of one channel, between images.
        own_smooth: of one channel, smooth.
        own_white: of one channel, white.
        length2: squared correlation length of the shared smooth part.
    """

    smooth: float
    shared: float
    own_image: float
    own_smooth: float
    own_white: float
    length2: float


class Noise(NamedTuple):
    """Relative variance that one input channel adds to the energies; divided by the fan-in it is what a layer adds.

    Attributes:
        image: the same over an image.
        smooth: as smooth as the coherent parts.
        white: independent from position to position.
    """

    image: float
    smooth: float
    white: float


@compiled
def gain(covariance: float, mean2: float, scale: float, rectified: bool) -> float:
    """Covariance of two local energies after the activation.

    Args:
        covariance: C, before it.
        mean2: y², of the mean activation.
        scale: 1 / (½ − y²)².
        rectified: whether the activation is ReLU; others pass it unchanged.
    """
    if not rectified:
        return covariance
    root = math.sqrt(1 + covariance)
    return (0.25 * covariance - 2 * mean2 * (root - 1) + 4 * mean2 * mean2 * (math.sqrt(root) - 1)) * scale


@compiled
def sharpened(covariance: float, after: float, mean2: float, scale: float) -> float:
    """Factor of a smooth field's squared correlation length: ReLU raises its peaks more than their surroundings.

    Args:
        covariance: C, before the activation.
        after: `gain` of it.
        mean2: y², of the mean activation.
        scale: 1 / (½ − y²)².
    """
    if covariance <= 0:
        return 1.0
    root = math.sqrt(1 + covariance)
    slope = (0.25 - mean2 * (1 - mean2 / math.sqrt(root)) / root) * scale
    return after / (covariance * slope)


@compiled
def window_average(smooth: float, white: float, length2: float, layer: Layer, table: Vector) -> tuple[float, float]:
    """k×k average of a local field: its variance, all of it smooth now, and its squared correlation length.

    Args:
        smooth: variance of the smooth part.
        white: variance of the part that is independent from position to position.
        length2: squared correlation length of the smooth part.
        layer: the window and the map it reads.
        table: the geometry's row, see `geometry_row`.
    """
    kernel, stride = layer.kernel, layer.stride
    if kernel == 1:
        return smooth, length2 / (stride * stride)
    root = math.sqrt(length2)
    x = root / (root + table[SCALE]) * GRID
    i = int(x)
    keep = table[KEEP + i] * (1 - (x - i)) + table[KEEP + 1 + i] * (x - i)
    old = smooth * keep if smooth > 0 else 0.0
    new = white * table[WHITE]
    grown = (kernel * kernel - 1) / 6.0
    mean = (old * (length2 + grown) + new * grown) / (old + new + 1e-30)
    longest = layer.height * layer.width / LENGTH2_LIMIT
    return old + new, min(mean, longest) / (stride * stride)


@compiled
def passed_on(local: LocalEnergy, own: OwnEnergy, activation: Activation) -> Passed:
    """Local variances after the activation.

    Args:
        local: of the energy that all channels share.
        own: of single channels.
        activation: what the energies pass through.
    """
    mean2 = activation.image_mean * activation.image_mean
    scale = 1 / ((0.5 - mean2) * (0.5 - mean2))
    rectified = activation.rectified
    shared = local.smooth + local.white
    alone = own.image + own.smooth + own.white
    new_smooth = gain(local.smooth, mean2, scale, rectified)
    new_shared = gain(shared, mean2, scale, rectified)
    length2 = local.length2
    if rectified:
        length2 *= sharpened(local.smooth, new_smooth, mean2, scale)
    own_image = own_smooth = own_white = 0.0
    if alone > 0:
        own_image = gain(own.image, mean2, scale, rectified)
        own_smooth = gain(local.smooth + own.image + own.smooth, mean2, scale, rectified) - own_image - new_smooth
        own_white = gain(1 + shared + alone - 1, mean2, scale, rectified) - own_image - own_smooth - new_shared
    level = activation.local_gain
    return Passed(new_smooth * level, new_shared * level, own_image, own_smooth, own_white, length2)


@compiled
def noise_of_a_channel(
    local: LocalEnergy, correlation: Correlation, coherent: Coherent, activation: Activation, moments: Moments
) -> Noise:
    """What finitely many channels add to the energies, for a fan-in of 1.

    Args:
        local: of the energy that all channels share, before the activation.
        correlation: of two activations.
        coherent: coherent share at local scale, before the activation.
        activation: what the energies pass through.
        moments: of the state before it.
    """
    inverse = 1 / activation.square
    square2, power15 = moments.image_square, moments.image_power15
    image, smooth = 0.0, activation.coherent_square * coherent.smooth * coherent.smooth * inverse
    if activation.rectified:
        y, m = activation.image_mean, activation.mean
        mean2 = y * y
        image = (
            4 * M2 * moments.energy_coherent
            - 4 * m * y * moments.root_coherent
            + m * m * (mean2 / M2) * moments.coherent
        ) * inverse
        root = math.sqrt(1 + local.smooth)
        smooth += (
            4 * M2 * (1 + local.smooth) * (moments.energy_coherent + square2 * coherent.smooth)
            - 4 * m * y * root * (moments.root_coherent + power15 * coherent.smooth)
            + m * m * (mean2 / M2) * math.sqrt(root) * (moments.coherent + coherent.smooth)
        ) * inverse - image
    correlated = activation.coherent_square * inverse * (correlation.image + correlation.smooth + correlation.white)
    # Neither is a variance below 0: rounding leaves −1e-18 where nothing is coherent, and what coherent parts and
    # correlations take, each to first order, is more than all of the noise in the deep and narrow.
    smooth = max(0.0, smooth)
    return Noise(image, smooth, max(0.0, activation.noise * inverse - image - smooth - correlated))


@compiled
def coherent_after_convolution(
    local: LocalEnergy, coherent: Coherent, activation: Activation, moments: Moments, kernel: int, table: Vector
) -> Coherent:
    """Coherent share of the energy at local scale after activation and convolution, before batch norm.

    Args:
        local: of the energy that all channels share, before the activation.
        coherent: before the activation.
        activation: what the energies pass through.
        moments: of the state before it.
        kernel: of the convolution.
        table: the geometry's row, see `geometry_row`.
    """
    gained = activation.coherent_gain
    kept = table[COHERENT] if kernel > 1 else 1.0
    from_smooth = from_all = 0.0
    profile = gained * coherent.profile * kept
    if activation.rectified:
        mean2 = activation.image_mean * activation.image_mean
        root = math.sqrt(1 + local.smooth)
        from_smooth = mean2 * (math.sqrt(root) - 1) / activation.variance
        from_all = mean2 * (math.sqrt(math.sqrt(1 + (local.smooth + local.white))) - 1) / activation.variance
        down, across = moments.profile_root, moments.across_root
        profile += (
            (1 / (down * across * down * across) - 1) * activation.mean * activation.mean / activation.variance * kept
        )
    smooth = gained * coherent.smooth + from_smooth
    white = gained * coherent.white + from_all - from_smooth if kernel == 1 else 0.0
    return Coherent(smooth, white, profile)


@compiled
def local_after_dense(
    passed: Passed, noise: Noise, own_length2: float, groups_before: float, layer: Layer, table: Vector
) -> tuple[LocalEnergy, float]:
    """Local energies after a convolution that reads all channels, and the noise that a whole image has in common.

    Args:
        passed: what the activation left of the local variances.
        noise: what one input channel adds.
        own_length2: of the smooth part of single channels.
        groups_before: groups of the last grouped convolution, whose channels are averaged now; 1 without one.
        layer: the convolution.
        table: the geometry's row, see `geometry_row`.
    """
    positions = float(layer.height * layer.width)
    channels, n, stride, length2 = layer.in_channels, groups_before, layer.stride, passed.length2
    # Only what is new: the map-wide mean of the older local parts is in the images' energies already.
    image = noise.image / channels + passed.own_image / n + noise.white / channels / positions
    smooth = passed.smooth + passed.own_smooth / n + noise.smooth / channels
    mean2 = ((passed.smooth + noise.smooth / channels) * length2 + passed.own_smooth / n * own_length2) / (
        smooth + 1e-30
    )
    white = (passed.shared - passed.smooth + passed.own_white / n + noise.white / channels) * (1 - 1 / positions)
    if layer.kernel == 1:
        return LocalEnergy(smooth, white, mean2 / (stride * stride)), image
    smooth, mean2 = window_average(smooth, white, mean2, layer, table)
    return LocalEnergy(smooth, 0.0, mean2), image


@compiled
def local_after_grouped(
    passed: Passed, noise: Noise, own_length2: float, layer: Layer, table: Vector
) -> tuple[LocalEnergy, OwnEnergy]:
    """Local energies after a grouped convolution: the new noise belongs to single channels.

    Args:
        passed: what the activation left of the local variances.
        noise: what one input channel adds.
        own_length2: of the smooth part of single channels.
        layer: the convolution.
        table: the geometry's row, see `geometry_row`.
    """
    positions = float(layer.height * layer.width)
    stride2, length2 = layer.stride * layer.stride, passed.length2
    image = passed.own_image + noise.image / layer.fan + noise.white / layer.fan / positions
    smooth = passed.own_smooth + noise.smooth / layer.fan
    white = (passed.own_white + noise.white / layer.fan) * (1 - 1 / positions)
    own2 = own_length2 if passed.own_smooth > noise.smooth / layer.fan else length2
    shared_white = (passed.shared - passed.smooth) * (1 - 1 / positions)
    if layer.kernel == 1:
        return (
            LocalEnergy(passed.smooth, shared_white, length2 / stride2),
            OwnEnergy(image, smooth, white, own2 / stride2),
        )
    smooth, own2 = window_average(smooth, white, own2, layer, table)
    shared, length2 = window_average(passed.smooth, shared_white, length2, layer, table)
    return LocalEnergy(shared, 0.0, length2), OwnEnergy(image, smooth, 0.0, own2)
