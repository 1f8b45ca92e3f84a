"""What is added to the calibrated zero-shot score, as plain numbers: learned with scikit-learn, computed without it.

A correction reads standardised features and gives the mean and the standard deviation of what it adds, noise of a
training included.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np

from zennas.scores.learned.plain import array, number
from zennas.scores.learned.shape import Table

LEAST = 1e-9
"""Of a length and a noise: smaller ones are a damaged file's."""


class Correction(Protocol):
    """What predicts; a frozen dataclass whose fields are numbers and arrays of them, which its file holds by name."""

    kind: ClassVar[str]

    @property
    def features(self) -> int:
        """How many features it reads."""

    def predict(self, features: Table) -> tuple[Table, Table]:
        """Mean and standard deviation of what is added, one number a row of features."""


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
        covariance = self._kernel(self.points) + self.noise**2 * np.eye(len(self.points))
        return np.array(np.linalg.pinv(covariance, hermitian=True), np.float64)

    def _kernel(self, features: Table) -> Table:
        squares = (features**2).sum(axis=1)[:, None] + (self.points**2).sum(axis=1) - 2 * features @ self.points.T
        kernel: Table = self.amplitude**2 * np.exp(-0.5 * np.maximum(squares, 0) / self.length**2)
        return kernel

    def predict(self, features: Table) -> tuple[Table, Table]:
        """Mean and standard deviation of what is added."""
        kernel = self._kernel(features)
        known = ((kernel @ self._precision) * kernel).sum(axis=1)
        return kernel @ self.weights, np.sqrt(np.maximum(self.amplitude**2 - known, 0) + self.noise**2)

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

    def predict(self, features: Table) -> tuple[Table, Table]:
        """Mean and standard deviation of what is added."""
        return self.constant + features @ self.weights, np.full(len(features), self.noise)

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> "Linear":
        """Of what its file holds. Raises `ValueError`, `KeyError` or `TypeError` where that is damaged."""
        return cls(array(values["weights"], 1), number(values["constant"]), number(values["noise"], 0))


CORRECTIONS: dict[str, Any] = {correction.kind: correction for correction in (GaussianProcess, Linear)}
"""The kinds of correction by their names in files."""
