"""Runs the benchmarks of the documentation and writes their tables into it.

    python benchmarks/all.py                    # what has no results yet; then the pages
    python benchmarks/all.py --only speed-search --only quality-cifar
    python benchmarks/all.py --again            # everything, on an idle machine: hours
    python benchmarks/all.py --computed         # what comes out the same everywhere: a minute
    python benchmarks/all.py --list
    python benchmarks/all.py --render           # the pages alone
    python benchmarks/all.py --check            # do pages, results and code agree?

`--again` and `--computed` write docs/reproduction.md as well. What is interrupted goes on by the same command. Timings
are not taken while others use the machine, unless `--busy`.
"""

import argparse
import difflib
import os
import subprocess
import sys
from pathlib import Path

import algorithms
import closed_form_accuracy
import distillation
import end_to_end_digits
import history
import latency
import latency_searches
import mutations
import pooling
import quality
import rescoring
import same_winner
import speed
import training_throughput
import workers
import zen
from benchmark import Benchmark
from kept import RESULTS, Results, all_kept
from machine import QUIET, share_in_use, source
from pages import ROOT, pages, regions, rendered, tables_by_hand

from zennas.io.text import write_text

SCRIPTS = (
    speed,
    closed_form_accuracy,
    pooling,
    quality,
    mutations,
    algorithms,
    same_winner,
    zen,
    rescoring,
    workers,
    latency,
    latency_searches,
    history,
    end_to_end_digits,
    training_throughput,
    distillation,
)
"""In the order in which they run: what others need comes first."""
BENCHMARKS = {benchmark.name: benchmark for script in SCRIPTS for benchmark in script.BENCHMARKS}
TOLERANCE = 2e-4
"""Relative: processors round differently."""


def shown() -> dict[str, str]:
    """Text of every part of a page, from what is kept."""
    kept, texts = all_kept(), {}
    for name, benchmark in BENCHMARKS.items():
        unknown = dict.fromkeys(benchmark.shows, f"Not measured yet: `python benchmarks/all.py --only {name}`.")
        texts.update(benchmark.texts(kept[name]) if name in kept else unknown)
    return texts


def render() -> None:
    """Write the pages."""
    texts = shown()
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = rendered(before, texts)
        if after != before:
            write_text(page, after)
            print(f"written: {page.relative_to(ROOT)}")


def differences(names: list[str]) -> list[str]:
    """What differs between pages and results, and between results and code.

    Args:
        names: of results that are compared with the code.
    """
    texts = shown()
    found, used = [], set()
    for page in pages():
        text = page.read_text(encoding="utf-8")
        used.update(regions(text))
        lines = difflib.unified_diff(
            text.splitlines(), rendered(text, texts).splitlines(), "page", "results", "", "", 0
        )
        found += [f"{page.relative_to(ROOT)}: {line}" for line in list(lines)[2:] if not line.startswith("@@")]
    found += [f"{name}: no page shows it" for name in sorted(set(texts) - used)]
    for page in (ROOT / "docs").glob("benchmarks*.md"):
        by_hand = tables_by_hand(page.read_text(encoding="utf-8"))
        found += [f"{page.relative_to(ROOT)}: no results fill this table: {line}" for line in by_hand]
    for name, results in all_kept().items():
        if name in names:
            found += [f"benchmarks/results/{name}.json: {line}" for line in against_code(BENCHMARKS[name], results)]
    return found


def against_code(benchmark: Benchmark, results: Results) -> list[str]:
    """Rows of computed results that the code computes otherwise today."""
    if benchmark.compute is None:
        return []
    rows = benchmark.compute()
    found = [f"{key}: only in one of results and code" for key in sorted(rows.keys() ^ results.rows.keys())]
    for key in rows.keys() & results.rows.keys():
        for column, value in rows[key].items():
            kept = results.rows[key].get(column)
            if kept != value and not (isinstance(value, float) and abs(kept - value) <= TOLERANCE * abs(value)):
                found.append(f"{key}: {column} is kept as {kept}, the code says {value}")
    return found


def run(benchmark: Benchmark, busy: bool) -> bool:
    """Run a benchmark's command; whether there are results now."""
    missing = benchmark.needs and not (ROOT / benchmark.needs).exists()
    in_use = share_in_use() if benchmark.timed and not busy else 0.0
    if not benchmark.arguments:
        reason = "its script is not kept"
    elif missing:
        reason = f"{benchmark.needs} is missing"
    elif in_use > QUIET:
        reason = f"others use {in_use:.0%} of the machine (--busy measures nevertheless)"
    else:
        script, *words = benchmark.arguments.split()
        print(
            f"{benchmark.name}: python benchmarks/{benchmark.arguments} (some {benchmark.minutes:g} minutes)",
            flush=True,
        )
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(Path(__file__).parent / script), *words, "--keep"]
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL).returncode == 0
    print(f"{benchmark.name}: left out: {reason}")
    return False


def reproduce(again: bool) -> bool:
    """Write docs/reproduction.md; `again` draws its Monte Carlo numbers anew, too."""
    command = ["reproduce", "all", "--out", "docs", *(["--again"] if again else [])]
    print(f"zennas {' '.join(command)} (half a minute; 20 where Monte Carlo numbers are drawn)", flush=True)
    done = subprocess.run([sys.executable, "-m", "zennas.cli.main", *command], cwd=ROOT, stdout=subprocess.DEVNULL)
    return done.returncode == 0


def listed() -> str:
    """A line a benchmark: since when it is kept, whether the code has changed, what it takes."""
    kept, now, lines = all_kept(), source(), []
    for name, benchmark in BENCHMARKS.items():
        state = "missing"
        if name in kept:
            state = kept[name].sessions[-1]["date"] + ("" if kept[name].source == now else ", by other code")
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
    parser.add_argument("--again", action="store_true", help="all anew")
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
    wanted = [] if options.render else [name for name in BENCHMARKS if selected(name, options)]
    failed = [name for name in wanted if not run(BENCHMARKS[name], options.busy)]
    render()
    if (options.again or options.computed) and not reproduce(options.again):
        failed.append("docs/reproduction.md")
    if failed:
        print(f"without new results: {', '.join(failed)}")
    return bool(failed)


def selected(name: str, options: argparse.Namespace) -> bool:
    """Whether a benchmark is to be run."""
    if options.only or options.computed:
        return name in options.only or (options.computed and BENCHMARKS[name].compute is not None)
    return options.again or not (RESULTS / f"{name}.json").exists()


if __name__ == "__main__":
    raise SystemExit(main())
