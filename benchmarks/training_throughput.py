"""Training speed before and after: one image at a time in contiguous maps, against whole batches channels last.

    OMP_NUM_THREADS=1 python benchmarks/training_throughput.py --recipe cifar --rounds 5 --also bf16

`before` is the loop of runs that name no version (`loop_version=1, layout="contiguous"`), by which old runs are gone on
with to the last bit. `after` is the present one. `--also` adds columns: `bf16` and `compile` on top of `after`, and the
layout or the batches alone. `--recipe cifar` is the paper's (AutoAugment, mirroring, lighting), `digits` goes without.
The loops take turns in one process a network; processor time is counted, so that other programs matter less, and each
round gives one ratio.

The winners are those of `zennas search --space SPACE --resolution 32 --classes 10 --flops 10M --params 1M --layers 18
--iterations 12000 --seed 0 --score meanfield --algorithm evolution`.
"""

import argparse
import contextlib
import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmark import Benchmark, table
from kept import Results, measuring, parsed

RESOLUTION = 32
NETWORKS = {
    "zennet-cifar-1.0M": "zennet-cifar-1.0M",
    "ResNet-20": "SuperConvK3BNRELU(3,16,1,1)SuperResK3K3(16,16,1,16,3)SuperResK3K3(16,32,2,32,3)"
    "SuperResK3K3(32,64,2,64,3)",
    "resnet winner": "SuperConvK3BNRELU(3,8,1,1)SuperResK1K3K1(8,16,1,8,1)SuperResK1K3K1(16,40,2,8,1)"
    "SuperResK1K7K1(40,24,2,8,1)SuperResK1K5K1(24,136,2,16,3)SuperResK1K5K1(136,136,1,16,4)"
    "SuperResK1K7K1(136,112,1,8,2)SuperResK1K7K1(112,128,1,16,4)SuperConvK1BNRELU(128,392,1,1)",
    "mobilenet winner": "SuperConvK3BNRELU(3,8,1,1)SuperResIDWE1K5(8,16,1,16,1)SuperResIDWE4K7(16,8,2,8,1)"
    "SuperResIDWE1K7(8,40,2,40,2)SuperResIDWE2K7(40,40,2,48,4)SuperResIDWE2K7(40,32,1,24,3)"
    "SuperResIDWE4K5(32,48,1,24,4)SuperResIDWE4K3(48,24,1,24,1)SuperConvK1BNRELU(24,576,1,1)",
    "regnet winner": "SuperConvK3BNRELU(3,8,1,1)GBtn[k5,g48](8,48,1,8,1)GBtn[k5,g32](48,24,2,8,1)"
    "GBtn[k5,g16](24,32,2,24,1)GBtn[k5,g24](32,344,2,16,5)GBtn[k7,g16](344,112,1,16,3)"
    "GBtn[k3,g64](112,160,1,32,5)SuperConvK1BNRELU(160,248,1,1)",
}
LOOPS: dict[str, dict[str, Any]] = {
    "before": {"loop_version": 1, "layout": "contiguous"},
    "after": {},
    "bf16": {"precision": "bf16"},
    "compile": {"compile": True},
    "layout": {"loop_version": 1, "layout": "channels-last"},
    "batches": {"layout": "contiguous"},
}


# Both on the digits at 32×32: the recipe decides what is done to an image, not the data.
RECIPES: dict[str, dict[str, Any]] = {
    "cifar": {"auto_augment": True, "flip": 0.5, "lighting": 0.1, "lr": 0.1},
    "digits": {},
}


class EnoughError(Exception):
    """Enough steps were timed."""


def speed(model: str, settings: dict[str, Any], batch_size: int, steps: int, resolution: int = RESOLUTION) -> float:
    """Images a CPU second in `zennas.train`, of `steps` steps after the second one."""
    from zennas.train import TrainProgress, train

    times: list[float] = []

    def watch(progress: TrainProgress) -> None:
        times.append(time.process_time())
        if len(times) > steps + 1:
            raise EnoughError

    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(EnoughError):
        train(model, Path(folder) / "run", resolution=resolution, batch_size=batch_size, watch=watch, **settings)
    return steps * batch_size / (times[-1] - times[1])


def in_turns(name: str, loops: list[str], options: argparse.Namespace) -> dict[str, list[float]]:
    """The speeds of a network in each loop, one a round, forwards and backwards: a machine that slows favours none."""
    speeds: dict[str, list[float]] = {loop: [] for loop in loops}
    for turn in range(options.rounds):
        for loop in loops[:: 1 if turn % 2 == 0 else -1]:
            settings = {**RECIPES[options.recipe], **LOOPS[loop]}
            speeds[loop].append(speed(NETWORKS[name], settings, options.batch_size, options.steps))
    return speeds


def measure(results: Results, options: argparse.Namespace) -> None:
    """A row a network."""
    loops = ["before", "after", *options.also]
    for name in options.network or NETWORKS:
        if name in results:
            continue
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            speeds = pool.submit(in_turns, name, loops, options).result()
        ratios = {
            loop: [round(a / b, 3) for a, b in zip(speeds[loop], speeds["before"], strict=True)] for loop in loops[1:]
        }
        results.add(name, medians={loop: round(statistics.median(s), 2) for loop, s in speeds.items()}, ratios=ratios)


def show(results: Results) -> str:
    """Images a second of each loop, and every round's ratio."""
    loops = list(next(iter(results.rows.values()))["medians"])
    lines = []
    for name, row in results.rows.items():
        cells = [f"{row['medians'][loop]:.1f}" for loop in loops]
        for loop in loops[1:]:
            ratios = row["ratios"][loop]
            cells.append(f"{statistics.median(ratios):.2f} ({', '.join(f'{r:.2f}' for r in ratios)})")
        lines.append([name, *cells])
    speeds = [f"{loop}, images/s" for loop in loops]
    return table(["network", *speeds, *(f"{loop} / before (all rounds)" for loop in loops[1:])], lines)


def show_bf16(results: Results) -> str:
    """What bf16 brings beside the present loop."""
    gains = {name: row["medians"]["bf16"] / row["medians"]["after"] for name, row in results.rows.items()}
    faster = [gain for gain in gains.values() if gain > 1]
    said = f"bf16 gains another {min(faster):.1f} to {max(faster):.1f} times"
    slower = ", ".join(f"{name} ({gain:.2f} of the images/s)" for name, gain in gains.items() if gain <= 1)
    return f"{said}, but slows {slower}." if slower else f"{said}."


def main() -> None:
    """All networks, or those that are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--recipe", choices=RECIPES, default="cifar")
    parser.add_argument("--network", choices=NETWORKS, action="append", help="default: all")
    parser.add_argument("--also", choices=list(LOOPS)[2:], action="append", default=[])
    options = parsed(parser)
    with measuring(f"training-throughput-{options.recipe}", options.keep) as results:
        measure(results, options)
    print(show(results))


BENCHMARKS = [
    Benchmark(
        f"training-throughput-{recipe}",
        f"training_throughput.py --recipe {recipe} {more}",
        {f"training-throughput-{recipe}": show, **more_shows},
        minutes=minutes,
    )
    for recipe, more, minutes, more_shows in (
        ("cifar", "--batch-size 128 --rounds 5 --steps 3 --also bf16", 20, {"training-throughput-bf16": show_bf16}),
        ("digits", "--rounds 3 --steps 8", 6, {}),
    )
]

if __name__ == "__main__":
    main()
