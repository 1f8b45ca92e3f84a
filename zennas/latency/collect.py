"""Measuring a sequence of networks and their single layers. Needs torch."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.layers import TimedLayer
from zennas.errors import LatencyError, TooLargeError
from zennas.input_size import sides
from zennas.latency.backends import check_supported
from zennas.latency.drift import reference, reference_seconds
from zennas.latency.enough import is_held_out
from zennas.latency.layers import layer_alone, network_layers
from zennas.latency.measure import BATCHES, FEWEST_BATCHES, measure, measure_module
from zennas.latency.progress import AGAIN, NETWORKS, Watch, work
from zennas.latency.records import Header, Measured, RecordFile, has_records, open_records
from zennas.latency.setting import Setting, on_this_machine
from zennas.layouts import AskedLayout
from zennas.nn.build import layer_module

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
        fewest: networks before which measuring does not end because the error has stopped falling
            (`zennas.latency.enough`); where that is as many as `samples`, it never does.
        least: networks that are measured however long that takes: with fewer there is no predictor.
        layout: one of `zennas.layouts.ASKED`; by default the setting's own. `auto` takes the one in which a few
            networks are the faster ones, or that of the measurements that are there already.
    """

    samples: int = 2000
    time_limit: float = 1200.0
    network_seconds: float = 0.5
    max_latency: float | None = None
    fewest: int = 100
    least: int = 0
    layout: AskedLayout | None = None


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
    enough: Callable[[Measured, int], bool] | None = None,
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
        watch: told after each network.
        enough: asked before each network of the sequence, by its number, whether what was measured will do.

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
        for number in _visits(records, plan, began, watch, enough):
            spent = time.perf_counter() - began
            blocks = records.measured.networks.get(number) or sample(records.header.flops, number)
            _visit(records, number, blocks, reference_seconds(run, setting), plan)
            layer_seconds += _measure_layers(records, blocks, LAYER_SHARE * spent - layer_seconds)
    return records.measured


def _visits(
    records: RecordFile,
    plan: Plan,
    began: float,
    watch: Watch | None,
    enough: Callable[[Measured, int], bool] | None,
) -> Iterator[int]:
    """Numbers to measure while there is time: each network once, then those that are held out once more, unless what
    was measured will do so far."""
    measured, limit = records.measured, (1 - AGAIN_SHARE) * plan.time_limit
    kept = len(measured.networks)
    for number in range(plan.samples):
        if time.perf_counter() - began > limit and number >= plan.least:
            break
        if enough is not None and enough(measured, number):
            return
        if number not in measured.visits:
            yield number
            _tell(watch, NETWORKS, len(measured.networks), plan.samples, began, limit, kept)
    spent = time.perf_counter() - began
    again = [n for n in range(plan.samples) if is_held_out(n) and len(measured.visits.get(n, ())) == 1]
    for done, number in enumerate(again):
        if time.perf_counter() - began > plan.time_limit:
            break
        yield number
        _tell(watch, AGAIN, done + 1, len(again), began + spent, plan.time_limit - spent)


def _tell(watch: Watch | None, phase: str, done: int, total: int, began: float, limit: float, before: int = 0) -> None:
    if watch is not None:
        watch(work(phase, done, total, time.perf_counter() - began, limit, before))


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
            shape = (setting.batch_size, layer.in_channels, *sides(layer.resolution))
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
