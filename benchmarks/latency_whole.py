"""Whole searches with a latency budget and no predictor's file, of this checkout or of another, one after another.

    python benchmarks/latency_whole.py --out DIRECTORY [--package OTHER_CHECKOUT] [--seeds 1,2,3] -- --latency 2ms …

What follows `--` are options of `zennas search`. A run that is there is not made again. Printed is a row for each seed:
what was predicted and measured of the first winner and of the network that was returned, how many searches that took,
and the seconds of the whole process.
"""

import argparse
import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import yaml

FIRST = re.compile(r"predicted at (\S+) but measured at ([^\s,]+)|\((\S+) predicted, (\S+) measured")


def searched(options: list[str], run: Path, package: Path, seed: str) -> dict[str, float]:
    """Wall and processor seconds of a search, which is made where it is missing."""
    times = run.with_suffix(".json")
    if not times.exists():
        shutil.rmtree(run, ignore_errors=True)
        command = [sys.executable, "-m", "zennas", "search", *options, "--seed", seed, "--out", str(run), "-q"]
        environment = {**os.environ, "PYTHONPATH": str(package)}
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=package, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        times.write_text(json.dumps({"wall": time.perf_counter() - began, "cpu": spent}))
    found: dict[str, float] = json.loads(times.read_text())
    return found


def row(seed: str, run: Path, times: dict[str, float]) -> str:
    """A run in a line of the table."""
    best, config = (yaml.safe_load((run / name).read_text()) for name in ("best.yaml", "config.yaml"))
    with closing(sqlite3.connect(run / "run.db")) as db:
        notes = json.loads(db.execute("SELECT value FROM state WHERE key = 'notes'").fetchone()[0])
    returned = f"{best['costs']['latency'] * 1e3:.2f} ms, {best['measured_latency'] * 1e3:.2f} ms"
    first = next((", ".join(filter(None, pair.groups())) for pair in map(FIRST.search, notes) if pair), "the same")
    searches = best.get("latency_correction", {}).get("searches", 1)
    layout = config.get("latency_layout", "contiguous")
    return f"| {seed} | {first} | {returned} | {searches} | {layout} | {times['wall']:.0f} | {times['cpu']:.0f} |"


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--package", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("options", nargs="+")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    titles = ("seed", "first winner: predicted, measured", "returned: predicted, measured", "searches", "layout")
    print("|", " | ".join((*titles, "s", "CPU s")), "|\n| --- | --- | --- | --- | --- | --- | --- |")
    for seed in given.seeds.split(","):
        run = given.out.resolve() / seed
        print(row(seed, run, searched(given.options, run, given.package.resolve(), seed)), flush=True)


if __name__ == "__main__":
    main()
