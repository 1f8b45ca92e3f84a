"""What serves a network fastest on this CPU: torch, torch.compile and onnxruntime, by layout and number type.

OMP_NUM_THREADS=1 python benchmarks/serving.py

Three networks, one image at a time, on one thread; every way is visited three times in turn, and the median counts.
torch.compile needs a C++ compiler, and is left out where it fails.
"""

import argparse
from dataclasses import replace
from statistics import median

from benchmark import Benchmark, table
from kept import Results, measuring, parsed

import zennas
from zennas.errors import LatencyError
from zennas.latency.measure import measure
from zennas.latency.setting import Setting
from zennas.layouts import CHANNELS_LAST, CONTIGUOUS

NETWORKS = ("zennet-cifar-0.5M", "zennet-imagenet-0.1ms", "zennet-imagenet-400M-se")
WAYS = (
    ("torch", CONTIGUOUS, "fp32"),
    ("torch", CHANNELS_LAST, "fp32"),
    ("torch-compile", CONTIGUOUS, "fp32"),
    ("torch-compile", CHANNELS_LAST, "fp32"),
    ("onnxruntime", CONTIGUOUS, "fp32"),
    ("onnxruntime", CONTIGUOUS, "int8"),
)
VISITS = 3


def measured(name: str) -> dict[str, float]:
    """Milliseconds an image by way."""
    network = zennas.load(name)
    assert network.resolution is not None
    plain = Setting(batch_size=1, resolution=network.resolution)
    visits: dict[str, list[float]] = {}
    for _ in range(VISITS):
        for backend, layout, dtype in WAYS:
            setting = replace(plain, backend=backend, layout=layout, dtype=dtype)
            try:
                latency = measure(network, setting).latency
            except LatencyError:
                continue
            visits.setdefault(" ".join((backend, layout, dtype)), []).append(1e3 * latency)
    return {way: round(median(found), 3) for way, found in visits.items()}


def show(results: Results) -> str:
    """A line a way."""
    ways = dict.fromkeys(way for row in results.rows.values() for way in row)
    lines = [
        [*_titles(way), *(f"{row[way]:.2f}" if way in row else "-" for row in results.rows.values())] for way in ways
    ]
    return table(["served by", "layout", "dtype", *(f"{name}, ms" for name in results.rows)], lines)


def _titles(way: str) -> list[str]:
    backend, layout, dtype = way.split()
    return [backend, "its own" if backend == "onnxruntime" else layout, dtype]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments = parsed(parser)
    with measuring("serving", arguments.keep) as results:
        for name in NETWORKS:
            if name not in results:
                results.add(name, **measured(name))
    print(show(results))


BENCHMARKS = [Benchmark("serving", "serving.py", {"serving": show}, timed=True, minutes=5)]

if __name__ == "__main__":
    main()
