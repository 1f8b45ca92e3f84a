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
import numpy.typing as npt

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.registry import architecture_units
from zennas.blocks.tracing import CONVOLUTION_RELU
from zennas.compiled import compiled, compiled_and_kept
from zennas.input_size import Resolution
from zennas.scores.chains import (
    C_IN,
    C_OUT,
    FAN_IN,
    GATE_OUT,
    GROUPS,
    HEIGHT,
    KERNEL,
    KIND,
    PLACE,
    STRIDE,
    WIDTH,
    ChainScorer,
    DecoratedChains,
    NetworkRows,
)
from zennas.scores.closed_form.activation import M2
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


@compiled
def worth(channels: int, values: int, moment: float) -> float:
    """√c · ½·log(1 + σ²): what a layer can tell apart.

    Args:
        channels: c, that go out.
        values: that enter each of them, along a line across the kernel.
        moment: the second moment of each.
    """
    return math.sqrt(channels) * 0.5 * math.log1p(values * moment)


@compiled_and_kept
def weigh(
    networks: NetworkRows,
    noise: float,
    depth: float,
    resolution: float,
    behind_relu: float,
    scores: npt.NDArray[np.float64],
) -> None:
    """Fill `scores` with the scores of networks, read from their ends.

    Args:
        networks: their rows.
        noise: see `NOISE`.
        depth: see `DEPTH_POWER`.
        resolution: see `SIDE_POWER`.
        behind_relu: see `RELU_MOMENT`.
        scores: one number a network, written.
    """
    rows, gates = networks.rows, networks.gates
    for i in range(len(scores)):
        first, gate = networks.starts[i], networks.gate_starts[i + 1] - 1
        total, part, side, behind, at_one = 0.0, 0.0, 0.0, 0.0, 0.0
        for row in range(networks.starts[i + 1] - 1, first - 2, -1):
            # Those that stand behind this row; behind the row before the first, all that are left.
            while gate >= networks.gate_starts[i] and gates[gate, PLACE] > row:
                at_one += worth(gates[gate, GATE_OUT], gates[gate, FAN_IN], behind_relu) / (1 + noise * behind)
                gate -= 1
            if row < first or rows[row, KIND] != CONVOLUTION_RELU:
                continue
            before = row - 1
            while before >= first and rows[before, KIND] > CONVOLUTION_RELU:
                before -= 1
            moment = behind_relu if before >= first and rows[before, KIND] == CONVOLUTION_RELU else 1.0
            behind += 1 / rows[row, C_OUT]
            values = rows[row, KERNEL] * (rows[row, C_IN] // rows[row, GROUPS])
            height, width = -(-rows[row, HEIGHT] // rows[row, STRIDE]), -(-rows[row, WIDTH] // rows[row, STRIDE])
            at = math.sqrt(height * width)
            if at != side:
                if side == 1:
                    at_one += part
                else:
                    total += side**resolution * part**depth
                part, side = 0.0, at
            part += worth(rows[row, C_OUT], values, moment) / (1 + noise * behind)
        if side == 1:
            at_one += part
        else:
            total += side**resolution * part**depth
        scores[i] = total + at_one**depth


def weighed(networks: NetworkRows) -> list[float]:
    """The scores of networks whose rows are at hand."""
    scores = np.empty(len(networks.starts) - 1)
    weigh(networks, NOISE, DEPTH_POWER, SIDE_POWER, RELU_MOMENT, scores)
    result: list[float] = scores.tolist()
    return result


class WeightedScorer(ChainScorer):
    """Scores a search's rounds; what networks share costs too little to be kept."""

    def score(self, chains: DecoratedChains) -> list[float]:
        """The scores of a round's networks, in order."""
        return weighed(chains.networks)


def _many(networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution, settings: ScoreSettings) -> list[float]:
    return weighed(rows_of(networks, resolution)) if networks else []


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
    return weighed(rows_of_network(network, resolution))[0]


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
