"""A model of accuracy: a calibrated zero-shot score, and what was learned about where it errs.

Everything is predicted as y = −log(100 − accuracy), which no prediction can carry beyond 100 %:

    y = intercept + slope · log(zero-shot score) + trust · correction(features)

Trust is 1 within the range of the networks that were trained, and falls as exp(−½·e²) outside, where e² adds up how far
each feature is beyond its range, in standard deviations over the trained networks: far from all that was trained the
prediction is the zero-shot score's, and its standard deviation is that of accuracy around the calibrated zero-shot
score, which it never exceeds. What lies outside is not promised anything: the bounds of `Predicted` fall with e.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zennas import input_size
from zennas.architecture.model import Architecture
from zennas.compiled import compiled_and_kept
from zennas.counting import native_resolution
from zennas.errors import ScoreError
from zennas.input_size import GivenResolution, Resolution, read_resolution
from zennas.io.text import write_text
from zennas.scores.learned.corrections import Correction
from zennas.scores.learned.features import Described, described, feature_columns, known_feature
from zennas.scores.learned.plain import plain
from zennas.scores.learned.shape import Table
from zennas.scores.network import Network

FORMAT = "zennas accuracy model 1"
"""What a model's file says of itself first."""
TOP = 100.0
"""Accuracy in percent that no network exceeds."""
LEAST_ERROR = 0.01
"""Percent of wrong answers below which accuracies are not told apart."""


def as_target(accuracy: Table) -> Table:
    """y = −log of the error in percent."""
    target: Table = -np.log(np.maximum(TOP - accuracy, LEAST_ERROR))
    return target


def as_accuracy(target: Table) -> Table:
    """The accuracy in percent of y."""
    accuracy: Table = TOP - np.exp(np.minimum(-target, np.log(TOP)))
    return accuracy


@compiled_and_kept
def beyond(columns: Table, low: Table, high: Table, scale: Table, squares: Table) -> None:
    """How far networks are outside a range: e².

    Args:
        columns: networks×columns, their features.
        low: of each column.
        high: of each column.
        scale: of each column, what counts as 1.
        squares: one number a network, written.
    """
    # One after another: numpy's sums are rounded in another way where more networks stand beside one.
    for i in range(len(columns)):
        total = 0.0
        for column in range(columns.shape[1]):
            value = columns[i, column]
            outside = max(low[column] - value, value - high[column], 0.0) / scale[column]
            total += outside * outside
        squares[i] = total


@dataclass(frozen=True)
class Baseline:
    """A zero-shot score, calibrated: y = intercept + slope · log(score).

    Attributes:
        score: its registered name.
        std: standard deviation of y around it.
    """

    score: str
    intercept: float
    slope: float
    std: float


@dataclass(frozen=True)
class Scaling:
    """How features are standardised; one number a column of all features.

    Attributes:
        features: names of the features, in the order of the columns.
        center: mean over the trained networks.
        scale: standard deviation over them, or the least that counts where it is smaller.
        low: least value among them.
        high: largest value among them.
        learned: columns that the correction reads.
    """

    features: tuple[str, ...]
    center: Table
    scale: Table
    low: Table
    high: Table
    learned: Table

    def standardised(self, networks: Described) -> tuple[Table, Table]:
        """What the correction reads, and how far outside the trained networks each network is (e²).

        Raises:
            UnknownNameError: a feature is not registered.
            ScoreError: they have other columns here.
        """
        features = [known_feature(name) for name in self.features]
        columns = np.concatenate(feature_columns(networks, features), axis=1)
        if columns.shape[1] != len(self.center):
            raise ScoreError(
                f"the model's features have {len(self.center)} columns, and here they have {columns.shape[1]}; "
                "fit it anew"
            )
        inside = np.ascontiguousarray(((columns - self.center) / self.scale)[:, self.learned])
        squares = np.empty(len(columns))
        beyond(columns, self.low, self.high, self.scale, squares)
        return inside, squares


class Predicted(NamedTuple):
    """What a model says of networks; one number each.

    Attributes:
        mean: accuracy, in percent.
        std: its standard deviation, in percent.
        beyond: e², how far outside of what was trained.
    """

    mean: Table
    std: Table
    beyond: Table

    @property
    def trust(self) -> Table:
        """Share of the correction that counts: 1 among what was trained, 0 far from it."""
        trust: Table = np.exp(-0.5 * self.beyond)
        return trust

    @property
    def lower(self) -> Table:
        """What is known to be reached: the mean less one standard deviation. Outside of what was trained it falls by
        e² more of them at first, and towards 0 far away, where nothing is known."""
        mean = np.maximum(self.mean, LEAST_ERROR)
        lower: Table = mean / (1 + self.beyond * self.std / mean) - self.std
        return lower

    @property
    def upper(self) -> Table:
        """What may turn out to be reached: two standard deviations above `lower`. Within what was trained that is the
        mean and one standard deviation; outside, that nothing is known is no reason to expect more."""
        return self.lower + 2 * self.std


@dataclass(frozen=True)
class AccuracyModel:
    """A learned accuracy; `zennas.fit_accuracy` makes it, `zennas.load_accuracy_model` reads it.

    Attributes:
        title: what it was learned from.
        networks: how many were trained.
        resolution: size of their input, at which it predicts by default; `None` where they had several.
        num_classes: outputs of their classifiers.
        baseline: the calibrated zero-shot score.
        scaling: how features are standardised.
        correction: what was learned; `None` where the model falls back to the zero-shot score.
        reason: why it falls back, or empty.
        report: figures on networks that were left out, see `zennas.accuracy.out_of_sample`.
    """

    title: str
    networks: int
    resolution: Resolution | None
    num_classes: int
    baseline: Baseline
    scaling: Scaling
    correction: Correction | None
    reason: str = ""
    report: Mapping[str, object] = field(default_factory=dict)

    @property
    def falls_back(self) -> bool:
        """Whether it is the calibrated zero-shot score alone."""
        return self.correction is None

    def predict(
        self,
        architectures: Sequence[Network],
        resolution: GivenResolution | None = None,
        num_classes: int | None = None,
    ) -> tuple[Table, Table]:
        """Accuracy of networks that nobody has trained, had they been trained like those that it was learned from.

        Args:
            architectures: the networks; converted modules too.
            resolution: size of the input; by default that of the trained networks, else each network's own.
            num_classes: outputs of the classifier, which count as parameters; by default those of the trained networks.

        Returns:
            Mean and standard deviation of each, in percent.

        Raises:
            ArchitectureError: a block type is unknown, or no resolution is known.
            ScoreError: the zero-shot score refuses a network.
        """
        return self.predicted(architectures, resolution, num_classes)[:2]

    def predicted(
        self,
        architectures: Sequence[Network],
        resolution: GivenResolution | None = None,
        num_classes: int | None = None,
    ) -> Predicted:
        """`predict`, and how far each network is from those that were trained.

        Args:
            architectures: the networks; converted modules too.
            resolution: size of the input; by default that of the trained networks, else each network's own.
            num_classes: outputs of their classifiers; by default those of the trained networks.

        Raises:
            ArchitectureError: a block type is unknown, or no resolution is known.
            ScoreError: the zero-shot score refuses a network.
        """
        sizes = [self._size(network, resolution) for network in architectures]
        classes = [self.num_classes if num_classes is None else num_classes] * len(sizes)
        return self.predict_described(described(architectures, sizes, classes, self.baseline.score))

    def predict_described(self, networks: Described) -> Predicted:
        """`predicted` of networks whose features are at hand."""
        features, beyond = self.scaling.standardised(networks)
        accuracy = as_accuracy(self._target(networks, features, beyond))
        return Predicted(accuracy, (TOP - accuracy) * self._target_std(features, beyond), beyond)

    def target(self, networks: Described) -> Table:
        """Mean of y."""
        return self._target(networks, *self.scaling.standardised(networks))

    def target_std(self, networks: Described) -> Table:
        """Standard deviation of y."""
        return self._target_std(*self.scaling.standardised(networks))

    def _target(self, networks: Described, features: Table, beyond: Table) -> Table:
        base = self.baseline
        target: Table = base.intercept + base.slope * networks.log_score
        if self.correction is None:
            return target
        return target + np.exp(-0.5 * beyond) * self.correction.mean(features)

    def _target_std(self, features: Table, beyond: Table) -> Table:
        usual = self.baseline.std
        if self.correction is None:
            return np.full(len(features), usual)
        trust = np.exp(-0.5 * beyond)
        variance = (trust * self.correction.std(features)) ** 2 + (1 - trust**2) * usual**2
        std: Table = np.minimum(np.sqrt(variance), usual)
        return std

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, for `load_accuracy_model`. Raises `FileError` where the file cannot be written."""
        write_text(Path(path), self.text)

    @property
    def text(self) -> str:
        """The content of its file."""
        correction = None if self.correction is None else {"kind": self.correction.kind, **plain(self.correction)}
        document = {
            **plain(self),
            "resolution": None if self.resolution is None else input_size.plain(self.resolution),
            "baseline": plain(self.baseline),
            "scaling": plain(self.scaling),
            "correction": correction,
        }
        return json.dumps({"format": FORMAT, **document}) + "\n"

    @cached_property
    def digest(self) -> str:
        """Eight hexadecimal digits of its content, by which a run knows its model again."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:8]

    def _size(self, network: Network, resolution: GivenResolution | None) -> Resolution:
        if resolution is not None:
            return read_resolution(resolution)
        if self.resolution is not None:
            return self.resolution
        if isinstance(network, Architecture):
            return native_resolution(network, None)
        raise ScoreError(f"{network.name}: no resolution is known for a module; give one")
