"""Measuring: warm-up, then 30 mini-batches (paper, Section 5.2.1), their median and their spread. Needs torch."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from zennas.architecture.model import Architecture
from zennas.input_size import sides
from zennas.latency.backends import Run, check_supported, prepared
from zennas.latency.setting import Setting, on_this_machine
from zennas.nn.build import build
from zennas.train.randomness import WEIGHTS, seeded

BATCHES = 30
WARM_UP_BATCHES = 3
WARM_UP_SECONDS = 0.3
FEWEST_BATCHES = 5
NOISY_SPREAD = 0.10
_CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Measurement:
    """A network's latency in one setting.

    Attributes:
        latency: median over the mini-batches, in seconds an image.
        spread: half of the range from the 16th to the 84th percentile, relative to the median: what a standard
            deviation is for a bell curve, but untouched by a few outliers.
        batches: seconds an image of each mini-batch, in order.
    """

    latency: float
    spread: float
    batches: tuple[float, ...]
    setting: Setting

    @property
    def trusted(self) -> bool:
        """Whether the spread is low enough for the median to mean something."""
        return self.spread <= NOISY_SPREAD

    def as_json(self) -> dict[str, Any]:
        """Plain values by field."""
        return {
            "latency": self.latency,
            "spread": self.spread,
            "trusted": self.trusted,
            "batches": list(self.batches),
            **self.setting.as_json(),
        }


def measure(
    architecture: Architecture,
    setting: Setting,
    num_classes: int | None = None,
    batches: int = BATCHES,
    time_limit: float | None = None,
) -> Measurement:
    """Measure a network with random weights.

    Args:
        architecture: the network.
        setting: how it is run; the machine's name and versions are filled in.
        num_classes: outputs of the classifier, 0 for none; by default the architecture's own, else 1000.
        batches: mini-batches after the warm-up.
        time_limit: seconds after which no further mini-batch is begun once there are `FEWEST_BATCHES`.

    Raises:
        LatencyError: the setting is not possible on this machine.
        MissingExtraError: its backend is not installed.
        TooLargeError: the network does not fit the memory.
    """
    setting = on_this_machine(setting)
    check_supported(setting)
    shape = (setting.batch_size, architecture.in_channels, *sides(setting.resolution))
    return measure_module(random_network(architecture, num_classes), shape, setting, batches, time_limit)


def random_network(architecture: Architecture, num_classes: int | None = None, seed: int = 0) -> nn.Module:
    """A network with random weights, those that `zennas export` gives it too; the caller's random state stays.

    Args:
        architecture: the network.
        num_classes: outputs of the classifier, 0 for none; by default the architecture's own, else 1000.
        seed: of the weights.
    """
    with seeded(seed, WEIGHTS):
        return build(architecture, num_classes)


def measure_module(
    module: nn.Module, shape: tuple[int, ...], setting: Setting, batches: int = BATCHES, time_limit: float | None = None
) -> Measurement:
    """Measure any module. Raises as `measure`.

    Args:
        module: any module on the CPU.
        shape: of a mini-batch, N×C×H×W.
        setting: how it is run, on this machine (`on_this_machine`).
        batches: mini-batches after the warm-up.
        time_limit: as `measure`.
    """
    with prepared(module, shape, setting) as run:
        times = time_batches(run, setting.clock, batches, time_limit)
    return summary([seconds / shape[0] for seconds in times], setting)


def time_batches(run: Run, clock: str, batches: int, time_limit: float | None) -> list[float]:
    """Seconds of each call after the warm-up.

    Args:
        run: runs one mini-batch.
        clock: `wall` or `cpu`.
        batches: calls after the warm-up.
        time_limit: seconds after which no further call is begun once there are `FEWEST_BATCHES`; slow calls are then
            warmed up by fewer, too.
    """
    tick = _CLOCKS[clock]
    began = time.perf_counter()
    for _ in range(WARM_UP_BATCHES):
        run()
        if time_limit is not None and time.perf_counter() - began > WARM_UP_SECONDS:
            break
    began = time.perf_counter()
    times: list[float] = []
    while len(times) < batches:
        start = tick()
        run()
        times.append(tick() - start)
        late = time_limit is not None and time.perf_counter() - began > time_limit
        if late and len(times) >= FEWEST_BATCHES:
            break
    return times


def summary(times: Sequence[float], setting: Setting) -> Measurement:
    """Median and spread of mini-batches' seconds an image."""
    low, middle, high = np.percentile(times, (16, 50, 84))
    return Measurement(float(middle), float((high - low) / 2 / middle), tuple(times), setting)
