"""The expected Zen-score of architectures and chains."""

import math
import time
from collections.abc import Container, Mapping, Sequence
from functools import lru_cache, singledispatch

import numpy as np
import numpy.typing as npt

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.chain import Chain, architecture_chain, convolutions, super_block_chain
from zennas.blocks.layers import AveragePool, Convolution, Layer, MaxPool
from zennas.blocks.registry import kept_by_block
from zennas.blocks.tracing import AVERAGE_POOL, CONVOLUTION, CONVOLUTION_RELU, MAX_POOL
from zennas.counting import native_resolution, smallest_resolution
from zennas.errors import ScoreError
from zennas.input_size import MAX_RESOLUTION, GivenResolution, Resolution, read_resolution, sides, size_of
from zennas.scores.chains import HEIGHT, KERNEL, KIND, STRIDE, WIDTH, Chains, ChainScorer
from zennas.scores.closed_form.geometry import LARGEST_MAX, geometry_row, image_classes, max_correlations, max_moments
from zennas.scores.closed_form.kept import Prefixes, no_prefixes, state_length
from zennas.scores.closed_form.kernel import GEOMETRY, score_chains
from zennas.scores.closed_form.neighbours import LAGS
from zennas.scores.closed_form.state import MAX_KERNEL, IntMatrix, IntVector, Vector
from zennas.scores.network_rows import gathered
from zennas.scores.result import Score

ALPHA = 0.01
BATCH_SIZE = 16


MODEL_ERROR_DENSE = 0.003
MODEL_ERROR_GROUPED = 0.0024
"""Root mean square of the relative difference to the Monte Carlo mean over the networks of `docs/benchmarks.md`,
of chains with dense convolutions only, and of chains with grouped or depthwise ones."""


def meanfield_score(
    network: Architecture | Chain, resolution: GivenResolution | None = None, *, batch_size: int = BATCH_SIZE
) -> Score:
    """The expected Zen-score, without a forward pass.

    Its `std_error` is the error of the model, measured against Monte Carlo, not a sampling error. Its
    `contributions` are the expected ½·log σ̄² of every convolution.

    Args:
        network: an architecture, or a chain of convolutions and of max and average pools.
        resolution: size of the input: the side of a square, `"320x192"` or (height, width); by default the
            architecture's own.
        batch_size: images over which the batch norms that are predicted take their statistics.

    Raises:
        ScoreError: a convolution without batch norm, or an activation other than ReLU or none.
        ArchitectureError: an unknown block type or no resolution.
    """
    started = time.perf_counter()
    if isinstance(network, Architecture):
        size = native_resolution(network, resolution)
        smallest = smallest_resolution(network)
        if min(sides(size)) < smallest:
            raise ScoreError(f"resolution {size} is too small for the strides; use {smallest} or more")
        chain = architecture_chain(network)
    elif resolution is None:
        raise ScoreError("a chain of convolutions has no resolution of its own; give one")
    else:
        chain, size = tuple(network), read_resolution(resolution)
    rows, _ = _rows(chain, size)
    scores, logs = _scored(rows, [0, len(rows)], size, batch_size)
    value = float(scores[0])
    if not math.isfinite(value):
        raise ScoreError(f"the meanfield score came out as {value}: numerically meaningless for this network")
    found = convolutions(chain)
    grouped = any(convolution.groups > 1 for convolution in found)
    error = abs(value) * (MODEL_ERROR_GROUPED if grouped else MODEL_ERROR_DENSE)
    return Score(
        value,
        error,
        (value - 1.96 * error, value + 1.96 * error),
        time.perf_counter() - started,
        name="meanfield",
        contributions=tuple(logs[: len(found)].tolist()),
    )


def meanfield_many(
    networks: Sequence[tuple[SuperBlock, ...]], resolution: Resolution, batch_size: int = BATCH_SIZE
) -> list[float]:
    """Bare scores of many networks, as a search needs them: what a super-block stands for is remembered.

    Args:
        networks: super-blocks of every network, first to last; at least one network.
        resolution: size of the input in pixels: its side, or height and width.
        batch_size: images over which the batch norms that are predicted take their statistics.

    Raises:
        ScoreError: a convolution without batch norm, or an activation other than ReLU or none.
    """
    result: list[float] = _scored(*gathered(networks, resolution, _super_block_rows), resolution, batch_size)[
        0
    ].tolist()
    return result


class MeanfieldScorer(ChainScorer):
    """Scores a search's rounds: what a network has in common with its parent is computed once, with the same result."""

    def __init__(self, resolution: Resolution, parents: int, batch_size: int = BATCH_SIZE) -> None:
        """A scorer that has scored nothing yet.

        Args:
            resolution: size of the input in pixels: its side, or height and width.
            parents: candidates of which something is kept, at most.
            batch_size: images over which the batch norms that are predicted take their statistics.
        """
        self._resolution, self._batch_size = resolution, batch_size
        self._length = state_length(resolution, len(image_classes(batch_size)[0]))
        self._kept = np.empty((parents, 0, self._length))
        self._slots: dict[int, int] = {}
        self._free = list(range(parents))
        self._last: tuple[Chains, Prefixes] | None = None

    def score(self, chains: Chains) -> list[float]:
        """The scores of a round's networks, in order."""
        chains = chains.without_gates()
        columns = chains.rows
        geometry = _TABLE.indices(columns[:, HEIGHT], columns[:, WIDTH], columns[:, KERNEL], columns[:, STRIDE])
        rows = np.concatenate([columns[:, :GEOMETRY], geometry[:, None]], axis=1)
        if (rows[:, KIND] == AVERAGE_POOL).any():
            # The correlations that average pools leave are no part of the state that is kept.
            self._last = None
            return _listed(_scored(rows, chains.starts, self._resolution, self._batch_size)[0])
        longest, count = chains.ends.shape[1], len(chains.lengths)
        if longest > self._kept.shape[1]:
            more = np.empty((len(self._kept), longest - self._kept.shape[1], self._length))
            self._kept = np.concatenate([self._kept, more], axis=1)
        slots = np.array([self._slots.get(parent, -1) for parent in chains.parents.tolist()], dtype=np.int64)
        prefixes = Prefixes(
            self._kept,
            slots,
            chains.unchanged,
            chains.ends,
            chains.lengths,
            np.empty(longest, dtype=np.int64),
            np.empty((count, longest, self._length)),
        )
        self._last = chains, prefixes
        return _listed(_scored(rows, chains.starts, self._resolution, self._batch_size, prefixes)[0])

    def keep(self, ids: Mapping[int, int], alive: Container[int]) -> None:
        """Keep the states of candidates that may become parents.

        Args:
            ids: of networks of the last round that became candidates, by their place in it.
            alive: ids of all candidates that may be parents.
        """
        if self._last is not None:
            chains, prefixes = self._last
            for place, number in ids.items():
                if number in alive and self._free:
                    slot = self._slots[number] = self._free.pop()
                    parent, length = int(prefixes.slots[place]), int(chains.lengths[place])
                    unchanged = int(chains.unchanged[place]) if parent >= 0 else 0
                    self._kept[slot, :unchanged] = self._kept[parent, :unchanged]
                    self._kept[slot, unchanged:length] = prefixes.fresh[place, unchanged:length]
        self._last = None
        for number in [number for number in self._slots if number not in alive]:
            self._free.append(self._slots.pop(number))


def _listed(scores: Vector) -> list[float]:
    result: list[float] = scores.tolist()
    return result


def _scored(
    rows: IntMatrix,
    starts: list[int] | IntVector,
    resolution: Resolution,
    batch_size: int,
    prefixes: Prefixes | None = None,
) -> tuple[Vector, Vector]:
    """Scores of the chains `rows[starts[i]:starts[i + 1]]`, and the expected ½·log σ̄² of their convolutions."""
    scores, logs = np.empty(len(starts) - 1), np.zeros(len(rows))
    weight, normal_score = image_classes(batch_size)
    averages = bool((rows[:, KIND] == AVERAGE_POOL).any())
    score_chains(
        rows,
        np.array(starts),
        *sides(resolution),
        batch_size,
        ALPHA,
        weight,
        normal_score,
        _TABLE.array(),
        _pools(rows[rows[:, KIND] == MAX_POOL, KERNEL]),
        scores,
        logs,
        np.empty((2, LAGS, LAGS)) if averages else None,
        max_correlations() if averages else None,
        prefixes or no_prefixes(len(starts) - 1),
    )
    return scores, logs


_STRIDES = 64
"""Above any stride of a layer that a traced chain can have."""
_SIDES = MAX_RESOLUTION + 1


class _GeometryTable:
    """All geometries met so far, one row each; rows keep their index for ever."""

    def __init__(self) -> None:
        self._index: dict[tuple[Resolution, int, int], int] = {}
        self._rows: list[npt.NDArray[np.float64]] = []
        self._array = np.empty((0, 0))
        self._dense = np.empty(0, dtype=np.int64)

    def index(self, size: Resolution, kernel: int, stride: int) -> int:
        key = (size, kernel, stride)
        if key not in self._index:
            self._rows.append(geometry_row(*sides(size), kernel, stride))
            self._index[key] = len(self._rows) - 1
        return self._index[key]

    def indices(self, heights: IntVector, widths: IntVector, kernels: IntVector, strides: IntVector) -> IntVector:
        """`index` of many."""
        if (heights != widths).any():
            return self._other_indices(heights, widths, kernels, strides)
        keys = (heights * (MAX_KERNEL + 1) + kernels) * _STRIDES + strides
        known = len(self._dense)
        highest = int(keys.max()) if len(keys) else 0
        if highest >= known:
            self._dense = np.concatenate([self._dense, np.full(highest + 1 - known, -1, dtype=np.int64)])
        found = self._dense[keys]
        if (found < 0).any():
            for key in np.unique(keys[found < 0]).tolist():
                side_and_kernel, stride = divmod(key, _STRIDES)
                side, kernel = divmod(side_and_kernel, MAX_KERNEL + 1)
                self._dense[key] = self.index(side, kernel, stride)
            found = self._dense[keys]
        indices: IntVector = found
        return indices

    def _other_indices(
        self, heights: IntVector, widths: IntVector, kernels: IntVector, strides: IntVector
    ) -> IntVector:
        """`indices` of maps that are not square, of which there are too many for a table of all that could be."""
        keys, places = np.unique(
            ((heights * _SIDES + widths) * (MAX_KERNEL + 1) + kernels) * _STRIDES + strides, return_inverse=True
        )
        found = []
        for key in keys.tolist():
            rest, stride = divmod(key, _STRIDES)
            rest, kernel = divmod(rest, MAX_KERNEL + 1)
            found.append(self.index(size_of(*divmod(rest, _SIDES)), kernel, stride))
        indices: IntVector = np.array(found, dtype=np.int64)[places]
        return indices

    def array(self) -> npt.NDArray[np.float64]:
        if len(self._array) != len(self._rows):
            self._array = np.stack(self._rows)
        return self._array


_TABLE = _GeometryTable()


def _pools(kernels: IntVector) -> npt.NDArray[np.float64]:
    """Mean and variance after a max pool, by its kernel (0 to 8): those of the kernels that are met."""
    table = np.tile((0.0, 1.0), (LARGEST_MAX + 1, 1))
    for kernel in set(kernels.tolist()):
        table[kernel] = max_moments(kernel * kernel)
    return table


@kept_by_block(maxsize=1 << 17)
def _super_block_rows(block: SuperBlock, resolution: Resolution) -> tuple[IntMatrix, Resolution]:
    chain = super_block_chain(block)
    first, size = _rows(chain.first, resolution)
    if not chain.repeats:
        return first, size
    rest, size = _rows(chain.rest, size)
    return np.concatenate([first, *[rest] * chain.repeats]), size


@lru_cache(maxsize=1 << 16)
def _rows(chain: Chain, resolution: Resolution) -> tuple[IntMatrix, Resolution]:
    """The chain as the kernel reads it, and the size of its output. Raises `ScoreError` for what it cannot say."""
    rows: list[Row] = []
    for layer in chain:
        rows += closed_form_rows(layer, resolution)
        resolution = layer.out_resolution(resolution)
    return np.array(rows, dtype=np.int64).reshape(-1, GEOMETRY + 1), resolution


Row = tuple[int, int, int, int, int, int, int]
"""Channels in and out, kernel, stride, groups, what the kernel does with it, and the index of its geometry."""


@singledispatch
def closed_form_rows(layer: Layer, resolution: Resolution) -> Sequence[Row]:
    """A layer as the kernel reads it. A kind of layer registers its own by its class; one that leaves the moments of a
    map as they are has no row.

    Args:
        layer: of a chain.
        resolution: size of the input.

    Raises:
        ScoreError: the closed form does not know the layer.
    """
    raise ScoreError(f"the closed form does not know {layer.name}; the score zen (Monte Carlo) does")


@closed_form_rows.register
def _max_pool(layer: MaxPool, resolution: Resolution) -> Sequence[Row]:
    kernel = layer.kernel
    if kernel > LARGEST_MAX:
        raise ScoreError(f"the closed form handles max pools up to {LARGEST_MAX}×{LARGEST_MAX}, not {kernel}×{kernel}")
    geometry = _TABLE.index(resolution, kernel, layer.stride)
    return [(layer.channels, layer.channels, kernel, layer.stride, 1, MAX_POOL, geometry)]


@closed_form_rows.register
def _average_pool(layer: AveragePool, resolution: Resolution) -> Sequence[Row]:
    kernel = layer.kernel
    if kernel > MAX_KERNEL:
        raise ScoreError(
            f"the closed form handles average pools up to {MAX_KERNEL}×{MAX_KERNEL}, not {kernel}×{kernel}"
        )
    geometry = _TABLE.index(resolution, kernel, layer.stride)
    return [(layer.channels, layer.channels, kernel, layer.stride, 1, AVERAGE_POOL, geometry)]


@closed_form_rows.register
def _convolution(layer: Convolution, resolution: Resolution) -> Sequence[Row]:
    kind = _kind(layer)
    geometry = _TABLE.index(resolution, layer.kernel, layer.stride)
    return [(layer.in_channels, layer.out_channels, layer.kernel, layer.stride, layer.groups, kind, geometry)]


def _kind(layer: Convolution) -> int:
    if not layer.norm:
        raise ScoreError("the closed form needs a batch norm after every convolution; one of this chain has none")
    if layer.activation not in ("relu", None):
        raise ScoreError(f"the closed form knows ReLU or no activation, not {layer.activation}")
    if layer.kernel > MAX_KERNEL:
        raise ScoreError(f"the closed form handles kernels up to {MAX_KERNEL}, not {layer.kernel}")
    return CONVOLUTION_RELU if layer.activation == "relu" else CONVOLUTION
