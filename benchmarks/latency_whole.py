"""Whole searches with a latency budget and no predictor's file, one after another. Run it on an idle machine.

OMP_NUM_THREADS=1 python benchmarks/latency_whole.py
"""

import argparse
import json
import os
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import yaml
from benchmark import Benchmark, table
from kept import Results, Row, measuring, parsed

OPTIONS = (
    *("--latency", "2ms", "--latency-batch-size", "1", "--device", "cpu"),
    *("--layers", "20", "--rescore", "0"),
)
SEEDS = (1, 2, 3)
_FIRST = re.compile(r"predicted at (\S+) but measured at ([^\s,]+)|\((\S+) predicted, (\S+) measured")


def searched(run: Path, seed: int) -> Row:
    """What a search predicted, measured and took."""
    command = [sys.executable, "-m", "zennas", "search", *OPTIONS, "--seed", str(seed), "--out", str(run), "-q"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ))
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    best, config = (yaml.safe_load((run / name).read_text(encoding="utf-8")) for name in ("best.yaml", "config.yaml"))
    with closing(sqlite3.connect(run / "run.db")) as database:
        notes = json.loads(database.execute("SELECT value FROM state WHERE key = 'notes'").fetchone()[0])
    first = next((" → ".join(filter(None, pair.groups())) for pair in map(_FIRST.search, notes) if pair), "the same")
    return {
        "first": first,
        "returned": f"{best['costs']['latency'] * 1e3:.2f} ms → {best['measured_latency'] * 1e3:.2f} ms",
        "searches": best.get("latency_correction", {}).get("searches", 1),
        "layout": config.get("latency_layout", "contiguous"),
        "seconds": round(seconds),
        "cpu": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime),
    }


def show(results: Results) -> str:
    """A line a search."""
    header = ("seed", "first winner: predicted → measured", "returned: predicted → measured", "searches", "layout")
    lines = [
        [seed, row["first"], row["returned"], str(row["searches"]), row["layout"], str(row["seconds"]), str(row["cpu"])]
        for seed, row in results.rows.items()
    ]
    return table([*header, "seconds", "processor seconds"], lines)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments = parsed(parser)
    with measuring("latency-whole", arguments.keep) as results, tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            if str(seed) not in results:
                results.add(str(seed), **searched(Path(folder) / str(seed), seed))
    print(show(results))


BENCHMARKS = [
    Benchmark("latency-whole", "latency_whole.py", {"latency-whole": show}, minutes=8),
    Benchmark("latency-whole-busy", "", {"latency-whole-busy": show}),
    Benchmark("latency-whole-before", "", {"latency-whole-before": show}),
]

if __name__ == "__main__":
    main()
