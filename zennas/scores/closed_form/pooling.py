"""Pooling ("6. Pooling" of `docs/closed-form.md`)."""

from typing import NamedTuple

from zennas.compiled import compiled, compiled_apart
from zennas.scores.closed_form.activation import Activation, Moments, unchanged
from zennas.scores.closed_form.correlation import correlation_after_average
from zennas.scores.closed_form.fluctuation import (
    Noise,
    coherent_after_convolution,
    passed_on,
    window_average,
)
from zennas.scores.closed_form.geometry import WHITE
from zennas.scores.closed_form.images import NO_DRIFT, coherent_of_images, unevenness_of_images
from zennas.scores.closed_form.neighbours import Tables, neighbours_after_average
from zennas.scores.closed_form.state import (
    IMAGE,
    MEAN,
    PROFILE,
    Coherent,
    Correlation,
    Layer,
    LocalEnergy,
    Matrix,
    OwnEnergy,
    Profiles,
    Vector,
    over_map,
    side,
)
from zennas.scores.closed_form.variance import window_sum


class Before(NamedTuple):
    """The state before the activation that an average pool reads.

    Attributes:
        local: of the energy that all channels share.
        own: of single channels.
        correlation: of two activations.
        coherent: coherent share at local scale.
    """

    local: LocalEnergy
    own: OwnEnergy
    correlation: Correlation
    coherent: Coherent


class Pooled(NamedTuple):
    """What an average pool puts out, and the state after it.

    Attributes:
        mean: mean output where the profile of means is 1.
        second_moment: mean square of the outputs.
        variance: of the outputs, over images and positions.
        noise: variance of the squared deviation over its squared mean: 2 for a Gaussian.
        difference: mean of half the squared difference of the passes.
        common: share of it that all channels have in common.
        local: of the energy that all channels share.
        own: of single channels.
        correlation: of two channels.
        coherent: coherent share at local scale.
    """

    mean: float
    second_moment: float
    variance: float
    noise: float
    difference: float
    common: float
    local: LocalEnergy
    own: OwnEnergy
    correlation: Correlation
    coherent: Coherent


class Kept(NamedTuple):
    """What averaging a window leaves, as a factor of the variance.

    Attributes:
        white: of what is independent from position to position.
        coherent: of what is the same over an image, but for zero padding.
        mean: of the mean, not squared.
        smooth: of the smooth local part.
        white_coherent: of the coherent part that changes from position to position.
    """

    white: float
    coherent: float
    mean: float
    smooth: float
    white_coherent: float


@compiled
def max_pool(profile: Profiles, layer: Layer) -> None:
    """A max pool's map has a flat profile, and the mean difference of the passes.

    Args:
        profile: writes `energy`, `root` and `difference`.
        layer: the pool.
    """
    mean = 0.0
    for part in range(len(profile)):
        size, total = side(part, layer.height, layer.width), 0.0
        for i in range(size):
            total += profile[part, PROFILE.difference, i]
        mean += total / size
    for part in range(len(profile)):
        for i in range(side(part, layer.out_height, layer.out_width)):
            profile[part, PROFILE.energy, i] = profile[part, PROFILE.root, i] = 1.0
            profile[part, PROFILE.difference, i] = mean / len(profile)


@compiled_apart
def kept_by_window(profile: Profiles, means: Matrix, layer: Layer, length2: float, table: Vector) -> Kept:
    """What the pool's window leaves; fills `window_energy`, `window_root` and `window_difference`.

    Args:
        profile: reads `energy`, `root` and `half_difference`.
        means: of the profile, writes `window_energy`, `window_root` and `window_square`.
        layer: the pool.
        length2: squared correlation length of the smooth local part.
        table: the geometry's row, see `geometry_row`.
    """
    pad = (layer.kernel - 1) // 2
    for part in range(len(profile)):
        size, out = side(part, layer.height, layer.width), side(part, layer.out_height, layer.out_width)
        window_sum(profile[part], PROFILE.energy, layer, size, out, PROFILE.window_energy)
        window_sum(profile[part], PROFILE.root, layer, size, out, PROFILE.window_root)
        window_sum(profile[part], PROFILE.half_difference, layer, size, out, PROFILE.window_difference)
        white = coherent = mean = 0.0
        for i in range(out):
            # Zeros count, but not what lies beyond them: the last window of an even kernel on an odd side is cut.
            first = i * layer.stride - pad
            taps = float(min(first + layer.kernel, size + pad) - first)
            profile[part, PROFILE.window_energy, i] /= taps * taps
            profile[part, PROFILE.window_root, i] /= taps
            profile[part, PROFILE.window_difference, i] /= taps * taps
            white += profile[part, PROFILE.window_energy, i]
            coherent += profile[part, PROFILE.window_root, i] * profile[part, PROFILE.window_root, i]
            mean += profile[part, PROFILE.window_root, i]
        means[part, MEAN.window_energy], means[part, MEAN.window_root] = white / out, mean / out
        means[part, MEAN.window_square] = coherent / out
    coherent = over_map(means, MEAN.window_square)
    smooth, _ = window_average(1.0, 0.0, length2, layer, table)
    at_positions = table[WHITE] if layer.kernel > 1 else 1.0
    white, mean = over_map(means, MEAN.window_energy), over_map(means, MEAN.window_root)
    return Kept(white, coherent, mean, smooth * coherent, at_positions * coherent)


@compiled_apart
def images_after_average(images: Matrix, kept: Kept, fixed: float, of_fixed: float) -> float:
    """Energies of the images, whose coherent part a window's average leaves and whose white part it does not.

    Args:
        images: reads `next_energy` and `next_coherent`; writes `energy` and `coherent`.
        kept: what the window leaves.
        fixed: share of an image's energy that is coherent at local scale or in the profile.
        of_fixed: what is left of it.

    Returns:
        The mean energy, relative to the one before.
    """
    norm = 0.0
    for b in range(images.shape[1]):
        energy = images[IMAGE.next_energy, b]
        coherent = min(images[IMAGE.next_coherent, b], (1 - fixed) * energy)
        white = (1 - fixed) * energy - coherent
        images[IMAGE.energy, b] = white * kept.white + coherent * kept.coherent + energy * of_fixed
        images[IMAGE.coherent, b] = coherent * kept.coherent
        norm += images[IMAGE.weight, b] * images[IMAGE.energy, b]
    for b in range(images.shape[1]):
        images[IMAGE.energy, b] /= norm
        images[IMAGE.coherent, b] /= norm
    return norm


@compiled_apart
def profile_after_average(
    profile: Profiles, means: Matrix, layer: Layer, white: float, coherent: float, others: float
) -> float:
    """Write the pooled map's profile; returns the mean of half the squared difference of the passes.

    Args:
        profile: reads what `kept_by_window` filled; writes `energy`, `root` and `difference`.
        means: of the profile, reads `half_difference`; writes `window_energy`, `window_square` and `window_difference`.
        layer: the pool.
        white: variance at a position that a window's average does not leave, where the profile is 1.
        coherent: mean square at a position that it leaves.
        others: what the window leaves of the squared difference, over what it would leave of independent positions.
    """
    for part in range(len(profile)):
        out = side(part, layer.out_height, layer.out_width)
        mean_white = mean_coherent = mean_window = 0.0
        for i in range(out):
            mean_white += profile[part, PROFILE.window_energy, i] / out
            mean_coherent += profile[part, PROFILE.window_root, i] * profile[part, PROFILE.window_root, i] / out
            mean_window += profile[part, PROFILE.window_difference, i] / out
        means[part, MEAN.window_energy], means[part, MEAN.window_square] = mean_white, mean_coherent
        means[part, MEAN.window_difference] = mean_window
    last = len(profile) - 1
    second_moment = (
        white * means[0, MEAN.window_energy] * means[last, MEAN.window_energy]
        + coherent * means[0, MEAN.window_square] * means[last, MEAN.window_square]
    )
    difference = 0.0
    for part in range(len(profile)):
        out, other = side(part, layer.out_height, layer.out_width), last - part
        mean_white, mean_coherent = means[other, MEAN.window_energy], means[other, MEAN.window_square]
        mean_window, mean_half = means[other, MEAN.window_difference], means[other, MEAN.half_difference] / others
        for i in range(out):
            root = profile[part, PROFILE.window_root, i]
            at_row = (
                white * profile[part, PROFILE.window_energy, i] * mean_white + coherent * root * root * mean_coherent
            )
            profile[part, PROFILE.energy, i] = at_row / second_moment
            profile[part, PROFILE.root, i] = root
            half = profile[part, PROFILE.window_difference, i] * mean_window / mean_half
            profile[part, PROFILE.difference, i] = half / profile[part, PROFILE.energy, i]
        difference += means[part, MEAN.window_difference] * mean_window / mean_half
    return difference / len(profile)


@compiled_apart
def average_pool(
    images: Matrix,
    profile: Profiles,
    means: Matrix,
    before: Before,
    activation: Activation,
    moments: Moments,
    neighbours: Tables,
    layer: Layer,
    table: Vector,
) -> Pooled:
    """A window's average of activations: what is independent from position to position is divided by k².

    Args:
        images: the classes of images; reads what the activation wrote, writes the state after the pool.
        profile: likewise.
        means: of the profile, likewise.
        before: the state before the activation.
        activation: what the pool reads.
        moments: of the state before the activation.
        neighbours: correlations of neighbouring positions, changed.
        layer: the pool.
        table: the geometry's row, see `geometry_row`.
    """
    local, own, correlation, coherent = before.local, before.own, before.correlation, before.coherent
    passed = passed_on(local, own, activation)
    shares = coherent_after_convolution(local, coherent, activation, moments, 1, table)
    coherent_of_images(images, activation, 1, table)
    unevenness_of_images(images, passed, Noise(0.0, 0.0, 0.0), activation, moments, 1.0, layer, table, NO_DRIFT)
    kept = kept_by_window(profile, means, layer, passed.length2, table)
    of_images = 0.0
    for b in range(images.shape[1]):
        of_images += images[IMAGE.weight, b] * images[IMAGE.next_coherent, b]
    v, mean2 = activation.variance, activation.profile_mean * activation.profile_mean
    fixed = min(shares.smooth + shares.white + shares.profile, 1 - of_images)
    alike, alike_difference = neighbours_after_average(neighbours, layer)
    kept = Kept(kept.white * alike, kept.coherent, kept.mean, kept.smooth, kept.white_coherent)
    white = v * (1 - of_images - fixed)
    smooth = shares.smooth * kept.smooth + shares.white * kept.white_coherent
    old_profile = activation.coherent_gain * coherent.profile
    lasting = mean2 + v * (of_images + smooth / kept.coherent + old_profile)
    second_moment = white * kept.white + lasting * kept.coherent
    variance = second_moment - mean2 * kept.mean * kept.mean
    of_profile = (mean2 + v * old_profile) * kept.coherent - mean2 * kept.mean * kept.mean
    images_after_average(images, kept, fixed, smooth + of_profile / v)
    correlated = correlation_after_average(correlation, activation, layer, table)
    # What all channels have in common of the difference lasts as the correlations do.
    common = min(1.0, activation.common_difference * correlation.difference)
    before_pool = activation.difference_gain * correlation.difference
    lasts = correlated.difference / before_pool if before_pool > 0 else 1.0
    common_part = common * lasts * layer.kernel * layer.kernel
    other_part = (1 - common) * alike_difference
    difference = profile_after_average(profile, means, layer, white * alike, lasting, other_part + common_part)
    shared, length2 = window_average(passed.smooth, passed.shared - passed.smooth, passed.length2, layer, table)
    alone, own_length2 = window_average(passed.own_smooth, passed.own_white, own.length2, layer, table)
    white_share = white * kept.white / variance
    noise = 2 + (activation.noise / activation.square - 2) * white_share * white_share * kept.white
    return Pooled(
        activation.profile_mean,
        second_moment,
        variance,
        noise,
        difference,
        common_part / (other_part + common_part),
        LocalEnergy(shared, 0.0, length2),
        OwnEnergy(passed.own_image, alone, 0.0, own_length2),
        correlated,
        Coherent(smooth * v / variance, 0.0, of_profile / variance),
    )


@compiled
def after_average_pool(images: Matrix, moments: Moments, pooled: Pooled) -> Activation:
    """What an average pool left, read by a convolution or another pool.

    Args:
        images: see `unchanged`.
        moments: of the state after the pool.
        pooled: what the pool put out.
    """
    unchanged(images)
    square, mean = moments.image_square, pooled.mean * moments.profile_root * moments.across_root
    q = pooled.correlation.difference
    common = pooled.common / q if q > 0 else 0.0
    return Activation(
        False,
        0.0,
        mean,
        pooled.second_moment,
        pooled.variance,
        pooled.mean,
        1.0,
        1.0,
        1.0,
        square,
        2 * square,
        pooled.noise * square,
        square,
        square,
        common,
    )
