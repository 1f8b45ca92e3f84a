"""What re-scoring the 16 best of a search under 1 M parameters at 32×32 takes.

    OMP_NUM_THREADS=1 python benchmarks/rescoring.py --seeds 4

A search without re-scoring is made; the command then goes on with it (`--resume DIR --rescore 16`), and again with
nothing left to compute, which is taken off.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmark import Benchmark, table
from kept import Results, measuring, parsed


def run(out: Path, *words: object) -> tuple[float, float, dict[str, Any]]:
    """Processor and wall seconds of a search command, and the last line of its run's log."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "zennas.cli.main", "search", "-q", "--score", "meanfield", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, wall, json.loads((out / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])


def measure(results: Results, seeds: int) -> None:
    """A row a seed."""
    for seed in range(seeds):
        if str(seed) in results:
            continue
        with tempfile.TemporaryDirectory() as directory:
            out = Path(directory) / "run"
            run(out, "--params", "1M", "--layers", 18, "--seed", seed, "--rescore", 0, "--out", out)
            spent, wall, end = run(out, "--resume", out, "--rescore", 16)
            nothing, nothing_wall, _ = run(out, "--resume", out, "--rescore", 16)
        results.add(
            str(seed),
            choosing=end["rescoring"]["choosing"],
            fresh=end["rescoring"]["fresh"],
            processor=round(spent - nothing, 1),
            wall=round(wall - nothing_wall, 1),
            zen=end["zen"]["score"],
            ci95=end["zen"]["ci95"],
        )


def show(results: Results) -> str:
    """Repeats, seconds, and what is reported."""
    lines = []
    for seed, row in results.rows.items():
        low, high = row["ci95"]
        repeats = f"{row['choosing']} + {row['fresh']}"
        seconds = [f"{row[clock]:.1f}" if row[clock] else "–" for clock in ("processor", "wall")]
        lines.append([seed, repeats, *seconds, f"{row['zen']:.2f} ({low:.1f} to {high:.1f})"])
    return table(["seed", "repeats to choose + fresh", "processor s", "seconds, all cores", "reported"], lines)


def show_before(results: Results) -> str:
    """The same of zennas 0.2.0, which reported the mean that chose."""
    lines = []
    for seed, row in results.rows.items():
        reported = f"{row['zen']:.2f} ({row['ci95'][0]:.1f} to {row['ci95'][1]:.1f})"
        lines.append([seed, str(row["repeats"]), f"{row['processor']:.1f}", reported])
    return table(["seed", "repeats", "processor s", "reported"], lines)


def main() -> None:
    """Searches of several seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    arguments = parsed(parser)
    with measuring("rescoring", arguments.keep) as results:
        measure(results, arguments.seeds)
    print(show(results))


BENCHMARKS = [
    Benchmark("rescoring", "rescoring.py --seeds 4", {"rescoring": show}, minutes=4),
    Benchmark("rescoring-before", "", {"rescoring-before": show_before}),
]

if __name__ == "__main__":
    main()
