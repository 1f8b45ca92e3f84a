"""zen-weighted-1, the first form of zen-weighted: the Zen-score's layers, weighted by the scale at which they work.

The Zen-score adds ½·log σ² of every convolution, one term a layer, wherever the layer stands. Four things are
missing in that sum:

- A convolution without an activation behind it is no step of its own: with the convolution that follows it is one
  linear map (a batch norm between them is linear too). Its σ² says how that map is scaled, not what it can express.
  The sum therefore runs over the convolutions that end in a ReLU, the kinks that make a network more than a matrix.
- σ is the size of one output channel. The vector of all c channels at a position has the norm √c·σ, so that a layer's
  gain is ½·log(c·σ²). Without the c a depthwise convolution, whose fan-in is k², would count next to nothing.
- A layer works at R×R positions. Counted once (R⁰), positions do not matter; counted one by one (R²), they would be
  independent, which overlapping kernels and smooth images forbid. A line across the map meets R of them. (Of a map
  that is not square, R is the side of the square with as many positions.)
- Layers stacked at one scale have diminishing returns: the region that n of them effectively see grows with √n only
  (Luo et al. 2016, effective receptive fields), so that a network needs depth at several scales.

The score is the sum over the scales (resolutions R) of √(R · Σ ½·log(c·σ²)), the inner sum over the convolutions with
ReLU whose output side is R. A layer costs ∝ R² multiply-adds and earns ∝ √R, less with every one before it at that
scale: neither a budget of multiply-adds nor one of parameters buys depth at one resolution alone, as the plain weight R
does. No constant in it was fitted. `zen-weighted` is its successor, of which `docs/study.md` tells; this one stays for
searches that began with it.
"""

import math
import time
from collections.abc import Sequence

from zennas.architecture.model import SuperBlock
from zennas.blocks.chain import Chain, convolutions, super_block_chain
from zennas.input_size import Resolution, mean_side
from zennas.scores.closed_form.activation import M2
from zennas.scores.network import Network, chain_of, resolutions
from zennas.scores.registry import ScoreSettings, register_score
from zennas.scores.result import Score

RELU_VARIANCE = 0.5 - M2
"""Of ReLU of a standard Gaussian."""


def log_gains(chain: Chain) -> list[float]:
    """½·log of the expected σ² of every convolution of a chain, as if its map had no border: what a layer can express
    is not less because zeros are padded, and the closed form's own variances draw depth to the larger maps."""
    gains, second_moment = [], 1.0
    for convolution in convolutions(chain):
        gains.append(0.5 * math.log(convolution.fan_in * second_moment))
        second_moment = RELU_VARIANCE if convolution.activation else 1.0
    return gains


def weighted_score(chain: Chain, resolution: Resolution) -> float:
    """Σ over resolutions R of √(R · Σ ½·log(c·σ²)), the inner sum over the chain's convolutions with an activation
    whose output side is R; a gain below 1 takes away."""
    sides = map(mean_side, resolutions(chain, resolution))
    gains: dict[float, float] = {}
    for layer, side, gain in zip(convolutions(chain), sides, log_gains(chain), strict=True):
        if layer.activation:
            gains[side] = gains.get(side, 0.0) + gain + 0.5 * math.log(layer.out_channels)
    return math.fsum(math.copysign(math.sqrt(side * abs(gain)), gain) for side, gain in gains.items())


def _many(networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution, settings: ScoreSettings) -> list[float]:
    return [
        weighted_score(tuple(layer for block in blocks for layer in super_block_chain(block).layers()), resolution)
        for blocks in networks
    ]


@register_score(
    "zen-weighted-1",
    many=_many,
    takes_modules=True,
    source="the first zen-weighted: Zen-score over layers with ReLU by scale",
)
def zen_weighted_1(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """The score of an architecture or a converted module; see this file's head for its derivation."""
    started = time.perf_counter()
    value = weighted_score(chain_of(network), resolution)
    return Score(value, 0.0, (value, value), time.perf_counter() - started, name="zen-weighted-1")
