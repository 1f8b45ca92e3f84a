"""Batch norm, which divides every channel by its own variance ("4. Images" of `docs/closed-form.md`)."""

import math
from typing import NamedTuple

from zennas.compiled import compiled
from zennas.scores.closed_form.state import IMAGE, Coherent, Correlation, LocalEnergy, Matrix, OwnEnergy


class Normalised(NamedTuple):
    """The state after batch norm.

    Attributes:
        local: of the energy that all channels share.
        own: of single channels.
        coherent: coherent share at local scale.
        image_coherent: mean over images of the coherent energy k.
        image_square: mean over images of F².
        others: factor of the energy that is not coherent.
    """

    local: LocalEnergy
    own: OwnEnergy
    coherent: Coherent
    image_coherent: float
    image_square: float
    others: float


FLAT = 1e-9
"""Relative variance of the local energy below which nothing is lost: the ratio of variances would be 0 / 0."""

MOST_COHERENT_RATIO = 50.0
"""Variance of the coherent energy over that of the energy: of lognormal energies it grows without bound, while neither
can exceed the number of positions. It binds in chains of one to four channels."""

MOST_LOCAL = 1e3
"""Relative variance of the energy within an image: that of one position in a thousand holding all of it. Chains of one
channel, in a batch of one image, would go beyond it."""

LEAST_LOCAL = 0.3
"""What batch norm leaves at least of the local variance: the loss is to first order in the coherent share."""

MOST_SPREAD = 2.0
"""Relative variance of a channel's variance between channels: that of a square of one Gaussian, which a channel of a
single input channel has."""


MOST_COHERENT = 0.95
"""Share of the energy that is coherent: less than the whole, while the sum of its parts, each to first order, may be
more. It binds where local variances are in the hundreds."""


@compiled
def local_loss(variance: float, coherent: float, level: float, kept: float) -> float:
    """Relative variance of the local energy once batch norm has removed part of its coherent share.

    Args:
        variance: C, before it.
        coherent: the coherent share at local scale.
        level: factor of the energy that is not coherent.
        kept: factor of the energy that is coherent.
    """
    if variance < FLAT:
        return variance
    root = 1 / math.sqrt(math.sqrt(1 + variance))
    ratio = min(((1 + variance) - 2 / root + root) / (1 - root) - 1, MOST_COHERENT_RATIO)
    gap = level - kept
    left = level * level * variance - 2 * level * gap * coherent * ratio + gap * gap * coherent * coherent * ratio
    return max(LEAST_LOCAL * variance, left)


@compiled
def batch_norm(
    images: Matrix, local: LocalEnergy, own: OwnEnergy, coherent: Coherent, positions: float, batch: int
) -> Normalised:
    """Divide every channel by its own variance.

    The coherent share d falls by 1/(1 + 2d(1 − d)), and an image that dominates its own normaliser is damped, most
    where a channel stands alone.

    Args:
        images: reads `next_energy`, `next_coherent` and `unevenness`; writes `energy` and `coherent`.
        local: of the energy that all channels share.
        own: of single channels.
        coherent: coherent share at local scale.
        positions: of the map.
        batch: images of the batch.
    """
    share = 0.0
    for b in range(images.shape[1]):
        share += images[IMAGE.weight, b] * images[IMAGE.next_coherent, b]
    at_local = coherent.smooth + coherent.white
    local_share = min(at_local, MOST_COHERENT)
    whole = min(share + coherent.smooth + coherent.white + coherent.profile, MOST_COHERENT)
    kept = 1 / (1 + 2 * whole * (1 - whole))
    level = (1 - local_share * kept) / (1 - local_share)
    smooth = local_loss(local.smooth, coherent.smooth, level, kept)
    both = local_loss(local.smooth + local.white, at_local, level, kept) if local.white > 0 else smooth
    # The two losses are computed apart, and may leave less of the whole than of the smooth part.
    local = LocalEnergy(min(smooth, MOST_LOCAL), min(max(0.0, both - smooth), MOST_LOCAL), local.length2)
    # The coherent share at local scale falls as k does, and uneven images have more of it.
    per_image = 0.0
    for b in range(images.shape[1]):
        per_image += images[IMAGE.weight, b] * images[IMAGE.next_energy, b] * images[IMAGE.unevenness, b]
    per_image = max(0.0, whole - share) / per_image
    others = (1 - whole * kept) / (1 - whole)
    spread = (1 + local.smooth + local.white) / positions
    norm = 0.0
    for b in range(images.shape[1]):
        # A part of an energy is not more than the whole, here and below.
        x = min(
            images[IMAGE.next_coherent, b] + per_image * images[IMAGE.unevenness, b] * images[IMAGE.next_energy, b],
            images[IMAGE.next_energy, b],
        )
        e = (images[IMAGE.next_energy, b] - x) * others + x * kept
        images[IMAGE.next_coherent, b] *= kept
        x = 1 / (
            1
            + (2 * (e * spread + images[IMAGE.next_coherent, b] * images[IMAGE.next_coherent, b] / e) + own.image * e)
            / batch
        )
        images[IMAGE.next_energy, b] = e * x
        images[IMAGE.next_coherent, b] *= x
        norm += images[IMAGE.weight, b] * images[IMAGE.next_energy, b]
    mean_coherent = mean_square = 0.0
    scale = 1 / norm
    for b in range(images.shape[1]):
        images[IMAGE.energy, b] = images[IMAGE.next_energy, b] * scale
        images[IMAGE.coherent, b] = min(images[IMAGE.next_coherent, b] * scale, images[IMAGE.energy, b])
        mean_coherent += images[IMAGE.weight, b] * images[IMAGE.coherent, b]
        mean_square += images[IMAGE.weight, b] * images[IMAGE.energy, b] * images[IMAGE.energy, b]
    coherent = Coherent(coherent.smooth * kept, coherent.white * kept, coherent.profile * kept)
    return Normalised(local, own, coherent, mean_coherent, mean_square, others)


@compiled
def spread_of_channels(normalised: Normalised, correlation: Correlation, positions: float) -> float:
    """Relative spread of a channel's variance between channels ("3. Correlation of activations").

    Args:
        normalised: the state after batch norm.
        correlation: of two activations, after the convolution.
        positions: of the map, times the images of the batch.
    """
    local, own, coherent = normalised.local, normalised.own, normalised.coherent
    shared = normalised.image_coherent + coherent.smooth + coherent.white + coherent.profile
    fluctuation = 1 + local.smooth + local.white + own.image + own.smooth + own.white
    total = correlation.image + correlation.smooth + correlation.white + correlation.own
    return min(MOST_SPREAD, 2 * total + 2 * fluctuation * normalised.image_square / positions + 2 * shared * shared)
