"""Correlation of neighbouring positions, which overlapping average pools leave ("6. Pooling" of `docs/closed-form.md`).

The array `neighbours` has one table for the activations and one for the difference of the passes: entry (i, j) is the
correlation of two positions i rows and j columns apart, of the part that a convolution makes anew at every position.
"""

import math

import numpy as np
import numpy.typing as npt

from zennas.compiled import compiled_apart
from zennas.scores.closed_form.activation import M2
from zennas.scores.closed_form.passes import half_minus_kappa
from zennas.scores.closed_form.state import Layer

LAGS = 4
"""Distances in pixels, from 0, that the tables have; positions further apart are taken as independent."""

ACTIVATIONS, DIFFERENCE = 0, 1

Tables = npt.NDArray[np.float64]
"""A three-dimensional array of doubles."""


@compiled_apart
def make_independent(neighbours: Tables) -> None:
    """Write the tables of positions that are independent, as a convolution's outputs are.

    Args:
        neighbours: the two tables, overwritten.
    """
    neighbours[:] = 0.0
    neighbours[:, 0, 0] = 1.0


@compiled_apart
def neighbours_after_relu(neighbours: Tables) -> None:
    """Correlations after ReLU, of Gaussians.

    The covariance of ReLU of two Gaussians is κ(ρ) − M₀²; a difference passes where both are positive.

    Args:
        neighbours: the two tables, changed.
    """
    for i in range(LAGS):
        for j in range(LAGS):
            rho = neighbours[ACTIVATIONS, i, j]
            if rho < 1:
                neighbours[ACTIVATIONS, i, j] = (0.5 - half_minus_kappa(1 - rho) - M2) / (0.5 - M2)
                neighbours[DIFFERENCE, i, j] *= 0.5 + math.asin(rho) / math.pi


@compiled_apart
def neighbours_after_stride(neighbours: Tables, stride: int) -> None:
    """Correlations on a map of every `stride`-th position.

    Args:
        neighbours: the two tables, changed.
        stride: of a convolution.
    """
    for table in range(2):
        for i in range(LAGS):
            for j in range(LAGS):
                inside = i * stride < LAGS and j * stride < LAGS
                neighbours[table, i, j] = neighbours[table, i * stride, j * stride] if inside else 0.0


@compiled_apart
def neighbours_after_max(neighbours: Tables, layer: Layer, overlaps: Tables) -> None:
    """Correlations after a max pool of independent positions.

    A difference of the passes is that of the largest value; two windows have it in common where it is in both.

    Args:
        neighbours: the two tables, overwritten.
        layer: the pool.
        overlaps: see `geometry.max_correlations`.
    """
    kernel, stride = layer.kernel, layer.stride
    for i in range(LAGS):
        for j in range(LAGS):
            rows, columns = max(0, kernel - i * stride), max(0, kernel - j * stride)
            neighbours[ACTIVATIONS, i, j] = overlaps[kernel, rows, columns]
            neighbours[DIFFERENCE, i, j] = rows * columns / (2 * kernel * kernel - rows * columns)


@compiled_apart
def neighbours_after_average(neighbours: Tables, layer: Layer) -> tuple[float, float]:
    """Correlations after an average pool.

    Args:
        neighbours: the two tables, changed.
        layer: the pool.

    Returns:
        Variance of the window's average, of the activations and of the difference, over that of independent positions.
    """
    kernel, stride = layer.kernel, layer.stride
    sums = np.zeros((2, LAGS, LAGS))
    for table in range(2):
        for i in range(LAGS):
            for j in range(LAGS):
                for a in range(1 - kernel, kernel):
                    for b in range(1 - kernel, kernel):
                        row, column = abs(i * stride + a), abs(j * stride + b)
                        if row < LAGS and column < LAGS:
                            pairs = (kernel - abs(a)) * (kernel - abs(b))
                            sums[table, i, j] += pairs * neighbours[table, row, column]
    for table in range(2):
        for i in range(LAGS):
            for j in range(LAGS):
                neighbours[table, i, j] = sums[table, i, j] / sums[table, 0, 0]
    return sums[ACTIVATIONS, 0, 0] / (kernel * kernel), sums[DIFFERENCE, 0, 0] / (kernel * kernel)
