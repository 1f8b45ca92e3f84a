"""The Zen-score of a backbone for dense tasks: that of its stages' maps, weighed (Sun et al. 2022, MAE-DET).

A detector or a segmenter reads the last maps of strides 8, 16 and 32, not the pooled one. The score is the weighed sum
of the closed-form Zen-scores of the chains that end there, with the weights of MAE-DET's Section 3.3, 1, 1 and 6.
"""

import time
from collections.abc import Container, Mapping, Sequence

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.errors import ScoreError
from zennas.input_size import Resolution, out_size, sides
from zennas.scores.chains import HEIGHT, STRIDE, WIDTH, Chains, ChainScorer, Integers
from zennas.scores.closed_form import MeanfieldScorer, meanfield_many, meanfield_score
from zennas.scores.registry import ScoreSettings, register_score
from zennas.scores.result import Score

STRIDES = (8, 16, 32)
WEIGHTS = (1, 1, 6)
SCORE = "meanfield-dense"


def stages(super_blocks: tuple[SuperBlock, ...]) -> list[tuple[SuperBlock, ...]]:
    """The beginnings of a network that make its last maps of `STRIDES`. Raises `ScoreError` where one is missing."""
    reductions = np.cumprod([block.stride for block in super_blocks]).tolist()
    missing = [stride for stride in STRIDES if stride not in reductions]
    if missing:
        raise ScoreError(
            f"the {SCORE} score weighs the maps of strides {', '.join(map(str, STRIDES))}, and the network has none of "
            f"{missing[0]}; search at a resolution of 64 or more"
        )
    return [super_blocks[: len(reductions) - reductions[::-1].index(stride)] for stride in STRIDES]


def _weighed(scores: Sequence[float]) -> float:
    return sum(weight * score for weight, score in zip(WEIGHTS, scores, strict=True))


def _many(networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution, settings: ScoreSettings) -> list[float]:
    scores = meanfield_many([stage for network in networks for stage in stages(network)], resolution)
    return [_weighed(scores[start : start + len(STRIDES)]) for start in range(0, len(scores), len(STRIDES))]


class MultiScaleScorer(ChainScorer):
    """Scores a search's rounds: one scorer a stage, each of which computes once what networks share."""

    def __init__(self, resolution: Resolution, parents: int) -> None:
        """A scorer that has scored nothing yet.

        Args:
            resolution: size of the input.
            parents: candidates of which something is kept, at most.
        """
        self._sides = [_side(resolution, stride) for stride in STRIDES]
        self._scorers = [MeanfieldScorer(resolution, parents) for _ in STRIDES]

    def score(self, chains: Chains) -> list[float]:
        """The scores of a round's networks, in order."""
        if not len(chains.lengths):
            return []
        chains = chains.without_gates()
        # What stands behind a network's last super-block is of no network.
        last = np.clip(chains.ends - 1, 0, len(chains.rows) - 1)
        longer = np.maximum(chains.rows[last, HEIGHT], chains.rows[last, WIDTH])
        after = -(-longer // chains.rows[last, STRIDE])
        inside = np.arange(chains.ends.shape[1]) < chains.lengths[:, None]
        by_stage = [
            scorer.score(_beginnings(chains, ((after >= side) & inside).sum(axis=1)))
            for side, scorer in zip(self._sides, self._scorers, strict=True)
        ]
        return [_weighed(scores) for scores in zip(*by_stage, strict=True)]

    def keep(self, ids: Mapping[int, int], alive: Container[int]) -> None:
        """Keep what the stages of candidates have that may become parents.

        Args:
            ids: of networks of the last round that became candidates, by their place in it.
            alive: ids of all candidates that may be parents.
        """
        for scorer in self._scorers:
            scorer.keep(ids, alive)


def _side(resolution: Resolution, stride: int) -> int:
    """The longer side of the map of that stride."""
    for _ in range(stride.bit_length() - 1):
        resolution = out_size(resolution, 2)
    return max(sides(resolution))


def _beginnings(chains: Chains, lengths: Integers) -> Chains:
    """The chains of the first super-blocks of each network, as many as `lengths` says."""
    before = chains.starts[:-1]
    counts = chains.ends[np.arange(len(lengths)), lengths - 1] - before
    starts = np.concatenate([[0], np.cumsum(counts)])
    inside = np.concatenate([np.arange(start, start + count) for start, count in zip(before, counts, strict=True)])
    return Chains(
        chains.rows[inside],
        starts,
        np.ascontiguousarray(chains.ends[:, : lengths.max()] + (starts[:-1] - before)[:, None]),
        lengths,
        chains.parents,
        # A scorer computes one super-block of each chain at least.
        np.minimum(chains.unchanged, lengths - 1),
    )


@register_score(
    SCORE,
    many=_many,
    chains=lambda resolution, settings, parents: MultiScaleScorer(resolution, parents),
    source="Sun et al. 2022, MAE-DET, with the closed-form Zen-score",
)
def multi_scale(architecture: Architecture, resolution: Resolution, settings: ScoreSettings) -> Score:
    """The score of an architecture, whose super-blocks say where its stages end; see this file's head."""
    started = time.perf_counter()
    scores = [meanfield_score(Architecture(stage), resolution) for stage in stages(architecture.super_blocks)]
    value, error = _weighed([s.score for s in scores]), _weighed([s.std_error for s in scores])
    interval = (value - 1.96 * error, value + 1.96 * error)
    return Score(value, error, interval, time.perf_counter() - started, name=SCORE)
