"""Speed of scoring and searching. Run it on an idle machine.

OMP_NUM_THREADS=1 python benchmarks/speed.py scoring
OMP_NUM_THREADS=1 python benchmarks/speed.py search
OMP_NUM_THREADS=1 python benchmarks/speed.py islands
OMP_NUM_THREADS=1 python benchmarks/speed.py parts
OMP_NUM_THREADS=1 python benchmarks/speed.py once
"""

import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from benchmark import Benchmark, table
from kept import Results, Row, measure_part

import zennas
from zennas.runs.store import RunStore
from zennas.scores.closed_form import meanfield_many
from zennas.scores.weighted import WeightedScorer
from zennas.searching.compiled import core

_IMAGENET = ["--resolution", "224", "--classes", "1000"]
SMALL = "resnet 32, ≤ 1 M params, ≤ 18 layers"
MOBILE = "mobilenet 224, ≤ 400 M multiply-adds, ≤ 18 layers"
_SMALL = ["--params", "1M", "--layers", "18"]
_MOBILE = ["--space", "mobilenet", "--se", *_IMAGENET, "--flops", "400M", "--layers", "18"]
_ZEN_SCORE = ["--score", "meanfield"]
SEARCHES = {
    SMALL: (_SMALL, (48_000, 96_000, 480_000)),
    f"{SMALL}, `--score meanfield`": ([*_SMALL, *_ZEN_SCORE], (48_000, 480_000)),
    f"{SMALL}, `--score meanfield --algorithm zen-nas`": (
        [*_SMALL, *_ZEN_SCORE, "--algorithm", "zen-nas"],
        (48_000, 480_000),
    ),
    MOBILE: (_MOBILE, (48_000, 96_000)),
    f"{MOBILE}, `--score meanfield`": ([*_MOBILE, *_ZEN_SCORE], (48_000, 96_000)),
    "resnet 224, ≤ 4 G multiply-adds, ≤ 24 layers": (
        [*_IMAGENET, "--flops", "4G", "--layers", "24"],
        (48_000, 96_000),
    ),
    "mobilenet 224, ≤ 400 M multiply-adds, any depth": (
        ["--space", "mobilenet", "--se", *_IMAGENET, "--flops", "400M"],
        (48_000, 96_000),
    ),
}
"""Options and iterations."""
PARTS_OF_A_SEARCH = {
    "scores (compiled)": (WeightedScorer, "score"),
    "offspring, duplicates, costs, budgets (compiled)": (core, "propose_round"),
    "the run's database": (RunStore, "commit"),
}
"""Functions, none of which calls another of them."""
ISLANDS, ISLAND_ITERATIONS, ROUNDS = (1, 2), (480_000, 1_920_000), 3


def scoring(results: Results) -> None:
    """Networks a second of the closed form alone: every network differs, what is cached is its super-blocks."""
    for name in ("zennet-cifar-0.5M", "zennet-cifar-1.0M", "zennet-imagenet-400M-se", "zennet-imagenet-0.1ms"):
        architecture = zennas.load(name)
        networks = [architecture.super_blocks] * 256
        assert architecture.resolution is not None
        meanfield_many(networks, architecture.resolution)
        count, wall, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < 2:
            meanfield_many(networks, architecture.resolution)
            count += len(networks)
        walls, cpus = time.perf_counter() - wall, time.process_time() - cpu
        convolutions = zennas.costs(architecture).convolutions
        results.add(name, convolutions=convolutions, wall=round(count / walls), cpu=round(count / cpus))


def timed_search(options: list[str], iterations: int, out: Path, **environment: str) -> float:
    """Seconds of a whole process, from its start to `best.yaml`."""
    command = [sys.executable, "-m", "zennas.cli.main", "search", "-q", "--rescore", "0", *options]
    started = time.perf_counter()
    subprocess.run(
        [*command, "--iterations", str(iterations), "--out", str(out)],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    return time.perf_counter() - started


def searching(results: Results) -> None:
    """Whole processes, and what the search alone took of them, by its own log."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, (options, lengths)) in enumerate(SEARCHES.items()):
            # What is compiled for a score and a space is kept.
            timed_search(options, 200, Path(folder) / f"warm-{number}")
            for iterations in lengths:
                key = f"{name}/{iterations}"
                if key in results:
                    continue
                out = Path(folder) / str(len(list(Path(folder).iterdir())))
                seconds = timed_search(options, iterations, out)
                alone = round(ended(out)["seconds"], 2)
                results.add(key, search=name, iterations=iterations, seconds=round(seconds, 2), alone=alone)


def ended(out: Path) -> dict[str, Any]:
    """The last line of a run's log."""
    line: dict[str, Any] = json.loads((out / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    return line


def islands(results: Results) -> None:
    """One population and several, each in a process of its own, in turns."""
    seconds: dict[tuple[int, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(ROUNDS):
            for iterations, number in product(ISLAND_ITERATIONS, ISLANDS):
                out = Path(folder) / f"{number}-{iterations}-{turn}"
                options = [*SEARCHES[SMALL][0], "--islands", str(number)]
                timed_search(options, iterations, out)
                seconds.setdefault((iterations, number), []).append(round(ended(out)["seconds"], 2))
                shutil.rmtree(out)
    for (iterations, number), values in seconds.items():
        results.add(f"{number}, {iterations}", islands=number, iterations=iterations, seconds=values)


def parts(results: Results) -> None:
    """Where a search's time goes: the compiled parts and what is done in Python, timed one by one in this process."""
    zennas.search(params="1M", layers=18, iterations=200, rescore=0)
    seconds: dict[str, float] = {}
    with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        for name, (owner, attribute) in PARTS_OF_A_SEARCH.items():
            stack.enter_context(timed(name, owner, attribute, seconds))
        started = time.perf_counter()
        result = zennas.search(params="1M", layers=18, rescore=0, out=Path(folder) / "run")
        seconds["the rest"] = time.perf_counter() - started - sum(seconds.values())
    for name, value in seconds.items():
        results.add(name, seconds=round(value, 3), iterations=result.iterations, scored=result.scored)


@contextlib.contextmanager
def timed(name: str, owner: Any, attribute: str, seconds: dict[str, float]) -> Iterator[None]:
    """Count the seconds of a function."""
    original = getattr(owner, attribute)
    seconds[name] = 0.0

    def measured(*arguments: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return original(*arguments, **options)
        finally:
            seconds[name] += time.perf_counter() - started

    setattr(owner, attribute, measured)
    try:
        yield
    finally:
        setattr(owner, attribute, original)


def once(results: Results) -> None:
    """What the first search after installing takes longer, and what a run takes on disk."""
    with tempfile.TemporaryDirectory() as folder:
        options, out = SEARCHES[SMALL][0], Path(folder) / "run"
        first, second = (
            timed_search(options, 1000, Path(folder) / name, NUMBA_CACHE_DIR=f"{folder}/cache") for name in "ab"
        )
        results.add("first", seconds=round(first, 1), later=round(second, 1))
        timed_search(options, 48_000, out)
        packed = Path(folder) / "packed.db"
        with contextlib.closing(sqlite3.connect(out / "run.db")) as database:
            (candidates,) = database.execute("SELECT count(*) FROM candidates").fetchone()
            database.execute("VACUUM INTO ?", (str(packed),))
        results.add("database", bytes=packed.stat().st_size, candidates=candidates)


def show_scoring(results: Results) -> str:
    """Networks a second."""
    lines = [[name, str(r["convolutions"]), f"{r['wall']:,}", f"{r['cpu']:,}"] for name, r in results.rows.items()]
    return table(["closed-form scoring", "convolutions", "networks/s (wall)", "networks/s (CPU)"], lines)


def show_search(results: Results) -> str:
    """Seconds of searches; – where those of the search alone were not kept."""
    lines = []
    for row in results.rows.values():
        alone = f"{row['iterations'] / row['alone']:,.0f}" if row["alone"] else "–"
        rate = f"{row['iterations'] / row['seconds']:,.0f}"
        lines.append([row["search"], f"{row['iterations']:,}", f"{row['seconds']:.1f}", rate, alone])
    return table(["search, whole process", "iterations", "seconds", "iterations/s", "of the search alone"], lines)


def show_islands(results: Results) -> str:
    """Iterations a second, and how many times those of one population."""
    rates = {
        (row["iterations"], row["islands"]): row["iterations"] / statistics.median(row["seconds"])
        for row in results.rows.values()
    }
    lines = [
        [f"{iterations:,}", str(number), f"{rate:,.0f}", f"{rate / rates[iterations, 1]:.2f}"]
        for (iterations, number), rate in rates.items()
    ]
    return table(["iterations", "islands", "iterations/s of the search alone", "times one population"], lines)


def show_parts(results: Results) -> str:
    """Seconds and shares."""
    whole = sum(row["seconds"] for row in results.rows.values())
    lines = [[name, f"{r['seconds']:.2f}", f"{r['seconds'] / whole:.0%}"] for name, r in results.rows.items()]
    one = next(iter(results.rows.values()))
    of = f"{one['iterations']:,} iterations, {one['scored']:,} networks scored"
    return table([f"part of a search of {of}", "seconds", "share"], [*lines, ["all of it", f"{whole:.2f}", ""]])


def show_once(results: Results) -> str:
    """Sentences."""
    first, database = results.rows["first"], results.rows["database"]
    return (
        f"- The first search after installing takes some {first['seconds'] - first['later']:.0f} s more, once: numba "
        "compiles the closed form and keeps it.\n"
        f"- A run's database takes {database['bytes'] / database['candidates']:.0f} bytes a candidate "
        f"({database['bytes'] / 1e6:.2f} MB for {database['candidates']:,})."
    )


def recompute_scoring(results: Results) -> dict[str, Row]:
    """Convolutions of the networks."""
    return {name: {"convolutions": zennas.costs(zennas.load(name)).convolutions} for name in results.rows}


PARTS = {
    "scoring": (scoring, show_scoring),
    "search": (searching, show_search),
    "islands": (islands, show_islands),
    "parts": (parts, show_parts),
    "once": (once, show_once),
}
BENCHMARKS = [
    Benchmark(
        "speed-scoring",
        "speed.py scoring",
        {"speed-scoring": show_scoring},
        minutes=0.3,
        recompute=recompute_scoring,
    ),
    Benchmark("speed-search", "speed.py search", {"speed-search": show_search}, minutes=4),
    Benchmark("speed-islands", "speed.py islands", {"speed-islands": show_islands}, minutes=4),
    Benchmark("speed-parts", "speed.py parts", {"speed-parts": show_parts}, minutes=0.1),
    Benchmark("speed-once", "speed.py once", {"speed-once": show_once}, minutes=0.7),
]

if __name__ == "__main__":
    measure_part("speed", __doc__, PARTS)
