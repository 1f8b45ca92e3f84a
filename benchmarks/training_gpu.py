"""Training on a GPU: images a second by precision and layout, one process.

    OMP_NUM_THREADS=1 python benchmarks/training_gpu.py --data imagefolder:DIR

Without AutoAugment, so that it is the GPU and not the preparation of images that counts. Wall time between the 50th and
the 150th step; the network is the same, the loop is begun anew for each setting.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmark import Benchmark, table
from kept import Results, measuring, parsed
from training_throughput import NETWORKS, RESOLUTION, EnoughError

SETTINGS = {
    f"{precision}, {layout}": {"precision": precision, "layout": layout}
    for precision in ("fp32", "bf16")
    for layout in ("contiguous", "channels-last")
}
NAMES = ("zennet-cifar-1.0M", "ResNet-20", "mobilenet winner")
FROM, TO = 50, 150
"""Steps; on a GPU the loop reports every 50th."""


def rate(model: str, opened: Any, batch_size: int, settings: dict[str, Any]) -> float:
    """Images a second."""
    from zennas.train import train

    began: dict[int, float] = {}
    if len(opened.train) // batch_size < TO:
        raise SystemExit(f"{len(opened.train)} images are fewer than {TO} batches of {batch_size}")

    def watch(progress: Any) -> None:
        began[progress.step] = time.perf_counter()
        if progress.step >= TO:
            raise EnoughError

    with tempfile.TemporaryDirectory() as folder:
        try:
            train(
                model, Path(folder) / "run", watch=watch, opened=opened, resolution=RESOLUTION, batch_size=batch_size,
                device="cuda", auto_augment=False, mixup=0.0, erasing=0.0, lighting=0.0, evaluate="end", **settings,
            )  # fmt: skip
        except EnoughError:
            pass
    return (TO - FROM) * batch_size / (began[TO] - began[FROM])


def measure(results: Results, data: str, batch_size: int) -> None:
    """A row a network."""
    import torch

    from zennas.train.datasets import open_data

    opened = open_data(data)
    results.note = f"{torch.cuda.get_device_name()}, batches of {batch_size}"
    for name in NAMES:
        if name not in results:
            rates = {key: rate(NETWORKS[name], opened, batch_size, settings) for key, settings in SETTINGS.items()}
            results.add(name, **{key: round(value) for key, value in rates.items()})


def show(results: Results) -> str:
    """Images a second, a row a network."""
    lines = [[name, *(f"{row[key]:,}" for key in SETTINGS)] for name, row in results.rows.items()]
    return table(["network", *SETTINGS], lines, ["---", *["---:"] * len(SETTINGS)])


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="imagefolder:DIR with small squares, or cifar10:DIR")
    parser.add_argument("--batch-size", type=int, default=256)
    options = parsed(parser)
    with measuring("training-gpu", options.keep) as results:
        measure(results, options.data, options.batch_size)
    print(show(results))


BENCHMARKS = [
    Benchmark("training-gpu", "training_gpu.py --data imagefolder:DIR", {"training-gpu": show}, timed=True, minutes=2)
]

if __name__ == "__main__":
    main()
