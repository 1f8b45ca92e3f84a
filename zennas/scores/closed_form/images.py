"""The energies of the images of a batch ("4. Images" of `docs/closed-form.md`)."""

import math

from zennas.compiled import compiled
from zennas.scores.closed_form.activation import Activation, Moments
from zennas.scores.closed_form.fluctuation import Noise, Passed
from zennas.scores.closed_form.geometry import COHERENT, WHITE
from zennas.scores.closed_form.state import IMAGE, Layer, Matrix, Vector


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
) -> float:
    """Fill `unevenness`: how uneven each class of images is, from its local variance, the profile and the new noise.

    Args:
        images: reads `carried`, `fresh` and `next_energy`.
        passed: what the activation left of the local variances.
        noise: what one input channel adds.
        activation: what the energies pass through.
        moments: of the state before it.
        groups: groups whose channels the convolution averages; 1 where it averages none.
        layer: the convolution.
        table: the geometry's row, see `geometry_row`.

    Returns:
        The mean square of `next_energy`.
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
    norm = spread = 0.0
    for b in range(images.shape[1]):
        square = images[IMAGE.next_energy, b] * images[IMAGE.next_energy, b]
        # A local variance; `old` falls below 0 by what f's curvature takes at large variances of single channels.
        part = max(old * images[IMAGE.carried, b] + new * images[IMAGE.fresh, b], 0.0)
        norm += images[IMAGE.weight, b] * part
        spread += images[IMAGE.weight, b] * square
        images[IMAGE.unevenness, b] = part / square
    if norm > 1e-12:
        for b in range(images.shape[1]):
            images[IMAGE.unevenness, b] *= spread / norm
    else:
        images[IMAGE.unevenness, :] = 1.0
    return spread


@compiled
def widen_images(images: Matrix, noise: float, square: float) -> None:
    """Noise common to a whole image widens the images' energies along their normal scores.

    Args:
        images: changes `next_energy` and `next_coherent`.
        noise: variance that the layer adds to the logarithm of the images' energies.
        square: mean square of `next_energy`.
    """
    before = math.log1p(max(square - 1, 0.0))  # equal energies may give 1 − 1e-16
    step = math.sqrt(before + noise) - math.sqrt(before)
    norm = 0.0
    for b in range(images.shape[1]):
        x = step * images[IMAGE.normal_score, b]
        factor = 1 + x + 0.5 * x * x
        images[IMAGE.next_energy, b] *= factor
        images[IMAGE.next_coherent, b] *= factor
        norm += images[IMAGE.weight, b] * images[IMAGE.next_energy, b]
    for b in range(images.shape[1]):
        images[IMAGE.next_energy, b] /= norm
        images[IMAGE.next_coherent, b] /= norm
