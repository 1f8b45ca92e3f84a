"""Drift of a machine's speed: a small fixed network, timed beside every measurement. Needs torch.

On a shared machine the same network takes half as long again once the neighbours are busy: they share caches, memory
and clock rate. The reference network's seconds tell by how much, so that measurements of different minutes compare.
"""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager

from zennas.architecture.structure import parse_structure
from zennas.latency.backends import Run, prepared
from zennas.latency.measure import random_network, time_batches
from zennas.latency.setting import Setting

REFERENCE = (
    "SuperConvK3BNRELU(3,32,1,1)SuperResK1K3K1(32,64,2,32,1)SuperResK3K3(64,64,2,64,1)SuperResIDWE2K5(64,64,1,64,1)"
)
REFERENCE_RESOLUTION = 32
RUNS = 24


@contextmanager
def reference(setting: Setting) -> Iterator[Run | None]:
    """What runs the reference network on one image in fp32, with the setting's threads and on torch whatever its
    backend; `None` on a GPU, which is not shared.
    """
    if setting.device != "cpu":
        yield None
        return
    module = random_network(parse_structure(REFERENCE), 10)
    plain = Setting("cpu", "torch", "fp32", 1, REFERENCE_RESOLUTION, setting.threads, setting.clock)
    with prepared(module, (1, 3, REFERENCE_RESOLUTION, REFERENCE_RESOLUTION), plain) as run:
        yield run


def reference_seconds(run: Run | None, setting: Setting) -> float:
    """Median seconds of the reference network now, by the setting's clock.

    Args:
        run: what `reference` gives; without it, 1 is returned.
        setting: that of the measurements beside it.
    """
    if run is None:
        return 1.0
    return statistics.median(time_batches(run, setting.clock, RUNS, None))
