"""Measuring networks that sample a search space, to learn a device from."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.counting import Costs, count_super_blocks
from zennas.errors import BudgetError, TooLargeError
from zennas.latency.enough import Enough, Predict, is_held_out
from zennas.latency.progress import LAYOUT, NETWORKS, Watch, Work, work
from zennas.latency.records import Corrected, Measured, has_records, read_records
from zennas.latency.sampling import sample_found, sample_network, smallest_flops
from zennas.latency.setting import Setting, on_this_machine, possible_layouts
from zennas.layouts import AUTO
from zennas.spaces.space import SearchSpace

SPREAD_SHARE = 2 / 3
LAYOUT_NETWORKS = 5
LAYOUT_STEP = 4.0
"""Networks that are tried in both layouts, and how many times as many multiply-adds each has as the last."""

Even = Callable[[tuple[float, float], int], tuple[SuperBlock, ...]]


def measure_space(
    path: Path,
    setting: Setting,
    space: SearchSpace,
    num_classes: int,
    plan: Any,
    seed: int = 0,
    watch: Watch | None = None,
) -> Measured:
    """Measure networks that sample a space, into a file.

    The first `SPREAD_SHARE` of them are spread evenly over the space, as many as the plan and the rule of
    `zennas.latency.enough` say; the rest are what searches find that trust a model of those: the networks whose time it
    underestimates most.

    Args:
        path: file of measurements, gone on with where it exists.
        setting: how they are run; its resolution is that of the networks' input.
        space: the space.
        num_classes: outputs of the classifier, 0 for none.
        plan: a `zennas.latency.collect.Plan`: how many, how long, and in which layout.
        seed: of the sequence of networks.
        watch: told how far it is after each network.

    Returns:
        All that the file holds.

    Raises:
        LatencyError: as `zennas.latency.collect.collect`.
    """
    from zennas.latency.collect import collect

    resolution = setting.resolution
    smallest = smallest_flops(space, resolution, num_classes)

    def even(flops: tuple[float, float], number: int) -> tuple[SuperBlock, ...]:
        return sample_network(space, resolution, num_classes, flops, seed, number)

    began = time.perf_counter()
    setting = _laid_out(path, setting, num_classes, smallest, even, plan, watch)
    plan = replace(plan, time_limit=plan.time_limit - (time.perf_counter() - began))
    spread = replace(plan, samples=round(SPREAD_SHARE * plan.samples), time_limit=SPREAD_SHARE * plan.time_limit)
    enough = Enough(plan.fewest, lambda measured: _learned(measured, seed)) if plan.fewest < spread.samples else None
    began = time.perf_counter()
    watch = None if watch is None else _until_the_end(watch, plan, began)
    measured = collect(path, setting, space.name, num_classes, smallest, even, spread, seed, watch, enough)
    rest = replace(plan, time_limit=plan.time_limit - (time.perf_counter() - began))
    predict: Predict | None = None
    if enough is not None and enough.ended:
        assert enough.latest is not None
        predict, networks = enough.latest
        rest = replace(rest, samples=round(networks / SPREAD_SHARE))
        measured = measured.first(networks)  # what a search follows from is the same where it is gone on with
    found = _found_by_searches(measured, space, seed, predict) or even
    return collect(path, setting, space.name, num_classes, smallest, found, rest, seed, watch)


def _until_the_end(watch: Watch, plan: Any, began: float) -> Watch:
    """A watcher that tells another the time left until all networks are measured, not those of a part alone."""
    before: int | None = None

    def later(part: Work) -> None:
        nonlocal before
        if part.phase == NETWORKS:
            before = int(part.done) - 1 if before is None else before
            seconds = time.perf_counter() - began
            late = seconds / max(1, int(part.done) - before) * (plan.least - part.done)
            limit = max(plan.time_limit, seconds + late)
            part = work(NETWORKS, part.done, plan.samples, seconds, limit, before)
        watch(part)

    return later


def _laid_out(
    path: Path, setting: Setting, num_classes: int, smallest: float, even: Even, plan: Any, watch: Watch | None
) -> Setting:
    """The setting in the layout that the plan asks for."""
    if plan.layout is None:
        return setting
    if plan.layout != AUTO:
        return replace(setting, layout=plan.layout)
    if len(possible_layouts(setting.backend)) == 1:
        return setting
    if has_records(path):
        return replace(setting, layout=read_records(path).header.setting.layout)
    from zennas.latency.layout import faster_layout

    networks = _in_both_layouts(setting, num_classes, smallest, even, plan, watch)
    return replace(setting, layout=faster_layout(networks) or setting.layout)


def _in_both_layouts(
    setting: Setting, num_classes: int, smallest: float, even: Even, plan: Any, watch: Watch | None
) -> Iterator[Mapping[str, Any]]:
    """Measurements of a few networks by layout, each with `LAYOUT_STEP` times the multiply-adds of the last, up to the
    first that is slower than wanted or does not fit the memory."""
    from zennas.latency.collect import PROBE_RANGE
    from zennas.latency.layout import fastest, measured_layouts
    from zennas.latency.measure import FEWEST_BATCHES

    setting, most, began = on_this_machine(setting), plan.max_latency, time.perf_counter()
    for number in range(LAYOUT_NETWORKS):
        flops = smallest * LAYOUT_STEP ** (number + 1)
        architecture = Architecture(even((flops, flops), number))
        try:
            found = measured_layouts(architecture, setting, num_classes, 2 * FEWEST_BATCHES, plan.network_seconds)
        except TooLargeError:
            return
        yield found
        if watch is not None:
            watch(work(LAYOUT, number + 1, LAYOUT_NETWORKS, time.perf_counter() - began))
        most = most or PROBE_RANGE * fastest(found).latency
        if fastest(found).latency > most:
            return


def _learned(measured: Measured, seed: int) -> Predict:
    from zennas.latency.learn import learn_convolutions

    corrected = Corrected(measured)
    numbers = [number for number in corrected.numbers() if not is_held_out(number)]
    return learn_convolutions(corrected, numbers, seed).predict


def _found_by_searches(measured: Measured, space: SearchSpace, seed: int, predict: Predict | None) -> Even | None:
    """What samples networks that searches find with a model of those that were measured; `None` for too few.

    Args:
        measured: the networks.
        space: what is sampled.
        seed: of the sequence.
        predict: such a model, where there is one already.
    """
    from zennas.latency.fit import FEWEST_NETWORKS

    corrected = Corrected(measured)
    numbers = [number for number in corrected.numbers() if not is_held_out(number)]
    if len(numbers) < FEWEST_NETWORKS:
        return None
    resolution, num_classes = measured.header.setting.resolution, measured.header.num_classes
    seconds = predict or _learned(measured, seed)

    def count(super_blocks: tuple[SuperBlock, ...]) -> Costs:
        return replace(count_super_blocks(super_blocks, resolution, num_classes), latency=seconds(super_blocks))

    latencies = [corrected.latency(number) for number in numbers]
    bounds = (float(np.percentile(latencies, 10)), max(latencies))

    def found(flops: tuple[float, float], number: int) -> tuple[SuperBlock, ...]:
        try:
            return sample_found(space, resolution, num_classes, bounds, count, seed, number)
        except BudgetError:
            return sample_network(space, resolution, num_classes, flops, seed, number)

    return found
