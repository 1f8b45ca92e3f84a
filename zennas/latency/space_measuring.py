"""Measuring networks that sample a search space, to learn a device from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.counting.count import Costs, count_super_blocks
from zennas.errors import BudgetError
from zennas.latency.sampling import sample_found, sample_network, smallest_flops
from zennas.latency.setting import Setting
from zennas.spaces.space import SearchSpace

SPREAD_SHARE = 2 / 3


def measure_space(
    path: Path,
    setting: Setting,
    space: SearchSpace,
    num_classes: int,
    plan: Any,
    seed: int = 0,
    watch: Callable[[int, float], None] | None = None,
) -> Any:
    """Measure networks that sample a space, into a file.

    The first `SPREAD_SHARE` of them are spread evenly over the space; the rest are what searches find that trust a
    model of those: the networks whose time it underestimates most.

    Args:
        path: file of measurements, gone on with where it exists.
        setting: how they are run; its resolution is that of the networks' input.
        space: the space.
        num_classes: outputs of the classifier, 0 for none.
        plan: a `zennas.latency.collect.Plan`: how many, and how long.
        seed: of the sequence of networks.
        watch: told after each network how many there are, and the seconds that went by.

    Returns:
        All that the file holds, a `zennas.latency.records.Measured`.

    Raises:
        LatencyError: as `zennas.latency.collect.collect`.
    """
    from zennas.latency.collect import collect

    resolution = setting.resolution
    smallest = smallest_flops(space, resolution, num_classes)

    def even(flops: tuple[float, float], number: int) -> tuple[SuperBlock, ...]:
        return sample_network(space, resolution, num_classes, flops, seed, number)

    spread = replace(plan, samples=round(SPREAD_SHARE * plan.samples), time_limit=SPREAD_SHARE * plan.time_limit)
    measured = collect(path, setting, space.name, num_classes, smallest, even, spread, seed, watch)
    rest = replace(plan, time_limit=(1 - SPREAD_SHARE) * plan.time_limit)
    later = None if watch is None else lambda networks, seconds: watch(networks, seconds + spread.time_limit)
    found = _found_by_searches(measured, space, seed) or even
    return collect(path, setting, space.name, num_classes, smallest, found, rest, seed, later)


def _found_by_searches(measured: Any, space: SearchSpace, seed: int) -> Any:
    """What samples networks that searches find with a model of those that were measured; `None` for too few."""
    from zennas.latency.collect import is_held_out
    from zennas.latency.fit import FEWEST_NETWORKS
    from zennas.latency.learn import learn_convolutions
    from zennas.latency.records import Corrected

    corrected = Corrected(measured)
    numbers = [number for number in corrected.numbers() if not is_held_out(number)]
    if len(numbers) < FEWEST_NETWORKS:
        return None
    resolution, num_classes = measured.header.setting.resolution, measured.header.num_classes
    predict = learn_convolutions(corrected, numbers, seed).predict

    def count(super_blocks: tuple[SuperBlock, ...]) -> Costs:
        return replace(count_super_blocks(super_blocks, resolution, num_classes), latency=predict(super_blocks))

    latencies = [corrected.latency(number) for number in numbers]
    bounds = (float(np.percentile(latencies, 10)), max(latencies))

    def found(flops: tuple[float, float], number: int) -> tuple[SuperBlock, ...]:
        try:
            return sample_found(space, resolution, num_classes, bounds, count, seed, number)
        except BudgetError:
            return sample_network(space, resolution, num_classes, flops, seed, number)

    return found
