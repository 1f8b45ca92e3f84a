"""The entropy of DeepMAD (Shen et al., CVPR 2023), from the structure alone.

The width of a convolution is w = c_in·k²/groups, and the entropy of the map that L convolutions make H = log(r²·c_out)
· Σ log w_i. Deep and narrow networks have a large entropy and propagate badly: the paper bounds their effectiveness ρ,
which is among a network's costs (`zennas.counting`).
"""

import math
import time
from collections.abc import Sequence

from zennas.architecture.model import SuperBlock
from zennas.blocks.chain import Chain, super_block_chain
from zennas.scores.network import Network, chain_of
from zennas.scores.registry import ScoreSettings, register_score
from zennas.scores.result import Score

LAST_STAGE_WEIGHT = 8.0
"""α of the last stage in the paper's weighted multi-scale entropy; that of every other stage is 1."""


def stage_entropies(chain: Chain, resolution: int) -> list[float]:
    """H of the last map at every resolution, from the largest map on."""
    total, entropies = 0.0, {}
    for layer in chain:
        resolution = layer.out_resolution(resolution)
        for convolution in layer.convolutions:
            total += math.log(convolution.fan_in)
            entropies[resolution] = math.log(resolution**2 * convolution.out_channels) * total
    return list(entropies.values())


def deepmad_score(chain: Chain, resolution: int) -> float:
    """The weighted multi-scale entropy Σ α_i·H_i. The paper's penalty for uneven stage depths and its bound on ρ are
    constraints of its search; here ρ is the budget `effectiveness`."""
    entropies = stage_entropies(chain, resolution)
    return math.fsum(entropies[:-1]) + LAST_STAGE_WEIGHT * entropies[-1]


def _many(networks: Sequence[tuple[SuperBlock, ...]], resolution: int, settings: ScoreSettings) -> list[float]:
    return [
        deepmad_score(tuple(layer for block in blocks for layer in super_block_chain(block).layers()), resolution)
        for blocks in networks
    ]


@register_score("deepmad", many=_many, takes_modules=True, source="Shen et al. 2023, DeepMAD, Section 4")
def deepmad(network: Network, resolution: int, settings: ScoreSettings) -> Score:
    """`deepmad_score` of an architecture or a converted module."""
    started = time.perf_counter()
    value = deepmad_score(chain_of(network), resolution)
    return Score(value, 0.0, (value, value), time.perf_counter() - started, name="deepmad")
