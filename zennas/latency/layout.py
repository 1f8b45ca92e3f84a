"""The layout in which networks are the faster ones to run, measured. Needs torch."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from zennas.architecture.model import Architecture
from zennas.latency.measure import BATCHES, Measurement, measure
from zennas.latency.setting import Setting, possible_layouts


def measured_layouts(
    architecture: Architecture,
    setting: Setting,
    num_classes: int | None = None,
    batches: int = BATCHES,
    time_limit: float | None = None,
) -> dict[str, Measurement]:
    """A network measured in every layout that the backend can be told.

    Args:
        architecture: the network.
        setting: how it is run, apart from the layout.
        num_classes: as `zennas.latency.measure.measure`.
        batches: mini-batches after the warm-up, in each.
        time_limit: as `zennas.latency.measure.measure`, for each.

    Raises:
        LatencyError, MissingExtraError, TooLargeError: as `zennas.latency.measure.measure`.
    """
    return {
        layout: measure(architecture, replace(setting, layout=layout), num_classes, batches, time_limit)
        for layout in possible_layouts(setting.backend)
    }


def fastest(measured: Mapping[str, Measurement]) -> Measurement:
    """The measurement of the layout with the lowest latency."""
    return min(measured.values(), key=lambda found: found.latency)


def faster_layout(measured: Iterable[Mapping[str, Measurement]]) -> str | None:
    """The layout in which networks take the shorter time in the geometric mean, each network counting as much as any
    other; `None` for no networks.

    Args:
        measured: of each network by layout, as `measured_layouts` gives them.
    """
    totals: dict[str, float] = {}
    for network in measured:
        for layout, found in network.items():
            totals[layout] = totals.get(layout, 0.0) + math.log(found.latency)
    return min(totals, key=lambda layout: totals[layout]) if totals else None
