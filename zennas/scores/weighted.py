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
from collections.abc import Sequence

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.registry import architecture_units
from zennas.blocks.tracing import CONVOLUTION_RELU, EXCITE
from zennas.compiled import compiled_and_kept, compiled_apart
from zennas.input_size import Resolution
from zennas.scores.chains import (
    C_IN,
    C_OUT,
    GROUPS,
    HEIGHT,
    KERNEL,
    KIND,
    STRIDE,
    WIDTH,
    Chains,
    ChainScorer,
    Integers,
)
from zennas.scores.closed_form.activation import M2
from zennas.scores.closed_form.state import IntVector, Vector
from zennas.scores.network import Network
from zennas.scores.network_rows import rows_of, rows_of_network
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


@compiled_apart
def worth(row: IntVector, moment: float) -> float:
    """√c · ½·log(1 + σ²) of a convolution.

    Args:
        row: of a chain.
        moment: second moment of what comes in.
    """
    variance = row[KERNEL] * (row[C_IN] // row[GROUPS]) * moment
    return math.sqrt(row[C_OUT]) * 0.5 * math.log1p(variance)


@compiled_apart
def moment_before(rows: Integers, first: int, row: int) -> float:
    """Second moment of what comes into a convolution of the main path: that of the last convolution before it, which
    pools leave as it is.

    Args:
        rows: of chains.
        first: of the network's rows.
        row: of the convolution.
    """
    before = row - 1
    while before >= first and rows[before, KIND] > CONVOLUTION_RELU:
        before -= 1
    return RELU_MOMENT if before >= first and rows[before, KIND] == CONVOLUTION_RELU else 1.0


@compiled_and_kept
def weigh(rows: Integers, starts: IntVector, scores: Vector) -> None:
    """Fill `scores` with the scores of the networks `rows[starts[i]:starts[i + 1]]`, read from their ends.

    Args:
        rows: of all networks, one after the other (`zennas.scores.chains`).
        starts: first row of every network, and the number of rows.
        scores: one number a network, written.
    """
    for i in range(len(starts) - 1):
        total, part, side, behind, at_one = 0.0, 0.0, 0.0, 0.0, 0.0
        for row in range(starts[i + 1] - 1, starts[i] - 1, -1):
            kind = rows[row, KIND]
            if kind == EXCITE:
                at_one += worth(rows[row], RELU_MOMENT) / (1 + NOISE * behind)
            if kind != CONVOLUTION_RELU:
                continue
            behind += 1 / rows[row, C_OUT]
            stride = rows[row, STRIDE]
            own = math.sqrt(-(-rows[row, HEIGHT] // stride) * -(-rows[row, WIDTH] // stride))
            if own != side:
                if side == 1:
                    at_one += part
                else:
                    total += side**SIDE_POWER * part**DEPTH_POWER
                part, side = 0.0, own
            part += worth(rows[row], moment_before(rows, starts[i], row)) / (1 + NOISE * behind)
        if side == 1:
            at_one += part
        else:
            total += side**SIDE_POWER * part**DEPTH_POWER
        scores[i] = total + at_one**DEPTH_POWER


def _weighed(rows: Integers, starts: IntVector) -> list[float]:
    scores = np.empty(len(starts) - 1)
    weigh(rows, starts, scores)
    result: list[float] = scores.tolist()
    return result


class WeightedScorer(ChainScorer):
    """Scores a search's rounds from their chains."""

    def score(self, chains: Chains) -> list[float]:
        """The scores of a round's networks, in order."""
        return _weighed(chains.rows, chains.starts)


def _many(networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution, settings: ScoreSettings) -> list[float]:
    return _weighed(*rows_of(networks, resolution))


def weighted_score(network: Network, resolution: Resolution) -> float:
    """The score of an architecture or a converted module.

    Args:
        network: what to score.
        resolution: size of the input.

    Raises:
        ArchitectureError: a block type is unknown or incomplete.
    """
    if isinstance(network, Architecture):
        for _ in architecture_units(network):  # says at which super-block something is wrong
            pass
    rows = rows_of_network(network, resolution)
    return _weighed(rows, np.array([0, len(rows)], dtype=np.int64))[0]


@register_score(
    "zen-weighted",
    many=_many,
    chains=lambda resolution, settings, parents: WeightedScorer(),
    takes_modules=True,
    source="capacity of layers with ReLU by scale, behind noise",
)
def zen_weighted(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """The score of an architecture or a converted module; see this file's head for its derivation."""
    started = time.perf_counter()
    value = weighted_score(network, resolution)
    return Score(value, 0.0, (value, value), time.perf_counter() - started, name="zen-weighted")
