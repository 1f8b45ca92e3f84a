"""What workers and a Ray driver bring. Run it on an idle machine.

OMP_NUM_THREADS=1 python benchmarks/workers.py processes
OMP_NUM_THREADS=1 python benchmarks/workers.py ray
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from zennas.architecture import Architecture, format_structure
from zennas.scores import ScoreSettings
from zennas.searching.executors import Execution, executor
from zennas.searching.tasks import ScoreTask
from zennas.spaces.mutation import mutate
from zennas.spaces.space import search_space
from zennas.spaces.start import random_small


def tasks(score: str, count: int, resolution: int, mutations: int) -> list[ScoreTask]:
    """Random networks to score."""
    space, rng, made = search_space("resnet", resolution), np.random.default_rng(0), []
    for _ in range(count):
        network = Architecture(random_small(space, rng))
        for _ in range(mutations):
            network = mutate(network, 0.5, space, rng)
        settings = ScoreSettings(batch_size=16, repeats=1)
        made.append(ScoreTask(score, format_structure(network), resolution, settings))
    return made


def timed(execution: Execution, warm: Sequence[ScoreTask], work: Sequence[ScoreTask]) -> float:
    """Seconds that an executor needs for `work` once it is warm."""
    with executor(execution) as execute:
        execute(warm)
        started = time.perf_counter()
        execute(work)
        return time.perf_counter() - started


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["processes", "ray"])
    kind = parser.parse_args().kind
    if kind == "processes":
        work = tasks("zen", 32, 224, 8)
        seconds = {n: timed(Execution(n), work[:4], work) for n in (1, 2)}
        print(f"32 Monte Carlo scores at 224×224: 1 process {seconds[1]:.1f} s, 2 processes {seconds[2]:.1f} s")
        print(f"ratio {seconds[1] / seconds[2]:.2f}")
        return
    cheap = tasks("layers", 4000, 32, 2)
    driver = timed(Execution(ray="auto"), cheap[:64], cheap) / len(cheap)
    real = tasks("zen", 16, 32, 30)
    seconds_each = timed(Execution(), real[:2], real) / len(real)
    print(f"driver: {1 / driver:,.0f} results/s with tasks that cost nothing ({driver * 1e6:.0f} µs a result)")
    print(f"one Monte Carlo score (batch 16, 32×32): {seconds_each * 1e3:.0f} ms on one core\n")
    print("| workers | scores/s (simulated) | limited by |\n| --- | --- | --- |")
    for workers in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        by_workers, by_driver = workers / seconds_each, 1 / driver
        limit = "workers" if by_workers < by_driver else "driver"
        print(f"| {workers} | {min(by_workers, by_driver):,.0f} | {limit} |")


if __name__ == "__main__":
    main()
