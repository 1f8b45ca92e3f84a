"""What the closed form knows of the activations between two layers; `docs/closed-form.md` says what each means.

All of it is of activations after batch norm, whose mean energy is 1. Arrays of one number an image class or a position
are written in place; tuples of single numbers are made anew by every layer.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zennas.compiled import compiled

Vector = npt.NDArray[np.float64]
"""A one-dimensional array of doubles."""

IntVector = npt.NDArray[np.int64]
"""A one-dimensional array of integers."""

IntMatrix = npt.NDArray[np.int64]
"""A two-dimensional array of integers: the rows of a chain."""

Matrix = npt.NDArray[np.float64]
"""A two-dimensional array of doubles: tables by geometry or by kernel."""

Profiles = npt.NDArray[np.float64]
"""A three-dimensional array of doubles: `ProfileRows` down the map, then across it."""

MAX_KERNEL = 31
"""The largest kernel of a convolution."""

INPUT, RELU, LINEAR, MAX, AVERAGE = 0, 1, 2, 3, 4
"""What stands between the last batch norm and the layer at hand: the images themselves, ReLU, nothing, a pool."""


class Layer(NamedTuple):
    """A convolution and the maps around it.

    Attributes:
        fan: channels that one of its outputs reads, in / groups.
        height: of the map it reads, in pixels.
        width: of that map.
        out_height: of the map it writes.
        out_width: of that map.
    """

    in_channels: int
    out_channels: int
    fan: int
    kernel: int
    stride: int
    groups: int
    height: int
    width: int
    out_height: int
    out_width: int


class ImageRows(NamedTuple):
    """Rows of the array `images`: the images of a batch, as a few classes ("4. Images"); one column a class.

    Attributes:
        weight: share of the batch in each class; they sum to 1.
        normal_score: mean standard normal score of the class, most energetic first; of mean 0 and variance 1.
        energy: F, mean energy of an image over its map; of mean 1.
        coherent: k, the part of `energy` in the one direction that all channels of the image share.
        unevenness: r, relative variance of the energy within the image, over the mean one.
        root: √F, less what unevenness takes from the mean activation; written by each activation.
        next_energy: F on its way through a layer.
        next_coherent: k on its way through a layer.
        coherent_source: what the activation adds to k: the mean activation's distance to the batch's.
        carried: how much of the image's local variance the activation passes on, before it is divided by the mean.
        fresh: how much local variance finitely many channels add to the image, before it is divided by the mean.
    """

    weight: int
    normal_score: int
    energy: int
    coherent: int
    unevenness: int
    root: int
    next_energy: int
    next_coherent: int
    coherent_source: int
    carried: int
    fresh: int


IMAGE = ImageRows(*range(11))


class ProfileRows(NamedTuple):
    """Rows of either part of the array `profile`: how means depend on the position ("1. Expected variance").

    One column a position along a side of the map; `tap_mean` has one a tap of a kernel. The first part is down the map.
    It is the only one of a square input, both of whose sides have the same profile; else the second is across the map.

    Attributes:
        energy: u; the map's mean energy is u(y)·v(x), and the mean of u is 1.
        root: w = √u.
        difference: d, 1 − correlation of the two passes ("5. The perturbation").
        half_difference: u times half the mean squared difference of the passes after the activation.
        window_energy: A, sum of u over a window's taps inside the map.
        window_root: B, sum of w over a window's taps, each times its mean over outputs.
        window_difference: sum of `half_difference` over a window's taps.
        next_energy: mean squared deviation of the sums over a window, before it is divided by its mean.
        tap_mean: b, mean of w over outputs, at each tap of a kernel.
    """

    energy: int
    root: int
    difference: int
    half_difference: int
    window_energy: int
    window_root: int
    window_difference: int
    next_energy: int
    tap_mean: int


PROFILE = ProfileRows(*range(9))


class MeanColumns(NamedTuple):
    """Columns of the array `means`: means over the positions of each part of `profile`, one row a part.

    Attributes:
        root: of w.
        square: of u².
        power15: of u^1.5.
        half_difference: of that row.
        window_energy: of A.
        window_root: of B; where the mean is subtracted, else 0.
        window_square: of B², for an average pool alone.
        window_difference: of that row.
        tap_square: sum of b² over the taps of a kernel; where the mean is subtracted, else 0.
    """

    root: int
    square: int
    power15: int
    half_difference: int
    window_energy: int
    window_root: int
    window_square: int
    window_difference: int
    tap_square: int


MEAN = MeanColumns(*range(9))


class LocalEnergy(NamedTuple):
    """Relative variance of the energy within an image that all channels share ("2. Fluctuations within an image").

    Attributes:
        smooth: S.
        white: W, independent from position to position.
        length2: l², squared correlation length of the smooth part, in pixels squared.
    """

    smooth: float
    white: float
    length2: float


class OwnEnergy(NamedTuple):
    """Relative variance of the energy of one channel alone, as grouped convolutions make it.

    Attributes:
        image: of the channel's energies between images.
        smooth: within an image, smooth.
        white: within an image, independent from position to position.
        length2: squared correlation length of the smooth part, in pixels squared.
    """

    image: float
    smooth: float
    white: float
    length2: float


class Correlation(NamedTuple):
    """Mean squared correlation of two activations ("3. Correlation of activations").

    Attributes:
        image: the part that is the same over an image.
        smooth: the part that varies smoothly within it.
        white: the part that is independent from position to position.
        length2: squared correlation length of the smooth part, in pixels squared.
        own: what grouped convolutions add to single pairs of channels.
        difference: Q, mean squared correlation of an activation with the difference of the passes.
    """

    image: float
    smooth: float
    white: float
    length2: float
    own: float
    difference: float


class Coherent(NamedTuple):
    """Coherent share of the energy at local scale ("4. Images"): the direction that all channels share at a position.

    Attributes:
        smooth: of the smooth local part.
        white: of the white local part.
        profile: of the position profile.
    """

    smooth: float
    white: float
    profile: float


@compiled
def first_images(weight: Vector, normal_score: Vector) -> Matrix:
    """The classes of images of the input: of equal energy, nothing coherent; see `ImageRows`.

    Args:
        weight: share of the batch in each class, see `geometry.image_classes`.
        normal_score: mean normal score of each class.
    """
    images = np.zeros((11, len(weight)))
    for b in range(len(weight)):
        images[IMAGE.weight, b] = weight[b]
        images[IMAGE.normal_score, b] = normal_score[b]
        images[IMAGE.energy, b] = 1.0
        images[IMAGE.unevenness, b] = 1.0
    return images


@compiled
def first_profile(height: int, width: int, difference: float) -> Profiles:
    """The flat profile of the input; see `ProfileRows`.

    Args:
        height: of the input, in pixels; no later map is larger.
        width: of the input.
        difference: 1 − correlation of the two passes.
    """
    longest = max(height, width)
    profile = np.zeros((1 if height == width else 2, 9, max(longest, MAX_KERNEL)))
    profile[:, PROFILE.energy, :longest] = 1.0
    profile[:, PROFILE.root, :longest] = 1.0
    profile[:, PROFILE.difference, :longest] = difference
    return profile


@compiled
def side(part: int, height: int, width: int) -> int:
    """Positions along a part of `profile`.

    Args:
        part: 0, down the map, or 1, across it.
        height: of the map.
        width: of the map.
    """
    return height if part == 0 else width


@compiled
def over_map(means: Matrix, column: int) -> float:
    """Mean over a map of what is a product of one number a row and one a column.

    Args:
        means: see `MeanColumns`.
        column: one of its columns.
    """
    mean: float = means[0, column] * means[len(means) - 1, column]
    return mean
