"""Correlations between activations ("3. Correlation of activations" of `docs/closed-form.md`)."""

from zennas.compiled import compiled
from zennas.scores.closed_form.activation import Activation
from zennas.scores.closed_form.fluctuation import window_average
from zennas.scores.closed_form.geometry import OWN
from zennas.scores.closed_form.state import Correlation, Layer, Vector


@compiled
def correlation_after_dense(
    before: Correlation, activation: Activation, groups_before: float, layer: Layer, table: Vector
) -> Correlation:
    """Mean squared correlation of two activations after a convolution that reads all channels.

    Args:
        before: of the channels that it reads.
        activation: what they pass through.
        groups_before: groups of the last grouped convolution, whose channels are averaged now; 1 without one.
        layer: the convolution.
        table: the geometry's row, see `geometry_row`.
    """
    gained2 = activation.coherent_gain * activation.coherent_gain
    positions = float(layer.height * layer.width)
    stride2 = layer.stride * layer.stride
    new = 1.0 / layer.in_channels + gained2 * before.own / groups_before
    total = (before.image + before.smooth + before.white) * gained2 + new
    image = before.image * gained2 + (new + before.white * gained2) / positions
    white = (before.white * gained2 + new) * (1 - 1 / positions)
    smooth, length2 = before.smooth * gained2, before.length2
    if layer.kernel == 1:
        length2 = length2 / stride2
    else:
        smooth, length2 = window_average(smooth, white, length2, layer, table)
        white = 0.0
    difference = activation.difference_gain * before.difference + 1.0 / layer.in_channels
    return Correlation(image, smooth, white, length2, 0.0, difference * (image + smooth + white) / total)


@compiled
def correlation_after_grouped(before: Correlation, activation: Activation, layer: Layer, table: Vector) -> Correlation:
    """Mean squared correlation of two activations after a grouped convolution: what is new belongs to single pairs.

    Args:
        before: of the channels that it reads.
        activation: what they pass through.
        layer: the convolution.
        table: the geometry's row, see `geometry_row`.
    """
    gained2 = activation.coherent_gain * activation.coherent_gain
    positions = float(layer.height * layer.width)
    stride2 = layer.stride * layer.stride
    kept = table[OWN] if layer.kernel > 1 else 1.0
    smooth, length2 = before.smooth * gained2, before.length2
    white = before.white * gained2 * (1 - 1 / positions)
    if layer.kernel == 1:
        image = before.image + (before.image * (gained2 - 1) + before.white * gained2 / positions)
        length2 = length2 / stride2
    else:
        image = before.image * gained2 + before.white * gained2 / positions
        smooth, length2 = window_average(smooth, white, length2, layer, table)
        white = 0.0
    own = (1.0 / layer.fan + gained2 * before.own) * kept
    difference = (activation.difference_gain * before.difference + 1.0 / layer.fan) * kept
    return Correlation(image, smooth, white, length2, own, difference)


@compiled
def correlation_after_average(before: Correlation, activation: Activation, layer: Layer, table: Vector) -> Correlation:
    """Mean squared correlation of two activations after an average pool.

    Args:
        before: of the channels that it reads.
        activation: what they pass through.
        layer: the pool.
        table: the geometry's row, see `geometry_row`.
    """
    gained2 = activation.coherent_gain * activation.coherent_gain
    positions = float(layer.height * layer.width)
    image = before.image * gained2 + before.white * gained2 / positions
    white = before.white * gained2 * (1 - 1 / positions)
    smooth, length2 = window_average(before.smooth * gained2, white, before.length2, layer, table)
    total = (before.image + before.smooth + before.white) * gained2
    left = (image + smooth) / total if total > 0 else 1.0
    own = before.own * gained2 * table[OWN]
    return Correlation(image, smooth, 0.0, length2, own, activation.difference_gain * before.difference * left)
