"""What a k×k window does to fields on a map, from zero padding alone: tables by map size, kernel and stride."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

GRID = 512
"""Steps of the table over the correlation length."""

COHERENT, WHITE, SCALE, OWN, KEEP = range(5)
"""Columns of a geometry row; the table over the correlation length begins at KEEP."""


@lru_cache(maxsize=4096)
def geometry_row(height: int, width: int, kernel: int, stride: int) -> npt.NDArray[np.float64]:
    """One row of the geometry table: `[coherent, white, scale, own, keep_0 … keep_GRID]`.

    `coherent` is the share of a map-wide constant's energy that survives zero padding; `white` the share of a white
    field's variance within a map that is left after a window's average, and `own` the same of its variance without
    subtracting the map's mean; `keep` is the share left of a smooth field of squared correlation length l² at the grid
    point r / (r + scale), r = √l².

    Args:
        height: of the map that is read.
        width: of the map that is read.
        kernel: side of the window.
        stride: of the window.
    """
    down = _along_side(height, kernel, stride)
    across = down if height == width else _along_side(width, kernel, stride)
    coherent = _product(down.coherent, across.coherent)
    hw = height * width
    own = _product(down.lags[0], across.lags[0])
    white = max(0.0, (own - 1 / hw) / (1 - 1 / hw)) if hw > 1 else 0.0
    scale = max(1.0, math.sqrt(hw) / 6)
    return np.array([coherent, white, scale, own, *_keep(scale, down, across)])


@dataclass(frozen=True)
class _Side:
    """What a window does along one side of a map.

    Attributes:
        coherent: share of a constant's energy that survives zero padding.
        lags: distribution of the distance between two taps of a window that are both inside the map.
        map_lags: distribution of the distance between two positions of the side.
    """

    coherent: float
    lags: npt.NDArray[np.float64]
    map_lags: npt.NDArray[np.float64]


@lru_cache(maxsize=4096)
def _along_side(size: int, kernel: int, stride: int) -> _Side:
    pad = (kernel - 1) // 2
    out = -(-size // stride)
    reads = np.zeros((kernel, size))
    for tap in range(kernel):
        positions = np.arange(out) * stride + tap - pad
        inside = positions[(positions >= 0) & (positions < size)]
        reads[tap, inside] += 1 / out
    per_tap = reads.sum(1)
    map_lags = np.array([size, *(2 * (size - d) for d in range(1, size))]) / size**2
    return _Side(float((per_tap @ per_tap) / per_tap.sum()), _tap_lags(size, kernel), map_lags)


def _product(down: Any, across: Any) -> Any:
    """The factor of both sides together: of one that is the same, its square, which numpy rounds in its own way."""
    return down**2 if down is across else down * across


def _tap_lags(size: int, kernel: int) -> npt.NDArray[np.float64]:
    """See `_Side.lags`."""
    pad = (kernel - 1) // 2
    lags = np.zeros(kernel)
    taps = np.arange(kernel)
    for center in range(size):
        inside = taps[(center + taps - pad >= 0) & (center + taps - pad < size)]
        distances = np.abs(inside[:, None] - inside[None, :]).ravel()
        lags += np.bincount(distances, minlength=kernel) / (len(inside) ** 2 * size)
    return lags


def _keep(scale: float, down: _Side, across: _Side) -> npt.NDArray[np.float64]:
    x = np.arange(GRID) / GRID
    length2 = np.append((scale * x / (1 - x)) ** 2, 1e12)
    window = _smooth(down.lags, length2) * _smooth(across.lags, length2)
    # The map-wide mean is not part of the local field.
    whole = _smooth(down.map_lags, length2) * _smooth(across.map_lags, length2)
    return np.maximum(0.0, (window - whole) / (1 - whole + 1e-9))


def _smooth(lags: npt.NDArray[np.float64], length2: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean of exp(−d² / 2l²) over the lags d, for every l²."""
    distances = np.arange(len(lags))
    return np.exp(-(distances**2) / (2 * length2[:, None] + 1e-9)) @ lags


@lru_cache(maxsize=64)
def image_classes(batch_size: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The images of a batch as a few classes of 1, 1, 2, 4, 8, … images, the most energetic ones apart.

    Args:
        batch_size: images of the batch, 1 or more.

    Returns:
        Weights of the classes, which sum to 1, and their mean normal scores scaled to unit variance.
    """
    from statistics import NormalDist

    normal = NormalDist()
    scores = [normal.inv_cdf((i - 0.375) / (batch_size + 0.25)) for i in range(batch_size, 0, -1)]
    weights: list[float] = []
    means: list[float] = []
    start, size = 0, 1
    while start < batch_size:
        count = min(size, batch_size - start) if len(weights) < 7 else batch_size - start
        weights.append(count / batch_size)
        means.append(math.fsum(scores[start : start + count]) / count)
        start += count
        if len(weights) > 1:
            size *= 2
    w, q = np.array(weights), np.array(means)
    q -= w @ q
    spread = math.sqrt(float(w @ (q * q)))
    return w, q / spread if spread > 0 else q


@lru_cache(maxsize=64)
def max_moments(count: int) -> tuple[float, float]:
    """Mean and variance of ReLU of the largest of `count` standard Gaussians.

    Args:
        count: values of a window, k².
    """
    x = np.linspace(-9, 9, 20001)
    cdf = np.array([0.5 * (1 + math.erf(t / math.sqrt(2))) for t in x])
    density = np.diff(cdf**count)
    value = np.maximum((x[1:] + x[:-1]) / 2, 0.0)
    mean = float(density @ value)
    return mean, float(density @ (value * value)) - mean * mean


LARGEST_MAX = 8
"""Kernel of the largest max pool."""


@lru_cache(maxsize=1)
def max_correlations() -> npt.NDArray[np.float64]:
    """Correlation of ReLU of the largest values of two overlapping windows of standard Gaussians.

    Entry (k, a, b) is of two k×k windows that share a rows and b columns. Of two maxima, P(X ≤ x, Y ≤ y) is
    Φ(min(x, y)) to the power of the shared values, times Φ(x) and Φ(y) to that of the others; the covariance is the
    integral of its difference to P(X ≤ x) P(Y ≤ y).
    """
    x = np.linspace(0, 5.5, 111)
    cdf = np.array([0.5 * (1 + math.erf(t / math.sqrt(2))) for t in x])
    smaller, product = np.minimum.outer(cdf, cdf), np.multiply.outer(cdf, cdf)
    weight = np.full(len(x), x[1])
    weight[[0, -1]] /= 2

    def covariance(count: int, shared: int) -> float:
        return float(weight @ (smaller**shared * product ** (count - shared) - product**count) @ weight)

    found = np.zeros((LARGEST_MAX + 1,) * 3)
    for k in range(1, LARGEST_MAX + 1):
        for a in range(1, k + 1):
            for b in range(1, k + 1):
                found[k, a, b] = covariance(k * k, a * b) / covariance(k * k, k * k)
    return found
