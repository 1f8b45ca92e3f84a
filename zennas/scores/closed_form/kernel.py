"""The recursion of the closed form, convolution by convolution; `docs/closed-form.md` derives each step.

Each step is a function in a file of its own, and `state` says what is known between two convolutions.
"""

import math

import numpy as np

from zennas.blocks.tracing import AVERAGE_POOL, CONVOLUTION_RELU, MAX_POOL
from zennas.compiled import compiled, compiled_and_kept, compiled_in_place
from zennas.scores.chains import C_IN, C_OUT, GROUPS, HEIGHT, KERNEL, KIND, STRIDE
from zennas.scores.closed_form.activation import after_max_pool, moments_before, no_activation, relu, tilt_after
from zennas.scores.closed_form.correlation import correlation_after_dense, correlation_after_grouped
from zennas.scores.closed_form.fluctuation import (
    coherent_after_convolution,
    local_after_dense,
    local_after_grouped,
    noise_of_a_channel,
    passed_on,
)
from zennas.scores.closed_form.images import coherent_of_images, drift_of_images, unevenness_of_images, widen_images
from zennas.scores.closed_form.kept import (
    CHANNELS,
    COUNT,
    DELTA,
    GROUPS_BEFORE,
    KIND_BEFORE,
    LOCAL,
    MAP_HEIGHT,
    MAP_WIDTH,
    POOL_KERNEL,
    ROW,
    SPREAD,
    TILT,
    TOTAL,
    Prefixes,
    read_arrays,
    read_parts,
    write_arrays,
    write_parts,
)
from zennas.scores.closed_form.neighbours import (
    Tables,
    make_independent,
    neighbours_after_max,
    neighbours_after_relu,
    neighbours_after_stride,
)
from zennas.scores.closed_form.normalisation import batch_norm, spread_of_channels
from zennas.scores.closed_form.passes import (
    difference_after_activation,
    difference_after_convolution,
    log_difference,
    window_differences,
)
from zennas.scores.closed_form.pooling import Before, Pooled, after_average_pool, average_pool, max_pool
from zennas.scores.closed_form.state import (
    AVERAGE,
    INPUT,
    LINEAR,
    MAX,
    MEAN,
    RELU,
    Coherent,
    Correlation,
    IntMatrix,
    IntVector,
    Layer,
    LocalEnergy,
    Matrix,
    OwnEnergy,
    Vector,
    first_images,
    first_profile,
)
from zennas.scores.closed_form.variance import mean_energy

GEOMETRY = HEIGHT
"""Where the rows of a search have the height of a map, those of the kernel have the index of a geometry."""


@compiled
def layer_of(row: IntVector, height: int, width: int) -> Layer:
    """A row of a chain as a layer.

    Args:
        row: see the names of its columns.
        height: of the map that it reads.
        width: of that map.
    """
    stride, groups = row[STRIDE], row[GROUPS]
    return Layer(
        row[C_IN],
        row[C_OUT],
        row[C_IN] // groups,
        row[KERNEL],
        stride,
        groups,
        height,
        width,
        (height + stride - 1) // stride,
        (width + stride - 1) // stride,
    )


@compiled_in_place
def score_chain(
    rows: IntMatrix,
    height: int,
    width: int,
    batch: int,
    alpha: float,
    weight: Vector,
    normal_score: Vector,
    geometry: Matrix,
    pools: Matrix,
    logs: Vector,
    neighbours: Tables | None,
    overlaps: Tables | None,
    before: Vector,
    marks: IntVector,
    states: Matrix,
) -> float:
    """Expected Zen-score of one chain; fills `logs` with the expected ½·log σ̄² of every convolution.

    Args:
        rows: n×7, one row a layer, see the names of the columns.
        height: of the input, in pixels.
        width: of the input, in pixels.
        batch: images over which the batch norms take their statistics.
        alpha: size of the perturbation, relative to the input.
        weight: share of the batch in each class of images, see `geometry.image_classes`.
        normal_score: mean normal score of each class.
        geometry: rows of `geometry_row`, indexed by the GEOMETRY column.
        pools: mean and variance of a max pool's output, by kernel.
        logs: one number a convolution, written.
        neighbours: see the file of that name, overwritten; `None` for a chain without average pools, for which nothing
            of them is compiled.
        overlaps: see `geometry.max_correlations`; `None` where `neighbours` is.
        before: a state (`kept`) to go on from, of a chain with the same rows up to there; 0s to begin with the input.
        marks: rows before which the state is to be kept, in ascending order.
        states: one for each mark, written.
    """
    images = first_images(weight, normal_score)
    delta = 1 - 1 / math.sqrt(1 + alpha * alpha)
    profile = first_profile(height, width, delta)
    means = np.zeros((len(profile), len(MEAN)))
    local, own = LocalEnergy(0.0, 0.0, 0.0), OwnEnergy(0.0, 0.0, 0.0, 0.0)
    correlation, coherent = Correlation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), Coherent(0.0, 0.0, 0.0)
    spread = tilt = total = 0.0
    groups_before = channels = 1.0
    correlated = False
    if neighbours is not None:
        make_independent(neighbours)
    pooled = Pooled(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, local, own, correlation, coherent)
    kind, pool_kernel, count, first, mark = INPUT, 0, 0, int(before[ROW]), 0
    if first > 0:
        height, width = int(before[MAP_HEIGHT]), int(before[MAP_WIDTH])
        read_arrays(before, images, profile, height, width)
        local, own, correlation, coherent = read_parts(before)
        delta, spread, tilt, total = before[DELTA], before[SPREAD], before[TILT], before[TOTAL]
        groups_before, channels = before[GROUPS_BEFORE], before[CHANNELS]
        kind, pool_kernel, count = int(before[KIND_BEFORE]), int(before[POOL_KERNEL]), int(before[COUNT])
    for index in range(first, len(rows)):
        if mark < len(marks) and index == marks[mark]:
            state = states[mark]
            state[ROW], state[MAP_HEIGHT], state[MAP_WIDTH], state[COUNT] = index, height, width, count
            state[DELTA], state[SPREAD], state[TILT], state[TOTAL] = delta, spread, tilt, total
            state[GROUPS_BEFORE], state[CHANNELS] = groups_before, channels
            state[KIND_BEFORE], state[POOL_KERNEL] = kind, pool_kernel
            write_parts(state, local, own, correlation, coherent)
            write_arrays(state, images, profile, height, width)
            mark += 1
        layer, table = layer_of(rows[index], height, width), geometry[rows[index, GEOMETRY]]
        if rows[index, KIND] == MAX_POOL:
            max_pool(profile, layer)
            if neighbours is not None and overlaps is not None:
                neighbours_after_max(neighbours, layer, overlaps)
                correlated = layer.kernel > layer.stride
            height, width, kind, pool_kernel = layer.out_height, layer.out_width, MAX, layer.kernel
            continue
        # What the activation before the convolution does.
        fluctuation = 1 + (local.smooth + local.white) + (own.image + own.smooth + own.white)
        moments = moments_before(images, profile, means, height, width, fluctuation, spread)
        if kind == RELU:
            activation = relu(images, moments, layer, spread, tilt)
            if neighbours is not None and correlated:
                neighbours_after_relu(neighbours)
            grouped_next = index + 1 < len(rows) and rows[index + 1, GROUPS] > 1
            tilt = tilt_after(activation, moments, layer) if grouped_next else 0.0
        elif kind == MAX:
            activation, tilt = after_max_pool(images, moments, pools[pool_kernel, 0], pools[pool_kernel, 1]), 0.0
        else:
            square = (3 * fluctuation / (1 + spread) - fluctuation) * moments.image_square if kind == LINEAR else 2.0
            activation, tilt = no_activation(images, moments, square), 0.0
        if neighbours is not None and kind == AVERAGE:
            activation = after_average_pool(images, moments, pooled)
        # 1. Expected variance.
        difference_after_activation(profile, means, height, width, activation.rectified)
        if neighbours is not None and rows[index, KIND] == AVERAGE_POOL:
            unpooled = Before(local, own, correlation, coherent)
            pooled = average_pool(images, profile, means, unpooled, activation, moments, neighbours, layer, table)
            delta, kind, tilt = pooled.difference, AVERAGE, 0.0
            height, width = layer.out_height, layer.out_width
            correlated = correlated or layer.kernel > layer.stride
            local, own, correlation, coherent = pooled.local, pooled.own, pooled.correlation, pooled.coherent
            continue
        window_differences(profile, means, layer)
        energy = mean_energy(profile, means, layer, activation.second_moment, activation.profile_mean)
        # 2. and 3. Fluctuations within an image, and correlations.
        passed = passed_on(local, own, activation)
        drift = drift_of_images(images, local, activation, moments, float(height * width))
        noise = noise_of_a_channel(local, correlation, coherent, activation, moments)
        coherent = coherent_after_convolution(local, coherent, activation, moments, layer.kernel, table)
        averaged, common = groups_before, 0.0
        if layer.groups == 1:
            local, common = local_after_dense(passed, noise, own.length2, averaged, layer, table)
            own = OwnEnergy(0.0, 0.0, 0.0, 0.0)
            correlation = correlation_after_dense(correlation, activation, averaged, layer, table)
        else:
            averaged = 1.0
            local, own = local_after_grouped(passed, noise, own.length2, layer, table)
            correlation = correlation_after_grouped(correlation, activation, layer, table)
        groups_before = float(layer.groups)
        # 4. Images.
        coherent_of_images(images, activation, layer.kernel, table)
        square, scatter = unevenness_of_images(
            images, passed, noise, activation, moments, averaged, layer, table, drift
        )
        if common > 0 and batch > 1:
            widen_images(images, common + drift.noise, square, scatter)
        height, width, channels = layer.out_height, layer.out_width, float(layer.out_channels)
        normalised = batch_norm(images, local, own, coherent, float(height * width), batch)
        local, own, coherent = normalised.local, normalised.own, normalised.coherent
        # 5. Difference of the passes, and the spread of a channel's variance between channels.
        others = normalised.others
        delta = difference_after_convolution(profile, means, energy, layer, correlation, others)
        spread = spread_of_channels(normalised, correlation, float(batch) * height * width)
        logs[count] = 0.5 * math.log(layer.fan * energy) - spread / (4 * channels)
        total += logs[count]
        count += 1
        if neighbours is not None and correlated and layer.stride > 1:
            neighbours_after_stride(neighbours, layer.stride)
        kind = RELU if rows[index, KIND] == CONVOLUTION_RELU else LINEAR
    signs = 2.0 if kind in (LINEAR, AVERAGE) else 1.0
    outputs = channels * height * width * signs
    return total + log_difference(images, profile, means, local, own, delta, outputs, height, width)


@compiled_and_kept
def score_chains(
    rows: IntMatrix,
    starts: IntVector,
    height: int,
    width: int,
    batch: int,
    alpha: float,
    weight: Vector,
    normal_score: Vector,
    geometry: Matrix,
    pools: Matrix,
    scores: Vector,
    logs: Vector,
    neighbours: Tables | None,
    overlaps: Tables | None,
    prefixes: Prefixes,
) -> None:
    """Fill `scores` with the scores of the chains `rows[starts[i]:starts[i + 1]]`.

    Args:
        rows: n×7, the rows of all chains, one after the other.
        starts: first row of every chain, and the number of rows.
        height: of the input, in pixels.
        width: of the input, in pixels.
        batch: images over which the batch norms take their statistics.
        alpha: size of the perturbation, relative to the input.
        weight: share of the batch in each class of images, see `geometry.image_classes`.
        normal_score: mean normal score of each class.
        geometry: rows of `geometry_row`, indexed by the GEOMETRY column.
        pools: mean and variance of a max pool's output, by kernel.
        scores: one number a chain, written.
        logs: one number a row, written: a chain's expected ½·log σ̄² of every convolution, from its first row on.
        neighbours: see the file of that name, overwritten; `None` if no chain has an average pool.
        overlaps: see `geometry.max_correlations`; `None` where `neighbours` is.
        prefixes: what the chains have in common with those that were scored before; `logs` is written after it.
    """
    beginning = np.zeros(LOCAL)
    for i in range(len(starts) - 1):
        chain, parts = rows[starts[i] : starts[i + 1]], logs[starts[i] : starts[i + 1]]
        unchanged, last = 0, prefixes.lengths[i] - 1
        if prefixes.slots[i] >= 0:
            unchanged = prefixes.unchanged[i]
        marks = prefixes.marks[: max(0, last - unchanged)]
        for mark in range(len(marks)):
            marks[mark] = prefixes.ends[i, unchanged + mark] - starts[i] - 1
        scores[i] = score_chain(
            chain,
            height,
            width,
            batch,
            alpha,
            weight,
            normal_score,
            geometry,
            pools,
            parts,
            neighbours,
            overlaps,
            prefixes.kept[prefixes.slots[i], unchanged - 1] if unchanged > 0 else beginning,
            marks,
            prefixes.fresh[i, unchanged:],
        )
