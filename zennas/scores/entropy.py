"""The score of DeepMAD (Shen et al., CVPR 2023), from the structure alone: Z = Σ αᵢ·Hᵢ − β·Q.

The width of a convolution is w = c_in·k²/groups. The entropy of stage i, whose last map is r×r with c channels, is
Hᵢ = log(r²·c) · Σ log w over all convolutions up to that map. Q = exp(Var(L₁, …, L_M)) punishes stages of uneven depth
(the paper's formula; the search that its authors released has the standard deviation in place of the variance).
Deep and narrow networks have a large entropy and propagate badly: the paper bounds their effectiveness ρ, which is
among a network's costs (`zennas.counting`) and the budget `effectiveness` of a search.
"""

import math
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.chain import Chain, convolutions, super_block_chain
from zennas.blocks.registry import kept_by_block
from zennas.input_size import Resolution, out_size, positions
from zennas.scores.network import Network
from zennas.scores.registry import ScoreSettings, register_score
from zennas.scores.result import Score

LAST_STAGE_WEIGHT = 8.0
"""α of the last stage in the paper's weighted multi-scale entropy; that of every other stage is 1."""
DEPTH_PENALTY = 10.0
"""β, the weight of the penalty for uneven depth."""
LARGEST_VARIANCE = 700.0
"""Where the exponent of Q is cut off, so that the score of a network of very uneven depth is still a number."""


class Stage(NamedTuple):
    """Consecutive blocks, of which only the first may make the map smaller.

    Attributes:
        stride: by which the stage divides the side of its input.
        channels: of its last map.
        log_width: Σ log w of its convolutions.
        depth: its convolutions of a kernel above 1, that is its blocks where a block has one such convolution, as
            bottlenecks and inverted bottlenecks do. The paper counts layers; its authors' search counts blocks.
    """

    stride: int
    channels: int
    log_width: float
    depth: int


def stages_of_blocks(blocks: Iterable[SuperBlock]) -> list[Stage]:
    """The stages of an architecture: a super-block with a stride begins one.

    Args:
        blocks: the super-blocks, in order.
    """
    return _joined(_stage_of_block(block) for block in blocks)


def stages_of_chain(chain: Chain) -> list[Stage]:
    """The stages of a chain, which does not say where its blocks begin.

    A stage begins with a strided layer, or with the 1×1 convolution in front of it where that opens the strided block,
    as in bottlenecks and inverted bottlenecks. It does not where it closes the block before: a convolution without
    activation, or one behind the k×k convolution of a bottleneck.

    Args:
        chain: the main path, in order.
    """
    starts = [0]
    for index in range(1, len(chain)):
        if chain[index].stride > 1:
            starts.append(index - 1 if _opens_a_block(chain, index - 1) else index)
    ends = [*starts[1:], len(chain)]
    return _joined(_stage_of_layers(chain[start:end]) for start, end in zip(starts, ends, strict=True))


def _opens_a_block(chain: Chain, index: int) -> bool:
    """Whether the 1×1 convolution at `index`, in front of a strided layer, belongs to the strided layer's block."""
    here, following = chain[index].convolutions, chain[index + 1].convolutions
    if index == 0 or not here or not following:
        return False
    if here[-1].kernel > 1 or here[-1].stride > 1 or here[-1].activation is None or following[0].kernel == 1:
        return False
    before = chain[index - 1].convolutions
    if not before or before[-1].kernel == 1:
        return True
    earlier = chain[index - 2].convolutions if index > 1 else ()
    in_a_bottleneck = before[-1].groups > 1 or (bool(earlier) and earlier[-1].kernel == 1)
    return not in_a_bottleneck


@kept_by_block(maxsize=1 << 16)
def _stage_of_block(block: SuperBlock) -> Stage:
    return _stage_of_layers(super_block_chain(block).layers())


def _stage_of_layers(layers: Chain) -> Stage:
    found = convolutions(layers)
    return Stage(
        math.prod(layer.stride for layer in layers),
        layers[-1].out_channels,
        math.fsum(math.log(convolution.fan_in) for convolution in found),
        sum(convolution.kernel > 1 for convolution in found),
    )


def _joined(parts: Iterable[Stage]) -> list[Stage]:
    """Parts without a stride joined to the stage before them."""
    stages: list[Stage] = []
    for part in parts:
        if stages and part.stride == 1:
            last = stages[-1]
            stages[-1] = Stage(last.stride, part.channels, last.log_width + part.log_width, last.depth + part.depth)
        else:
            stages.append(part)
    return stages


def _entropies(stages: Sequence[Stage], resolution: Resolution) -> list[float]:
    total, entropies = 0.0, []
    for stage in stages:
        resolution = out_size(resolution, stage.stride)
        total += stage.log_width
        entropies.append(math.log(positions(resolution) * stage.channels) * total)
    return entropies


def stage_entropies(chain: Chain, resolution: Resolution) -> list[float]:
    """H of every stage's last map, from the first stage on.

    Args:
        chain: the main path, in order.
        resolution: size of the input.
    """
    return _entropies(stages_of_chain(chain), resolution)


def depth_penalty(stages: Sequence[Stage]) -> float:
    """Q = exp(Var(L₁, …, L_M)) of the depths of the stages; 1 where all are equally deep.

    Args:
        stages: those of one network.
    """
    mean = sum(stage.depth for stage in stages) / len(stages)
    variance = sum((stage.depth - mean) ** 2 for stage in stages) / len(stages)
    return math.exp(min(variance, LARGEST_VARIANCE))


def _score(stages: Sequence[Stage], resolution: Resolution) -> float:
    entropies = _entropies(stages, resolution)
    entropy = math.fsum(entropies[:-1]) + LAST_STAGE_WEIGHT * entropies[-1]
    return entropy - DEPTH_PENALTY * depth_penalty(stages)


def deepmad_score(chain: Chain, resolution: Resolution) -> float:
    """Z = Σ αᵢ·Hᵢ − β·Q, with α = 8 for the last stage and 1 for the others, and β = 10.

    Args:
        chain: the main path, in order.
        resolution: size of the input.
    """
    return _score(stages_of_chain(chain), resolution)


def _many(networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution, settings: ScoreSettings) -> list[float]:
    return [_score(stages_of_blocks(blocks), resolution) for blocks in networks]


@register_score("deepmad", many=_many, takes_modules=True, source="Shen et al. 2023, DeepMAD, Section 4")
def deepmad(network: Network, resolution: Resolution, settings: ScoreSettings) -> Score:
    """DeepMAD's score of an architecture, whose super-blocks give its stages, or of a converted module.

    Args:
        network: an architecture or a converted module.
        resolution: size of the input.
        settings: not used.
    """
    started = time.perf_counter()
    if isinstance(network, Architecture):
        value = _score(stages_of_blocks(network.super_blocks), resolution)
    else:
        value = deepmad_score(network.chain, resolution)
    return Score(value, 0.0, (value, value), time.perf_counter() - started, name="deepmad")
