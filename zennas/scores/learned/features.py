"""What accuracy is predicted from: numbers that a network has before anybody trains it, in one registry.

@register_feature("widest", "logarithm of the widest layer", least=0.1)
def widest(networks: Described) -> Table:
    return networks.shapes[:, :, LAST].max(axis=1)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from zennas.architecture.model import Architecture, SuperBlock
from zennas.counting import costs, count_super_blocks
from zennas.errors import ScoreError
from zennas.input_size import Resolution, mean_side
from zennas.optional_dependencies import unknown
from zennas.scores.learned.shape import (
    CONVOLUTIONS,
    FIRST,
    GATES,
    GROUPED,
    KERNEL,
    LAST,
    LAYERS,
    TILT,
    WIDTH,
    Table,
    shapes_of,
)
from zennas.scores.network import Network
from zennas.scores.network_rows import NetworkRows, rows_of, rows_of_network
from zennas.scores.registry import ScoreSettings, compute_score, registered_score

LEAST_SCORE = 1e-9
"""Of a zero-shot score, below which its logarithm says nothing more."""


@dataclass(frozen=True)
class Described:
    """What the features of networks are computed from; one entry a network.

    Attributes:
        shapes: networks×scales×5, see `zennas.scores.learned.shape`.
        totals: networks×4, see there.
        log_params: logarithm of the parameters, with the classifier.
        log_flops: logarithm of the multiply-adds.
        log_score: logarithm of the zero-shot score that is corrected.
        log_resolution: logarithm of the side of the input.
    """

    shapes: Table
    totals: Table
    log_params: Table
    log_flops: Table
    log_score: Table
    log_resolution: Table

    def at(self, places: npt.NDArray[np.int64]) -> "Described":
        """The networks at some places."""
        return Described(*(getattr(self, field.name)[places] for field in fields(self)))


FeatureFunction = Callable[[Described], Table]


@dataclass(frozen=True)
class Feature:
    """One feature, or one at each scale.

    Attributes:
        name: what a model's file calls it.
        what: what it is, in a few words.
        function: computes it of all networks at once: one number each, or one a scale.
        least: the smallest difference between networks that counts: where those that were trained are all alike, a
            network that differs by more is far from them.
        learned: whether the correction reads it. If not, it only tells how far a network is from those that were
            trained.
    """

    name: str
    what: str
    function: FeatureFunction
    least: float
    learned: bool = True


FEATURES: dict[str, Feature] = {}


def register_feature(
    name: str, what: str, *, least: float, learned: bool = True
) -> Callable[[FeatureFunction], FeatureFunction]:
    """Register the decorated function `(networks) -> numbers`.

    Args:
        name: what a model's file calls it.
        what: what it is, in a few words.
        least: the smallest difference between networks that counts.
        learned: whether the correction reads it; yes by default.

    Raises:
        ScoreError: there is a feature of that name.
    """

    def register(function: FeatureFunction) -> FeatureFunction:
        if name in FEATURES:
            raise ScoreError(f"feature {name!r} is registered already; give another name")
        FEATURES[name] = Feature(name, what, function, least, learned)
        return function

    return register


def known_feature(name: str) -> Feature:
    """The feature of that name. Raises `UnknownNameError`."""
    if name not in FEATURES:
        raise unknown("feature", name, FEATURES)
    return FEATURES[name]


def feature_columns(networks: Described, features: Sequence[Feature]) -> list[Table]:
    """Each feature as networks×1, or networks×scales.

    Args:
        networks: what they are computed from.
        features: which.
    """
    count = len(networks.log_params)
    return [np.asarray(feature.function(networks), float).reshape(count, -1) for feature in features]


def described(
    networks: Sequence[Network], resolutions: Sequence[Resolution], classes: Sequence[int | None], score: str
) -> Described:
    """Networks of any kind, one by one.

    Args:
        networks: architectures and converted modules.
        resolutions: size of the input of each.
        classes: outputs of the classifier of each; `None` for the architecture's own, else 1000.
        score: the zero-shot score that is corrected.

    Raises:
        ArchitectureError: a block type is unknown or incomplete.
        ScoreError: the zero-shot score refuses one of them.
    """
    params, flops, scores = [], [], []
    for network, side, outputs in zip(networks, resolutions, classes, strict=True):
        counted = costs(network, side, outputs) if isinstance(network, Architecture) else network
        params.append(counted.params)
        flops.append(counted.flops)
        scores.append(compute_score(score, network, side, ScoreSettings(num_classes=outputs)).score)
    rows = [rows_of_network(network, side) for network, side in zip(networks, resolutions, strict=True)]
    whole = NetworkRows(np.concatenate(rows), np.cumsum([0, *map(len, rows)]))
    return described_rows(whole, resolutions, params, flops, scores)


def described_blocks(
    networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution, num_classes: int, score: str
) -> Described:
    """Networks that are known to be valid.

    Args:
        networks: their super-blocks.
        resolution: size of the input.
        num_classes: outputs of the classifier.
        score: the zero-shot score that is corrected.

    Raises:
        ScoreError: the zero-shot score refuses one of them.
    """
    many = registered_score(score).many
    if many is None:
        architectures = [Architecture(blocks) for blocks in networks]
        return described(architectures, [resolution] * len(networks), [num_classes] * len(networks), score)
    counted = [count_super_blocks(network, resolution, num_classes) for network in networks]
    return described_rows(
        rows_of(networks, resolution),
        [resolution] * len(networks),
        [each.params for each in counted],
        [each.flops for each in counted],
        many(networks, resolution, ScoreSettings(num_classes=num_classes)),
    )


def described_rows(
    networks: NetworkRows,
    resolutions: Sequence[Resolution],
    params: Sequence[float] | Table,
    flops: Sequence[float] | Table,
    scores: Sequence[float],
) -> Described:
    """Networks whose rows are at hand; of everything else one entry a network.

    Args:
        networks: their rows.
        resolutions: size of the input.
        params: with the classifier.
        flops: multiply-adds, with the classifier.
        scores: of the zero-shot score that is corrected.
    """
    shapes, totals = shapes_of(networks, resolutions)
    columns = (params, flops, scores, [mean_side(resolution) for resolution in resolutions])
    logs = (np.log(np.maximum(np.array(column, float), LEAST_SCORE)) for column in columns)
    return Described(shapes, totals, *logs)


@register_feature("score", "logarithm of the zero-shot score", least=0.02)
def _score(networks: Described) -> Table:
    return networks.log_score


@register_feature("params", "logarithm of the parameters", least=0.05)
def _params(networks: Described) -> Table:
    return networks.log_params


@register_feature("flops", "logarithm of the multiply-adds", least=0.05)
def _flops(networks: Described) -> Table:
    return networks.log_flops


@register_feature("resolution", "logarithm of the side of the input", least=0.1)
def _resolution(networks: Described) -> Table:
    return networks.log_resolution


@register_feature("layers", "layers with an activation, by scale", least=1)
def _layers(networks: Described) -> Table:
    return networks.shapes[:, :, LAYERS]


@register_feature("width", "sum of their log-widths, by scale", least=2)
def _width(networks: Described) -> Table:
    return networks.shapes[:, :, WIDTH]


@register_feature("tilt", "how much wider the later layers of a scale are than its first ones", least=0.3)
def _tilt(networks: Described) -> Table:
    return networks.shapes[:, :, TILT]


@register_feature("first", "log-width of the first layer, by scale", least=0.3)
def _first(networks: Described) -> Table:
    return networks.shapes[:, :, FIRST]


@register_feature("last", "log-width of the last convolution, by scale", least=0.3)
def _last(networks: Described) -> Table:
    return networks.shapes[:, :, LAST]


@register_feature("kernel", "mean log-kernel of the main path", least=0.2, learned=False)
def _kernel(networks: Described) -> Table:
    return networks.totals[:, KERNEL] / np.maximum(networks.totals[:, CONVOLUTIONS], 1)


@register_feature("grouped", "share of the main path's convolutions that have groups", least=0.1, learned=False)
def _grouped(networks: Described) -> Table:
    return networks.totals[:, GROUPED] / np.maximum(networks.totals[:, CONVOLUTIONS], 1)


@register_feature("gates", "share of gates' convolutions", least=0.1, learned=False)
def _gates(networks: Described) -> Table:
    return networks.totals[:, GATES] / np.maximum(networks.totals[:, CONVOLUTIONS], 1)
