"""Batch norm and ReLU of random networks on a CPU: a map is read twice and written once.

It takes half of the time of a Monte Carlo repeat in torch, which goes over each map six times and needs a second one
to write to.
"""

import math

import numpy as np
import numpy.typing as npt

from zennas.compiled import compiled_for_threads
from zennas.scores.closed_form.state import Vector

Maps = npt.NDArray[np.float32]

BLOCK = 64
"""Rows that are summed in single precision, while they are in the cache."""


@compiled_for_threads
def normalise(maps: Maps, activation: bool, eps: float, variances: Vector) -> None:
    """Batch norm in training mode, with weight 1 and bias 0, in place.

    Args:
        maps: a row for every position of every image, with a column for each channel.
        activation: whether ReLU follows.
        eps: added to the variances before the root.
        variances: of each channel over the rows (the mean of squared deviations), written.
    """
    rows, channels = maps.shape
    mean, squares = np.zeros(channels), np.zeros(channels)
    centre, spread = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for first in range(0, rows, BLOCK):
        last = min(rows, first + BLOCK)
        centre[:] = 0
        spread[:] = 0
        for row in range(first, last):
            for channel in range(channels):
                centre[channel] += maps[row, channel]
        for channel in range(channels):
            centre[channel] /= np.float32(last - first)
        for row in range(first, last):
            for channel in range(channels):
                deviation = maps[row, channel] - centre[channel]
                spread[channel] += deviation * deviation
        # Chan, Golub and LeVeque (1983), equation 2.1: the deviations of two samples together.
        share = (last - first) / last
        for channel in range(channels):
            apart = centre[channel] - mean[channel]
            mean[channel] += apart * share
            squares[channel] += spread[channel] + apart * apart * first * share
    for channel in range(channels):
        variances[channel] = squares[channel] / rows
        scale = 1 / math.sqrt(variances[channel] + eps)
        spread[channel] = scale
        centre[channel] = -mean[channel] * scale
    for row in range(rows):
        for channel in range(channels):
            value = maps[row, channel] * spread[channel] + centre[channel]
            maps[row, channel] = max(value, np.float32(0)) if activation else value
