"""The Zen-score in closed form: its expectation over weights and images, without a forward pass."""

import math
import time
from collections.abc import Sequence

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.chain import Chain, architecture_chain, super_block_chain
from zennas.blocks.layers import Convolution
from zennas.counting import native_resolution
from zennas.scores.result import Score

ALPHA = 0.01


def meanfield_score(network: Architecture | Chain, resolution: int | None = None) -> Score:
    """The expected Zen-score."""
    started = time.perf_counter()
    if isinstance(network, Architecture):
        resolution = native_resolution(network, resolution)
        chain = architecture_chain(network)
    else:
        chain = network
    assert resolution is not None
    value = _chain_score(chain, resolution)
    return Score(value, 0.0, (value, value), time.perf_counter() - started, name="meanfield")


def meanfield_many(networks: Sequence[tuple[SuperBlock, ...]], resolution: int) -> list[float]:
    """Bare scores."""
    return [_chain_score([c for b in n for c in super_block_chain(b).layers()], resolution) for n in networks]


def _chain_score(chain: Sequence[object], resolution: int) -> float:
    rho = 1 / math.sqrt(1 + ALPHA**2)
    total, m2, out = 0.0, 1.0, 3
    for c in chain:
        if not isinstance(c, Convolution):
            continue
        total += 0.5 * math.log(c.fan_in * m2)
        resolution = c.out_resolution(resolution)
        out = c.out_channels
        m2 = 1.0
        if c.activation:
            k = (math.sqrt(1 - rho * rho) + rho * (math.pi - math.acos(rho))) / (2 * math.pi)
            rho = (k - 1 / (2 * math.pi)) / (0.5 - 1 / (2 * math.pi))
            m2 = 0.5 - 1 / (2 * math.pi)
    return total + 0.5 * math.log((1 - rho) / math.pi) + math.log(out * resolution**2)
