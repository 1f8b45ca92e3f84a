"""Training speed of a zoo network in our loop, in a bare torch loop, and of a torchvision ResNet of equal cost.

    OMP_NUM_THREADS=1 python benchmarks/training_throughput.py

zennet-cifar-1.0M has 159 M multiply-adds at 32×32, torchvision's ResNet-101 160 M. CPU seconds of the process are
counted, so that other programs on the machine do not matter much; the loops take turns, each in a process of its own.
`bare, memory kept` is the bare loop with the allocator setting that our loop makes on a CPU: against it, what the loop
itself costs is seen alone.
"""

import argparse
import contextlib
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from zennas.allocator import keep_freed_memory
from zennas.train import TrainProgress, train
from zennas.train.augment import batch_mixer, train_transform
from zennas.train.config import train_config
from zennas.train.datasets import open_data
from zennas.train.networks import make_network

MODEL, RESNET, RESOLUTION = "zennet-cifar-1.0M", "torchvision:resnet101", 32


class EnoughError(Exception):
    """Enough steps were timed."""


def ours(model: str, batch_size: int, steps: int) -> float:
    """Images a CPU second in `zennas.train`."""
    times: list[float] = []

    def watch(progress: TrainProgress) -> None:
        times.append(time.process_time())
        if len(times) > steps:
            raise EnoughError

    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(EnoughError):
        train(model, Path(folder) / "run", resolution=RESOLUTION, batch_size=batch_size, epochs=1, watch=watch)
    return steps * batch_size / (times[-1] - times[0])


class Transformed(Dataset):
    """The same images after the same augmentation, with no care for repeating it."""

    def __init__(self, data, transform) -> None:
        self.data, self.transform = data.train, transform

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int):
        image, label = self.data[index]
        return self.transform(image), label


def bare(model: str, batch_size: int, steps: int) -> float:
    """Images a CPU second in the shortest loop that trains the same network on the same images."""
    data = open_data("digits")
    config = train_config({"model": model, "batch_size": batch_size})
    network = make_network(model, 10, RESOLUTION)
    optimizer = torch.optim.SGD(network.parameters(), 0.01, 0.9, weight_decay=5e-4, nesterov=True)
    loader = DataLoader(Transformed(data, train_transform(config, data, RESOLUTION)), batch_size, shuffle=True)
    mix = batch_mixer(config, 10)
    start = 0.0
    for step, (images, labels) in enumerate(loader):
        mixed, targets = mix(images, labels)
        loss = F.cross_entropy(network(mixed), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        if step == 0:
            start = time.process_time()
        if step == steps:
            break
    return steps * batch_size / (time.process_time() - start)


def bare_kept(model: str, batch_size: int, steps: int) -> float:
    """The bare loop, with freed memory kept."""
    keep_freed_memory()
    return bare(model, batch_size, steps)


def alone(loop: Callable[[str, int, int], float], model: str, batch_size: int, steps: int) -> float:
    """The loop's speed in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(loop, model, batch_size, steps).result()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch-size", type=int, default=32)
    options = parser.parse_args()
    loops = {
        f"{MODEL} in our loop": (ours, MODEL),
        f"{MODEL} in bare torch": (bare, MODEL),
        f"{MODEL} in bare torch, memory kept": (bare_kept, MODEL),
        f"{RESNET} in our loop": (ours, RESNET),
    }
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(options.rounds):
        # Forwards and backwards, so that a machine that slows down does not favour one.
        for name in list(loops)[:: 1 if turn % 2 == 0 else -1]:
            speeds[name].append(alone(*loops[name], options.batch_size, options.steps))
        print([round(values[-1], 2) for values in speeds.values()], flush=True)
    mine, *others = speeds
    for name, values in speeds.items():
        print(f"{name:50s} {statistics.median(values):.1f} images/s")
    for other in others[:2]:
        ratios = [b / o - 1 for b, o in zip(speeds[other], speeds[mine], strict=True)]
        print(
            f"overhead of our loop over {other}: {statistics.median(ratios):+.1%} "
            f"({min(ratios):+.1%} to {max(ratios):+.1%})"
        )


if __name__ == "__main__":
    main()
