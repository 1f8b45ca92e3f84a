"""Training speed of a zoo network in our loop, in a bare torch loop, and of a torchvision ResNet of equal cost.

    OMP_NUM_THREADS=1 python benchmarks/training_throughput.py

zennet-cifar-1.0M has 159 M multiply-adds at 32×32, torchvision's ResNet-101 160 M. CPU seconds of this process are
counted, so that other programs on the machine do not matter much; the three take turns.
"""

import argparse
import contextlib
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    options = parser.parse_args()
    rows: dict[str, list[float]] = {"ours": [], "bare": [], "resnet": []}
    for turn in range(options.rounds):
        # In turn first and second, so that a machine that slows down does not favour one.
        for name, loop in [("ours", ours), ("bare", bare)][:: 1 if turn % 2 == 0 else -1]:
            rows[name].append(loop(MODEL, options.batch_size, options.steps))
        rows["resnet"].append(ours(RESNET, options.batch_size, options.steps))
        print({name: round(values[-1], 2) for name, values in rows.items()}, flush=True)
    median = {name: statistics.median(values) for name, values in rows.items()}
    overhead = statistics.median(b / o - 1 for b, o in zip(rows["bare"], rows["ours"], strict=True))
    print(f"{MODEL} in our loop   {median['ours']:.1f} images/s")
    print(f"{MODEL} in bare torch {median['bare']:.1f} images/s (overhead of our loop {overhead:+.1%})")
    print(f"{RESNET} in our loop  {median['resnet']:.1f} images/s")


if __name__ == "__main__":
    main()
