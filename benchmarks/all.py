"""Runs the benchmarks of the documentation and writes their tables into it. Run it on an idle machine.

    python benchmarks/all.py                    # what has no results yet; then the pages
    python benchmarks/all.py --only speed-search --only quality-cifar
    python benchmarks/all.py --again            # what other code or a busy machine gave: hours
    python benchmarks/all.py --computed         # what comes out the same everywhere: a minute
    python benchmarks/all.py --list
    python benchmarks/all.py --render           # the pages alone
    python benchmarks/all.py --check            # do pages, results and code agree?

`--again` and `--computed` write docs/reproduction.md as well. What is interrupted goes on by the same command. Timings
are not taken while others use the machine, unless `--busy`.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from agreement import differences, refresh, render
from benchmark import Benchmark
from catalogue import BENCHMARKS
from kept import RESULTS, Results, all_kept
from machine import QUIET, share_in_use, source
from pages import ROOT


def run(benchmark: Benchmark, busy: bool) -> bool:
    """Run a benchmark's command; whether there are results now."""
    in_use = share_in_use() if benchmark.timed and not busy else 0.0
    if in_use > QUIET:
        print(f"{benchmark.name}: left out: others use {in_use:.0%} of the machine (--busy measures nevertheless)")
        return False
    script, *words = benchmark.arguments.split()
    print(f"{benchmark.name}: python benchmarks/{benchmark.arguments} (some {benchmark.minutes:g} minutes)", flush=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).parent / script), *words, "--keep"]
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL).returncode == 0


def reproduce() -> bool:
    """Write docs/reproduction.md; its Monte Carlo numbers are those that are kept beside it."""
    command = ["reproduce", "all", "--out", "docs"]
    print(f"zennas {' '.join(command)} (some 0.5 minutes)", flush=True)
    done = subprocess.run([sys.executable, "-m", "zennas.cli.main", *command], cwd=ROOT, stdout=subprocess.DEVNULL)
    return done.returncode == 0


def of_today(name: str, kept: dict[str, Results], now: str) -> bool:
    """Whether results were measured with the package's present code, and timings on a quiet machine."""
    if name not in kept or kept[name].source != now:
        return False
    return not BENCHMARKS[name].timed or all(session["in_use"] <= QUIET for session in kept[name].sessions)


def listed() -> str:
    """A line a benchmark: since when it is kept, whether the code has changed, what it takes."""
    kept, now, lines = all_kept(), source(), []
    for name, benchmark in BENCHMARKS.items():
        state = "missing"
        if name in kept:
            why = "other code" if kept[name].source != now else "a busy machine"
            state = kept[name].sessions[-1]["date"] + ("" if of_today(name, kept, now) else f", {why}")
        if (RESULTS / f"{name}.partial.json").exists():
            state += ", begun anew"
        kind = "computed" if benchmark.compute else "timed" if benchmark.timed else "long"
        lines.append(f"{name:24} {kind:9} {benchmark.minutes:6g} min  {state:28} {benchmark.arguments}")
    return "\n".join(lines)


def main() -> int:
    """Run, render, check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", action="append", choices=BENCHMARKS, default=[], metavar="NAME", help="anew; repeatable"
    )
    parser.add_argument("--again", action="store_true", help="anew what other code gave, or a busy machine")
    parser.add_argument("--computed", action="store_true", help="anew what is the same on every machine")
    parser.add_argument("--busy", action="store_true", help="take timings on a machine that others use, too")
    parser.add_argument("--list", action="store_true", help="names, kinds, minutes, dates")
    parser.add_argument("--render", action="store_true", help="only write the pages")
    parser.add_argument(
        "--check", action="store_true", help="only compare (with the code: those of --only); exit code 1"
    )
    options = parser.parse_args()
    if options.list:
        print(listed())
        return 0
    if options.check:
        found = differences(options.only or list(BENCHMARKS))
        print("\n".join(found) or "pages, results and code agree")
        return bool(found)
    wanted = [] if options.render else selected(options)
    failed = [name for name in wanted if not run(BENCHMARKS[name], options.busy)]
    if options.computed:
        refresh()
    render()
    if (options.again or options.computed) and not reproduce():
        failed.append("docs/reproduction.md")
    if failed:
        print(f"without new results: {', '.join(failed)}")
    return bool(failed)


def selected(options: argparse.Namespace) -> list[str]:
    """Names of the benchmarks that are to be run."""
    kept, now = all_kept(), source()
    chosen = []
    for name, benchmark in BENCHMARKS.items():
        if options.only or options.computed:
            wanted = name in options.only or (options.computed and benchmark.compute is not None)
        elif options.again:
            wanted = not of_today(name, kept, now)
        else:
            wanted = name not in kept
        if wanted:
            chosen.append(name)
    return chosen


if __name__ == "__main__":
    raise SystemExit(main())
