"""What an activation does to means, variances and energies ("Setting" and "4. Images" of `docs/closed-form.md`)."""

import math
from typing import NamedTuple

from zennas.compiled import compiled
from zennas.scores.closed_form.state import IMAGE, MEAN, PROFILE, Layer, Matrix, Profiles, over_map, side

M0 = 1 / math.sqrt(2 * math.pi)
"""E relu(z) of a standard Gaussian."""
M2 = M0 * M0
OWN_TILT: float = M2 * (1 + 4 * M2) / (0.5 - M2) ** 1.5
"""2 M₀ times the skewness of ReLU of a standard Gaussian: what a single input adds to a channel's tilt."""


class Moments(NamedTuple):
    """Means over the state before an activation.

    Attributes:
        local: E G², of the energy relative to its image: 1 + its relative variance.
        local_root: E √G, narrowed by batch norm's division of every channel by its own deviation.
        profile_root: mean of w = √u down the map.
        across_root: mean of w across the map.
        profile_square: mean of u² over the map.
        profile_power15: mean of u^1.5 over the map.
        image_root: mean over images of the root of F that the mean activation goes with, see `root_of_uneven`.
        image_square: mean of F².
        image_power15: mean of F^1.5.
        coherent: mean of the coherent energy k.
        energy_coherent: mean of F·k.
        root_coherent: mean of √F·k.
    """

    local: float
    local_root: float
    profile_root: float
    across_root: float
    profile_square: float
    profile_power15: float
    image_root: float
    image_square: float
    image_power15: float
    coherent: float
    energy_coherent: float
    root_coherent: float


class Activation(NamedTuple):
    """What an activation does.

    Attributes:
        rectified: whether it is ReLU.
        image_mean: y, the mean activation of an image of energy 1.
        mean: m, the mean activation.
        second_moment: mean square of the activation.
        variance: v, second moment without the square of the mean.
        profile_mean: the mean activation where the position profile is 1.
        coherent_gain: slope by which coherent energies and correlations pass.
        difference_gain: slope by which the correlation with the difference of the passes goes.
        local_gain: factor of local variances where channels count alike.
        square: mean over images of the squared energy after the activation.
        coherent_square: the squared energy that two channels share through their coherent parts, over their squares.
        noise: variance of the squared deviation at a position, beyond what all channels share.
        carried: mean of `Images.carried`.
        fresh: mean of `Images.fresh`.
        common_difference: share of the squared difference of the passes that all channels have in common, over Q.
    """

    rectified: bool
    image_mean: float
    mean: float
    second_moment: float
    variance: float
    profile_mean: float
    coherent_gain: float
    difference_gain: float
    local_gain: float
    square: float
    coherent_square: float
    noise: float
    carried: float
    fresh: float
    common_difference: float


@compiled
def root_of_uneven(energy: float, unevenness: float, even: float) -> float:
    """√F, times what the unevenness of an image takes from its mean activation, relative to the mean image's.

    Args:
        energy: F, of the image.
        unevenness: r, its local variance over the mean one, C.
        even: 1 / (1 + C), the profile's variance included.
    """
    return math.sqrt(energy) / math.sqrt(math.sqrt(math.sqrt(even + (1 - even) * unevenness)))


@compiled
def moments_before(
    images: Matrix, profile: Profiles, means: Matrix, height: int, width: int, local: float, spread: float
) -> Moments:
    """The means that every later step needs; fills `images.root`.

    Args:
        images: reads `energy`, `coherent` and `unevenness`.
        profile: reads `energy` and `root`.
        means: of the profile, writes `root`, `square` and `power15`.
        height: of the map.
        width: of the map.
        local: 1 + the relative variance of the energy within an image, of all parts.
        spread: relative spread of a channel's variance between channels.
    """
    for part in range(len(profile)):
        size = side(part, height, width)
        profile_root = profile_square = profile_power15 = 0.0
        for i in range(size):
            profile_root += profile[part, PROFILE.root, i]
            profile_square += profile[part, PROFILE.energy, i] * profile[part, PROFILE.energy, i]
            profile_power15 += profile[part, PROFILE.energy, i] * profile[part, PROFILE.root, i]
        means[part, MEAN.root] = profile_root / size
        means[part, MEAN.square] = profile_square / size
        means[part, MEAN.power15] = profile_power15 / size
    image_root = image_square = image_power15 = mean_coherent = energy_coherent = root_coherent = 0.0
    square_over_map = over_map(means, MEAN.square)
    even = 1 / (local * square_over_map)
    for b in range(images.shape[1]):
        images[IMAGE.root, b] = root_of_uneven(images[IMAGE.energy, b], images[IMAGE.unevenness, b], even)
        image_root += images[IMAGE.weight, b] * images[IMAGE.root, b]
        image_square += images[IMAGE.weight, b] * images[IMAGE.energy, b] * images[IMAGE.energy, b]
        image_power15 += images[IMAGE.weight, b] * images[IMAGE.energy, b] * images[IMAGE.root, b]
        mean_coherent += images[IMAGE.weight, b] * images[IMAGE.coherent, b]
        energy_coherent += images[IMAGE.weight, b] * images[IMAGE.energy, b] * images[IMAGE.coherent, b]
        root_coherent += images[IMAGE.weight, b] * images[IMAGE.root, b] * images[IMAGE.coherent, b]
    return Moments(
        local,
        (1 + spread / 8) / math.sqrt(math.sqrt(math.sqrt(local))),  # E√G of a lognormal G
        means[0, MEAN.root],
        means[len(means) - 1, MEAN.root],
        square_over_map,
        over_map(means, MEAN.power15),
        image_root,
        image_square,
        image_power15,
        mean_coherent,
        energy_coherent,
        root_coherent,
    )


@compiled
def relu_of_images(
    images: Matrix, moments: Moments, image_mean: float, mean: float
) -> tuple[float, float, float, float]:
    """f(E) = E/2 − 2 m M₀ √E + m² of every class of images, and what becomes of its local variance.

    Args:
        images: reads `energy`, `root` and `unevenness`; writes `next_energy`, `coherent_source`, `carried`, `fresh`.
        moments: of the state before.
        image_mean: y, the mean activation of an image of energy 1.
        mean: m, the mean activation.

    Returns:
        Means over images of the squared energy after ReLU, of `next_energy`, of `carried` and of `fresh`.
    """
    variance = 0.5 - mean * mean
    local_mean = M0 * moments.local_root * moments.profile_power15
    cross, mean2 = mean * image_mean, mean * mean
    square = norm = sum_carried = sum_fresh = 0.0
    for b in range(images.shape[1]):
        half, linear = 0.5 * images[IMAGE.energy, b], cross * images[IMAGE.root, b]
        after = half - 2 * linear + mean2
        square += images[IMAGE.weight, b] * after * after
        images[IMAGE.coherent_source, b] = (
            (image_mean * images[IMAGE.root, b] - mean) * (image_mean * images[IMAGE.root, b] - mean) / variance
        )
        # Fluctuations live where the profile is high.
        images[IMAGE.next_energy, b] = (
            moments.profile_square * half - 2 * mean * local_mean * images[IMAGE.root, b] + mean2
        )
        norm += images[IMAGE.weight, b] * images[IMAGE.next_energy, b]
        slope = half - linear
        images[IMAGE.carried, b] = images[IMAGE.unevenness, b] * slope * slope
        images[IMAGE.fresh, b] = (
            images[IMAGE.energy, b] * (3 * half - 8 * linear + 3 * mean2)
            - 4 * mean2 * linear
            + mean2 * mean2
            - after * after
        )
        sum_carried += images[IMAGE.weight, b] * images[IMAGE.carried, b]
        sum_fresh += images[IMAGE.weight, b] * images[IMAGE.fresh, b]
    return square, norm, sum_carried, sum_fresh


LEAST_KEPT = 0.1
"""What is left at least of an energy, and of the slope on it, by the correction for equal weights of channels, which is
to first order in the tilt; more than 0.9 is taken only from the hottest image of very narrow chains."""


@compiled
def weigh_channels_alike(images: Matrix, lean: float, image_mean: float, mean: float) -> float:
    """Take from each image what a grouped convolution does not see ("Grouped convolutions weigh channels alike").

    Each of its groups has the same weight: channels whose positive half has more than its share of the energy lose the
    part that their larger variance after ReLU would give them.

    Args:
        images: reads `root`, changes `next_energy`.
        lean: the tilt over 2 v^1.5.
        image_mean: y, the mean activation of an image of energy 1.
        mean: m, the mean activation.

    Returns:
        The mean of `next_energy` over images.
    """
    norm = 0.0
    for b in range(images.shape[1]):
        x = lean * (image_mean * images[IMAGE.root, b] - mean) * (2 * M0 * images[IMAGE.root, b] - mean)
        images[IMAGE.next_energy, b] = max(images[IMAGE.next_energy, b] - x, LEAST_KEPT * images[IMAGE.next_energy, b])
        norm += images[IMAGE.weight, b] * images[IMAGE.next_energy, b]
    return norm


@compiled
def relu(images: Matrix, moments: Moments, layer: Layer, spread: float, tilt: float) -> Activation:
    """ReLU, read by a convolution.

    Args:
        images: the classes of images; see `relu_of_images`. `next_energy` is left with mean 1.
        moments: of the state before.
        layer: the convolution that reads it.
        spread: relative spread of a channel's variance between channels.
        tilt: how far a channel that leans the way of the mean direction has its energy in its positive half.
    """
    local, square2, power15 = moments.local, moments.image_square, moments.image_power15
    y = M0 * moments.local_root * moments.profile_root * moments.across_root
    m = y * moments.image_root
    v = 0.5 - m * m
    square, norm, sum_carried, sum_fresh = relu_of_images(images, moments, y, m)
    local_gain = 1.0
    if layer.groups > 1 and tilt > 0:
        lean = tilt / (2 * layer.fan * v * math.sqrt(v))
        norm = weigh_channels_alike(images, lean, y, m)
        local_gain = max(1 - lean * y * (2 * M0 - m) / (2 * v), LEAST_KEPT) ** 2
    scale = 1 / norm
    for b in range(images.shape[1]):
        images[IMAGE.next_energy, b] *= scale
    root = math.sqrt(local)
    shared = (
        0.25 * square2 * (local - 1) - 2 * m * y * power15 * (root - 1) + 4 * (y * y) * m * m * (math.sqrt(root) - 1)
    )
    noise = (
        1.5 * square2 * local / (1 + spread)
        - 8 * m * y * power15 * root
        + 3 * m * m
        - 4 * m**3 * y * moments.image_root
        + m**4
        - shared
        - square
    )
    return Activation(
        True,
        y,
        m,
        0.5,
        v,
        M0 * moments.local_root * moments.image_root,
        0.25 / v,
        0.125 / v,
        local_gain,
        square,
        0.5 * (square2 - 4 * m * y * power15 + 4 * m * m * (y * y)),
        max(0.0, noise),  # a variance; the moments are those of lognormal energies, each on its own
        sum_carried,
        sum_fresh,
        2 * M2,
    )


@compiled
def unchanged(images: Matrix) -> None:
    """Images whose energies nothing changes: no activation, or a max pool.

    Args:
        images: reads `energy` and `unevenness`; writes `next_energy`, `coherent_source`, `carried` and `fresh`.
    """
    for b in range(images.shape[1]):
        images[IMAGE.coherent_source, b] = 0.0
        images[IMAGE.next_energy, b] = images[IMAGE.energy, b]
        images[IMAGE.carried, b] = images[IMAGE.unevenness, b] * images[IMAGE.energy, b] * images[IMAGE.energy, b]
        images[IMAGE.fresh, b] = images[IMAGE.energy, b] * images[IMAGE.energy, b]


@compiled
def no_activation(images: Matrix, moments: Moments, noise: float) -> Activation:
    """Nothing, after batch norm alone or on the input.

    Args:
        images: see `unchanged`.
        moments: of the state before.
        noise: variance of the square at a position, beyond what all channels share.
    """
    unchanged(images)
    square = moments.image_square
    return Activation(False, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, square, 2 * square, noise, square, square, 0.0)


@compiled
def after_max_pool(images: Matrix, moments: Moments, m: float, v: float) -> Activation:
    """What a max pool left, whose fluctuations are those before it (approximate).

    Args:
        images: see `unchanged`.
        moments: of the state before.
        m: mean of the pool's output, see `geometry.max_moments`.
        v: its variance.
    """
    unchanged(images)
    square2 = moments.image_square
    square = square2 * v * v
    return Activation(False, 0.0, m, m * m + v, v, m, 0.5, 0.25, 1.0, square, 0.0, 2 * square, square2, square2, m * m)


@compiled
def tilt_after(activation: Activation, moments: Moments, layer: Layer) -> float:
    """How far a channel of `layer` that leans the way of the mean direction has its energy in its positive half.

    Args:
        activation: ReLU, before the convolution.
        moments: of the state before it.
        layer: the convolution.
    """
    m = activation.mean
    overlap = m * moments.local_root * moments.image_root * moments.profile_root * moments.across_root
    return 4 * M0 * (M0 - overlap) / math.sqrt(activation.variance) + OWN_TILT / (
        layer.fan * layer.kernel * layer.kernel
    )
