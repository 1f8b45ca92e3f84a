"""What workers and a Ray driver bring. Run it on an idle machine.

OMP_NUM_THREADS=1 python benchmarks/workers.py processes
OMP_NUM_THREADS=1 python benchmarks/workers.py ray
"""

import time
from collections.abc import Sequence

import numpy as np
from benchmark import Benchmark, table
from kept import Results, measure_part

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


def processes(results: Results) -> None:
    """Monte Carlo scores by one process and by two."""
    work = tasks("zen", 32, 224, 8)
    for number in (1, 2):
        results.add(str(number), seconds=round(timed(Execution(number), work[:4], work), 2))


def ray(results: Results) -> None:
    """What a Ray driver can take in, and what one core can give."""
    cheap = tasks("layers", 4000, 32, 2)
    driver = timed(Execution(ray="auto"), cheap[:64], cheap) / len(cheap)
    real = tasks("zen", 16, 32, 30)
    each = timed(Execution(), real[:2], real) / len(real)
    results.add("driver", seconds_a_result=round(driver, 7))
    results.add("score", seconds=round(each, 4))


def show_processes(results: Results) -> str:
    """A sentence."""
    one, two = (results.rows[number]["seconds"] for number in "12")
    return (
        f"32 Monte Carlo scores at 224×224 take {one:.1f} s with one process and {two:.1f} s with two: "
        f"{one / two:.2f} times as fast."
    )


def show_ray(results: Results) -> str:
    """What limits how many workers."""
    driver, each = results.rows["driver"]["seconds_a_result"], results.rows["score"]["seconds"]
    lines = []
    for workers in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        by_workers, by_driver = workers / each, 1 / driver
        limit = "workers" if by_workers < by_driver else "driver"
        lines.append([str(workers), f"{min(by_workers, by_driver):,.0f}", limit])
    return (
        f"The driver takes in {1 / driver:,.0f} results a second of tasks that cost nothing ({driver * 1e6:.0f} µs a "
        f"result); one Monte Carlo score (batch 16, 32×32) takes {each * 1e3:.0f} ms on one core. From these two:\n\n"
        + table(["workers", "scores/s (simulated)", "limited by"], lines)
    )


KINDS = {"processes": (processes, show_processes), "ray": (ray, show_ray)}
BENCHMARKS = [
    Benchmark(f"workers-{kind}", f"workers.py {kind}", {f"workers-{kind}": show}, minutes=0.5)
    for kind, (_, show) in KINDS.items()
]

if __name__ == "__main__":
    measure_part("workers", __doc__, KINDS)
