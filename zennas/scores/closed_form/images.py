"""The energies of the images of a batch ("4. Images" of `docs/closed-form.md`)."""

import math
from typing import NamedTuple

from zennas.compiled import compiled
from zennas.scores.closed_form.activation import Activation, Moments
from zennas.scores.closed_form.fluctuation import Noise, Passed
from zennas.scores.closed_form.geometry import COHERENT, WHITE
from zennas.scores.closed_form.state import IMAGE, Layer, LocalEnergy, Matrix, Vector


class Drift(NamedTuple):
    """What an activation makes of the chance that some images are less even than others.

    Attributes:
        spread: relative variance over images of their local variances.
        step: the relative change of an image's energy for each relative change of its local variance.
        noise: variance that this adds to the logarithm of the images' energies.
    """

    spread: float
    step: float
    noise: float


NO_DRIFT = Drift(0.0, 0.0, 0.0)


@compiled
def drift_of_images(
    images: Matrix, local: LocalEnergy, activation: Activation, moments: Moments, positions: float
) -> Drift:
    """How far images move apart because their local variances differ by chance.

    Args:
        images: reads `weight`, of the first class, which is a single image.
        local: of the energy that all channels share, before the activation.
        activation: what the energies pass through.
        moments: of the state before it.
        positions: of the map.
    """
    if not activation.rectified or local.smooth <= 0:
        return Drift(0.0, 0.0, 0.0)
    spread = math.pi * local.length2 / positions * (2 + 16 * local.smooth)
    # At most one image of the batch has all of the local variance.
    spread = min(spread, 1 / images[IMAGE.weight, 0] - 1)
    linear = activation.mean * activation.image_mean * moments.image_power15 / moments.image_square
    # To first order in the local variance; an image's energy changes by no more than its local variance does.
    step = min(linear / (4 * (0.5 - linear)) * local.smooth, 1.0)
    return Drift(spread, step, step * step * spread)


@compiled
def coherent_of_images(images: Matrix, activation: Activation, kernel: int, table: Vector) -> None:
    """Fill `next_coherent`: k ← (k/4 + (y√F − m)²)/v, less what zero padding takes.

    Args:
        images: reads `coherent` and `coherent_source`.
        activation: what the energies pass through.
        kernel: of the convolution.
        table: the geometry's row, see `geometry_row`.
    """
    kept = table[COHERENT] if kernel > 1 else 1.0
    for b in range(images.shape[1]):
        images[IMAGE.next_coherent, b] = (
            activation.coherent_gain * images[IMAGE.coherent, b] + images[IMAGE.coherent_source, b]
        ) * kept


@compiled
def unevenness_of_images(
    images: Matrix,
    passed: Passed,
    noise: Noise,
    activation: Activation,
    moments: Moments,
    groups: float,
    layer: Layer,
    table: Vector,
    drift: Drift,
) -> tuple[float, float]:
    """Fill `unevenness`: how uneven each class of images is, from its local variance, the profile and the new noise.

    Args:
        images: reads `normal_score`, `carried`, `fresh` and `next_energy`.
        passed: what the activation left of the local variances.
        noise: what one input channel adds.
        activation: what the energies pass through.
        moments: of the state before it.
        groups: groups whose channels the convolution averages; 1 where it averages none.
        layer: the convolution.
        table: the geometry's row, see `geometry_row`.
        drift: what images owe to local variances that differ by chance.

    Returns:
        The mean square of `next_energy`, and that of its distance to 1 times itself.
    """
    kept = table[WHITE] if layer.kernel > 1 else 1.0
    old = (
        passed.smooth
        + (passed.shared - passed.smooth) * kept
        + (passed.own_image + passed.own_smooth + passed.own_white * kept) / groups
        + (moments.profile_square - 1) * (1 + passed.shared)
    )
    new = (noise.white * kept + noise.smooth) / layer.fan
    old, new = old / activation.carried, new / activation.fresh
    norm = spread = scatter = ahead = 0.0
    for b in range(images.shape[1]):
        x = images[IMAGE.next_energy, b] * images[IMAGE.next_energy, b]
        spread += images[IMAGE.weight, b] * x
        x = x - images[IMAGE.next_energy, b]
        scatter += images[IMAGE.weight, b] * x * x
    if drift.noise > 0:
        # An image that lies one deviation ahead owes so much of it to its local variance.
        ahead = drift.step * drift.spread / math.sqrt(max(spread - 1, 0.0) + drift.noise)
    for b in range(images.shape[1]):
        square = images[IMAGE.next_energy, b] * images[IMAGE.next_energy, b]
        # A local variance; `old` falls below 0 by what f's curvature takes at large variances of single channels.
        part = max(old * images[IMAGE.carried, b] + new * images[IMAGE.fresh, b], 0.0)
        x = ahead * images[IMAGE.normal_score, b]
        part *= 1 + x if x > 0 else 1 / (1 - x)
        norm += images[IMAGE.weight, b] * part
        images[IMAGE.unevenness, b] = part / square
    if norm > 1e-12:
        for b in range(images.shape[1]):
            images[IMAGE.unevenness, b] *= spread / norm
    else:
        images[IMAGE.unevenness, :] = 1.0
    return spread, scatter


@compiled
def widen_images(images: Matrix, noise: float, square: float, scatter: float) -> None:
    """Noise common to a whole image widens the images' energies along their normal scores.

    The step is that of the mean logarithm of the energies' variance, over draws of the noise.

    Args:
        images: changes `next_energy` and `next_coherent`.
        noise: variance that the layer adds to the logarithm of each image's energy.
        square: mean square of `next_energy`.
        scatter: mean square of its distance to 1 times itself.
    """
    variance = max(square - 1, 0.0)  # equal energies may give 1 − 1e-16
    before = math.log1p(variance)
    # The first class is a single image of the batch.
    noise *= 1 - 2 * scatter * images[IMAGE.weight, 0] / ((variance + noise) * square)
    # What one image has of the variance may scatter by more than all of it, where the noise is large.
    step = math.sqrt(max(before + noise, 0.0)) - math.sqrt(before)
    norm = 0.0
    for b in range(images.shape[1]):
        x = step * images[IMAGE.normal_score, b]
        factor = 1 + x + 0.5 * x * x
        images[IMAGE.next_energy, b] *= factor
        images[IMAGE.next_coherent, b] *= factor
        norm += images[IMAGE.weight, b] * images[IMAGE.next_energy, b]
    scale = 1 / norm
    for b in range(images.shape[1]):
        images[IMAGE.next_energy, b] *= scale
        images[IMAGE.next_coherent, b] *= scale
