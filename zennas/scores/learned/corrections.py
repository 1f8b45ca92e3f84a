"""What is added to the calibrated zero-shot score, as plain numbers: learned with scikit-learn, computed without it.

A correction reads standardised features and gives the mean and the standard deviation of what it adds, noise of a
training included. What it gives for a network is the same to the last bit whatever networks stand beside it, as a
library's matrix products would not have it: the rounds of a search that is resumed may be other ones.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np

from zennas.compiled import compiled_and_kept
from zennas.scores.learned.plain import array, number
from zennas.scores.learned.shape import Table

LEAST = 1e-9
"""Of a length and a noise: smaller ones are a damaged file's."""


@compiled_and_kept
def kernel_sums(
    features: Table, points: Table, weights: Table, precision: Table, length: float, means: Table, known: Table
) -> None:
    """Sums over a Gaussian process's points, of amplitude 1.

    Args:
        features: networks×features.
        points: points×features.
        weights: one a point.
        precision: points×points, or empty: then `known` is left alone.
        length: of the squared exponential kernel.
        means: Σ w·k, one number a network, written.
        known: kᵀ·P·k, one number a network, written.
    """
    kernel = np.empty(len(points))
    for i in range(len(features)):
        total = 0.0
        for j in range(len(points)):
            square = 0.0
            for k in range(points.shape[1]):
                difference = features[i, k] - points[j, k]
                square += difference * difference
            kernel[j] = math.exp(-0.5 * square / (length * length))
            total += weights[j] * kernel[j]
        means[i] = total
        if len(precision) > 0:
            explained = 0.0
            for j in range(len(points)):
                part = 0.0
                for k in range(len(points)):
                    part += precision[j, k] * kernel[k]
                explained += kernel[j] * part
            known[i] = explained


class Correction(Protocol):
    """What predicts; a frozen dataclass whose fields are numbers and arrays of them, which its file holds by name."""

    kind: ClassVar[str]

    @property
    def features(self) -> int:
        """How many features it reads."""

    def mean(self, features: Table) -> Table:
        """What is added, one number a row of features."""

    def std(self, features: Table) -> Table:
        """Its standard deviation."""


@dataclass(frozen=True)
class GaussianProcess:
    """A Gaussian process with a squared exponential kernel, and independent noise at each network.

    Attributes:
        points: networks×features, what was learned from.
        weights: of the kernel at each point.
        amplitude: standard deviation of the process.
        length: over which it changes, in units of the features.
        noise: standard deviation of the noise.
    """

    kind: ClassVar[str] = "gaussian-process"
    points: Table
    weights: Table
    amplitude: float
    length: float
    noise: float

    @property
    def features(self) -> int:
        """How many features it reads."""
        return int(self.points.shape[1])

    @cached_property
    def _precision(self) -> Table:
        """Of the values at the points, whose amplitude is 1 here."""
        squares = ((self.points[:, None] - self.points) ** 2).sum(axis=2)
        covariance = np.exp(-0.5 * squares / self.length**2)
        covariance += (self.noise / max(self.amplitude, LEAST)) ** 2 * np.eye(len(self.points))
        return np.array(np.linalg.pinv(covariance, hermitian=True), np.float64)

    def mean(self, features: Table) -> Table:
        """What is added, one number a row of features."""
        means = np.empty(len(features))
        kernel_sums(features, self.points, self.weights, np.empty((0, 0)), self.length, means, np.empty(0))
        return self.amplitude**2 * means

    def std(self, features: Table) -> Table:
        """Its standard deviation."""
        means, known = np.empty(len(features)), np.empty(len(features))
        kernel_sums(features, self.points, self.weights, self._precision, self.length, means, known)
        variance: Table = self.amplitude**2 * np.maximum(1 - known, 0) + self.noise**2
        return np.sqrt(variance)

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> "GaussianProcess":
        """Of what its file holds. Raises `ValueError`, `KeyError` or `TypeError` where that is damaged."""
        points, weights = array(values["points"], 2), array(values["weights"], 1)
        if len(points) != len(weights) or not len(points):
            raise ValueError("the Gaussian process has not one weight a point")
        length, noise = number(values["length"], LEAST), number(values["noise"], LEAST)
        return cls(points, weights, number(values["amplitude"], 0), length, noise)


@dataclass(frozen=True)
class Linear:
    """A weighted sum of the features, learned by ridge regression.

    Attributes:
        weights: of the features.
        constant: added to their sum.
        noise: standard deviation of what it does not explain.
    """

    kind: ClassVar[str] = "ridge"
    weights: Table
    constant: float
    noise: float

    @property
    def features(self) -> int:
        """How many features it reads."""
        return len(self.weights)

    def mean(self, features: Table) -> Table:
        """What is added, one number a row of features."""
        means: Table = np.full(len(features), self.constant)
        for column, weight in enumerate(self.weights):
            means += weight * features[:, column]
        return means

    def std(self, features: Table) -> Table:
        """Its standard deviation."""
        return np.full(len(features), self.noise)

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> "Linear":
        """Of what its file holds. Raises `ValueError`, `KeyError` or `TypeError` where that is damaged."""
        return cls(array(values["weights"], 1), number(values["constant"]), number(values["noise"], 0))


CORRECTIONS: dict[str, Any] = {correction.kind: correction for correction in (GaussianProcess, Linear)}
"""The kinds of correction by their names in files."""
