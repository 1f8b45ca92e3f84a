"""zen-weighted: what the layers of a network can tell apart, by the scale at which they work and the noise behind them.

The Zen-score adds ½·log σ² of every convolution, one term a layer, wherever the layer stands. This score adds what the
convolutions with an activation have to say, the kinks that make a network more than a matrix:

- **A gain is ½·log(1 + σ²)**, the capacity of a Gaussian channel of signal-to-noise ratio σ² (Shannon): the Zen-score's
  term, but never negative. σ² is k·c/groups times the second moment of what comes in (1 behind a batch norm alone, 0.34
  behind ReLU): pixels under a k×k window resemble each other, so that it counts as the k that a line across it meets.
- **A layer of c channels is worth √c such gains.** They are no c independent ones: features of one layer overlap.
- **What a layer says must get through the layers behind it.** The mean square of c Gaussian values varies by 2/c of its
  square: each layer multiplies the signal's energy by such a factor (Hanin 2018 bounds gradients by the same sum).
  The noise of a layer and of those behind it adds up to ρ = Σ 2/c and leaves the share 1 / (1 + ρ). Depth without width
  is then worth its logarithm, and a narrow layer takes from all in front of it.
- **Layers at one scale have diminishing returns**, and so have its positions: a scale of R×R positions whose layers are
  worth S together counts R^(1 − p) · S^p, their weighted geometric mean. p is the one constant that was chosen by its
  results, with one benchmark left out after the other.
- **Gates work at 1×1**: the two convolutions of squeeze-excitation are layers with activations at that scale.

So zen-weighted = Σ over scales R of R^(1 − p) · (Σ √c · ½·log(1 + σ²) / (1 + ρ))^p. `docs/study.md` has its figures and
those of every other form that was tried.
"""

import math
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.chain import decorated_path
from zennas.blocks.layers import Convolution, Layer
from zennas.blocks.registry import architecture_units, expand
from zennas.compiled import compiled_and_kept
from zennas.input_size import Resolution, mean_side
from zennas.scores.closed_form.activation import M2
from zennas.scores.network import ForeignNetwork, Network
from zennas.scores.registry import ScoreSettings, register_score
from zennas.scores.result import Score

NOISE = 2.0
"""Relative variance of the mean square of c Gaussian values, times c."""
DEPTH_POWER = 0.43
"""p: the exponent of what the layers of one scale are worth together."""
SIDE_POWER = 1 - DEPTH_POWER
"""Exponent of the side of a scale's maps."""
RELU_MOMENT = 0.5 - M2
"""Variance of ReLU of a standard Gaussian."""

WORTH, INVERSE, SIDE = range(3)
"""Columns of a row: √c · ½·log(1 + σ²), 1/c (0 for a gate, through which the signal does not run), and R."""
GATE = 0.0
"""SIDE of a gate's row."""

Rows = npt.NDArray[np.float64]


@compiled_and_kept
def weigh(
    rows: Rows, starts: npt.NDArray[np.int64], noise: float, depth: float, resolution: float, scores: Rows
) -> None:
    """Fill `scores` with the scores of the networks `rows[starts[i]:starts[i + 1]]`, read from their ends.

    Args:
        rows: n×3, the rows of all networks, one after the other; see the names of the columns.
        starts: first row of every network, and the number of rows.
        noise: see `NOISE`.
        depth: see `DEPTH_POWER`.
        resolution: see `SIDE_POWER`.
        scores: one number a network, written.
    """
    for i in range(len(starts) - 1):
        total, part, side, behind, at_one = 0.0, 0.0, 0.0, 0.0, 0.0
        for row in range(starts[i + 1] - 1, starts[i] - 1, -1):
            behind += rows[row, INVERSE]
            worth = rows[row, WORTH] / (1 + noise * behind)
            if rows[row, SIDE] == GATE:
                at_one += worth
                continue
            if rows[row, SIDE] != side:
                if side == 1:
                    at_one += part
                else:
                    total += side**resolution * part**depth
                part, side = 0.0, rows[row, SIDE]
            part += worth
        if side == 1:
            at_one += part
        else:
            total += side**resolution * part**depth
        scores[i] = total + at_one**depth


def _convolution_row(layer: Convolution, side: float, moment: float) -> tuple[float, float, float]:
    variance = layer.kernel * (layer.in_channels // layer.groups) * moment
    worth = math.sqrt(layer.out_channels) * 0.5 * math.log1p(variance)
    return worth, 0.0 if side == GATE else 1 / layer.out_channels, side


def _path_rows(path: Iterable[Layer], size: Resolution, moment: float) -> tuple[Rows, Resolution, float]:
    """The rows of a main path with its gates, the size of its output, and the second moment of what comes out."""
    rows = []
    for layer in path:
        size = layer.out_resolution(size)
        for convolution in layer.convolutions:
            if layer.decoration:
                rows.append(_convolution_row(convolution, GATE, RELU_MOMENT))
                continue
            if convolution.activation:
                rows.append(_convolution_row(convolution, mean_side(size), moment))
            moment = RELU_MOMENT if convolution.activation else 1.0
    return np.array(rows, float).reshape(-1, 3), size, moment


@lru_cache(maxsize=1 << 17)
def _super_block_rows(block: SuperBlock, size: Resolution, moment: float) -> tuple[Rows, Resolution, float]:
    expansion = expand(block)
    first, size, moment = _path_rows(decorated_path(expansion.first), size, moment)
    if not expansion.repeats:
        return first, size, moment
    # The second layer follows the first one, the others one like themselves.
    rest = decorated_path(expansion.rest)
    second, size, moment = _path_rows(rest, size, moment)
    others, size, moment = _path_rows(rest, size, moment)
    return np.concatenate([first, second, *[others] * (expansion.repeats - 1)]), size, moment


def _foreign_rows(network: ForeignNetwork, size: Resolution) -> Rows:
    """The rows of a converted module, its gates where they stood; only those of a 1×1 map count."""
    rows: list[Rows] = []
    moment = 1.0
    gates: dict[int, list[tuple[float, float, float]]] = {}
    for gate in network.gates:
        if gate.side == 1:
            gates.setdefault(gate.place, []).append(_convolution_row(gate.convolution, GATE, RELU_MOMENT))
    for place, layer in enumerate(network.chain):
        rows.append(np.array(gates.get(place, []), float).reshape(-1, 3))
        own, size, moment = _path_rows((layer,), size, moment)
        rows.append(own)
    rows.append(np.array(gates.get(len(network.chain), []), float).reshape(-1, 3))
    return np.concatenate(rows)


def _weighed(parts: Sequence[Rows], starts: Sequence[int]) -> list[float]:
    scores = np.empty(len(starts) - 1)
    weigh(np.concatenate(parts), np.array(starts, dtype=np.int64), NOISE, DEPTH_POWER, SIDE_POWER, scores)
    result: list[float] = scores.tolist()
    return result


def _many(networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution, settings: ScoreSettings) -> list[float]:
    parts: list[Rows] = []
    starts = [0]
    total = 0
    for network in networks:
        size, moment = resolution, 1.0
        for block in network:
            rows, size, moment = _super_block_rows(block, size, moment)
            parts.append(rows)
            total += len(rows)
        starts.append(total)
    return _weighed(parts, starts)


def weighted_score(network: Network, resolution: Resolution) -> float:
    """The score of an architecture or a converted module.

    Args:
        network: what to score.
        resolution: size of the input.

    Raises:
        ArchitectureError: a block type is unknown or incomplete.
    """
    if not isinstance(network, Architecture):
        rows = _foreign_rows(network, resolution)
        return _weighed([rows], [0, len(rows)])[0]
    for _ in architecture_units(network):  # says at which super-block something is wrong
        pass
    return _many([network.super_blocks], resolution, ScoreSettings())[0]


@register_score(
    "zen-weighted", many=_many, takes_modules=True, source="capacity of layers with ReLU by scale, behind noise"
)
def zen_weighted(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """The score of an architecture or a converted module; see this file's head for its derivation."""
    started = time.perf_counter()
    value = weighted_score(network, resolution)
    return Score(value, 0.0, (value, value), time.perf_counter() - started, name="zen-weighted")
