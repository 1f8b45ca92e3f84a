"""Measuring a sequence of networks and their single layers. Needs torch."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.layers import TimedLayer
from zennas.errors import LatencyError, TooLargeError
from zennas.latency.backends import check_supported
from zennas.latency.drift import reference, reference_seconds
from zennas.latency.layers import layer_alone, network_layers
from zennas.latency.measure import BATCHES, FEWEST_BATCHES, measure, measure_module
from zennas.latency.records import Header, Measured, RecordFile, has_records, open_records
from zennas.latency.setting import Setting, on_this_machine
from zennas.nn.build import layer_module

HELD_OUT = 5
"""Every fifth network is held out; it is measured twice."""
AGAIN_SHARE = 0.12
"""Share of the time in which they are measured again: at the end, since a shared machine is slow or fast for minutes,
which a second measurement a few seconds later would not show."""
LAYER_SHARE = 0.3
LAYER_SECONDS = 0.05
PROBE_RANGE = 50.0

Sample = Callable[[tuple[float, float], int], tuple[SuperBlock, ...]]
"""The network of a number, its multiply-adds within the bounds."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes:
        samples: networks at most.
        time_limit: seconds at most.
        network_seconds: seconds of mini-batches for one network, once it has the fewest that make a median.
        max_latency: seconds an image up to which networks are wanted; by default 50 times the smallest network's.
    """

    samples: int = 2000
    time_limit: float = 1200.0
    network_seconds: float = 0.5
    max_latency: float | None = None


Watch = Callable[[int, float], None]
"""Told after each network how many there are, and the seconds that went by."""


def is_held_out(number: int) -> bool:
    """Whether a network is kept from the fit, to tell its error."""
    return number % HELD_OUT == HELD_OUT - 1


def collect(
    path: Path,
    setting: Setting,
    space: str,
    num_classes: int,
    smallest: float,
    sample: Sample,
    plan: Plan,
    seed: int = 0,
    watch: Watch | None = None,
) -> Measured:
    """Measure networks and single layers into a file, going on with what it holds.

    Args:
        path: file of measurements (`zennas.latency.records`).
        setting: how they are run; the machine's name and versions are filled in.
        space: name of the space that the networks come from.
        num_classes: outputs of the classifier, 0 for none.
        smallest: multiply-adds of the smallest network of the space.
        sample: gives the network of a number.
        plan: how many, and how long.
        seed: of the sequence of networks; kept in the file.
        watch: told after each network how many there are, and the seconds that went by.

    Raises:
        LatencyError: the setting is not possible here, or the file is of another one.
    """
    began = time.perf_counter()
    setting = on_this_machine(setting)
    check_supported(setting)
    header = Header(setting, space, num_classes, (smallest, smallest), seed)
    if not has_records(path):
        header = replace(header, flops=_range(header, sample, plan))
    records = open_records(path, header)
    layer_seconds = 0.0
    with reference(setting) as run:
        for number in _visits(records, plan, began):
            spent = time.perf_counter() - began
            blocks = records.measured.networks.get(number) or sample(records.header.flops, number)
            _visit(records, number, blocks, reference_seconds(run, setting), plan)
            layer_seconds += _measure_layers(records, blocks, LAYER_SHARE * spent - layer_seconds)
            if watch:
                watch(len(records.measured.networks), time.perf_counter() - began)
    return records.measured


def _visits(records: RecordFile, plan: Plan, began: float) -> Iterator[int]:
    """Numbers to measure while there is time: each network once, then those that are held out once more."""
    visits = records.measured.visits
    for number in range(plan.samples):
        if time.perf_counter() - began > (1 - AGAIN_SHARE) * plan.time_limit:
            break
        if number not in visits:
            yield number
    for number in range(plan.samples):
        if time.perf_counter() - began > plan.time_limit:
            break
        if is_held_out(number) and len(visits.get(number, ())) == 1:
            yield number


def _range(header: Header, sample: Sample, plan: Plan) -> tuple[float, float]:
    """Multiply-adds from the smallest network to the first that is slower than wanted, each probe twice the last."""
    low = high = header.flops[0]
    most: float | None = plan.max_latency
    while high < low * 2.0**40:
        blocks = sample((high, high), 0)
        try:
            found = measure(
                Architecture(blocks), header.setting, header.num_classes, FEWEST_BATCHES, plan.network_seconds
            )
        except TooLargeError:
            break
        most = most or PROBE_RANGE * found.latency
        if found.latency > most:
            break
        high *= 2
    if high == low:
        raise LatencyError(f"the smallest network has a latency above {most} s an image; give a higher --max-latency")
    return low, high


def _visit(records: RecordFile, number: int, blocks: tuple[SuperBlock, ...], reference: float, plan: Plan) -> None:
    header = records.header
    try:
        found = measure(Architecture(blocks), header.setting, header.num_classes, BATCHES, plan.network_seconds)
    except TooLargeError:
        records.add_network(number, blocks, None, reference)
    else:
        records.add_network(number, blocks, found.latency, reference, found.spread)


def _measure_layers(records: RecordFile, blocks: tuple[SuperBlock, ...], seconds: float) -> float:
    """Measure layers of a network that were not measured yet, for about so many seconds; returns those it took."""
    began = time.perf_counter()
    setting = records.header.setting
    for layer, _ in network_layers(blocks, setting.resolution, records.header.num_classes):
        if time.perf_counter() - began > seconds:
            break
        if layer in records.measured.layers:
            continue
        module = timed_module(layer)
        if module is not None:
            shape = (setting.batch_size, layer.in_channels, layer.resolution, layer.resolution)
            try:
                found = measure_module(module, shape, setting, BATCHES, LAYER_SECONDS)
            except TooLargeError:
                continue
            records.add_layer(layer, found.latency)
    return time.perf_counter() - began


def timed_module(layer: TimedLayer) -> nn.Module | None:
    """A module of one layer with what follows it; `None` for what has no time without the network around it."""
    alone = layer_alone(layer)
    return None if alone is None else layer_module(alone)
