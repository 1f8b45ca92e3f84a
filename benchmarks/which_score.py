"""Every score's place on every benchmark with its interval and its cost, one study a file.

    OMP_NUM_THREADS=1 python benchmarks/which_score.py nas_bench_macro.json channel_bench_macro_resnet.json \
        channel_bench_macro_mobilenet.json regnet.csv

A sample of 60 networks where a file has more and all were trained alike, so that scores that pass images through
networks are studied on the same networks as those in closed form. At 224×224, the last file, the slowest scores are
left out.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmark import Benchmark, table
from kept import Results, measuring, parsed
from pages import ROOT

CLOSED = ("zen-weighted", "zen-weighted-1", "meanfield", "deepmad", "flops", "params", "layers")
PASSED = ("zen", "gradnorm", "synflow")
SLOW = ("linear-regions", "naswot")
SAMPLE = 60


def measure(results: Results, sources: list[str]) -> None:
    """A row for each file."""
    for source in sources:
        name = Path(source).stem
        if name in results:
            continue
        small = source.endswith(".json")
        scores = ",".join((*CLOSED, *PASSED, *SLOW) if small else (*CLOSED, *PASSED))
        command = [sys.executable, "-m", "zennas", "study", source, "--score", scores, "--batch-size", "8"]
        command += ["--bootstrap", "200", "--json", *(["--sample", str(SAMPLE)] if small else [])]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        document = json.loads(done.stdout)
        seconds = {row["score"]: row["seconds"] for row in document["scores"]}
        file = document["files"][0]
        results.add(
            name,
            title=file["title"],
            networks=file["networks"],
            recipes=len(file["recipes"]),
            scores={
                score: {
                    "spearman": row["spearman"],
                    "low": row["low"]["spearman"],
                    "high": row["high"]["spearman"],
                    "regret": row["regret"],
                    "seconds": seconds[score],
                }
                for score, row in file["scores"].items()
            },
        )


def places(row: dict[str, Any]) -> dict[str, int]:
    """The place of each score on a benchmark, by its rank correlation."""
    known = [(score, row["scores"][score]["spearman"]) for score in row["scores"]]
    ordered = sorted((s for s, value in known if value is not None), key=lambda s: -row["scores"][s]["spearman"])
    return {score: place for place, score in enumerate(ordered, start=1)}


def show(results: Results) -> str:
    """A row for each score: its place, rank correlation and interval by benchmark, its mean place and its cost."""
    rows = list(results.rows.values())
    placed = [places(row) for row in rows]
    scores = list(dict.fromkeys(score for row in rows for score in row["scores"]))
    mean = {score: statistics.mean(p[score] for p in placed if score in p) for score in scores}
    lines = []
    for score in sorted(scores, key=lambda s: mean[s]):
        cells = []
        for row, place in zip(rows, placed, strict=True):
            values = row["scores"].get(score)
            if score not in place or values is None:
                cells.append("")
                continue
            limits = "" if values["low"] is None else f" ({values['low']:.2f}–{values['high']:.2f})"
            cells.append(f"{place[score]}: {values['spearman']:.2f}{limits}")
        first, last = rows[0]["scores"].get(score), rows[-1]["scores"].get(score)
        costs = [_seconds(values) for values in (first, last)]
        lines.append([score, f"{mean[score]:.1f}", *cells, *costs])
    header = [f"{row['title'].partition(' (')[0]} ({row['networks']})" for row in rows]
    return table(["score", "mean place", *header, "seconds at 32×32", "at 224×224"], lines)


def _seconds(values: dict[str, Any] | None) -> str:
    if values is None:
        return ""
    seconds = values["seconds"]
    return (
        f"{1e6 * seconds:.0f} µs"
        if seconds < 1e-3
        else f"{1e3 * seconds:.0f} ms"
        if seconds < 1
        else f"{seconds:.1f} s"
    )


def main() -> None:
    """Study each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", metavar="FILE")
    options = parsed(parser)
    with measuring("which-score", options.keep) as results:
        measure(results, options.sources)
    print(show(results))


BENCHMARKS = [Benchmark("which-score", "which_score.py FILE...", {"which-score": show}, minutes=20)]

if __name__ == "__main__":
    main()
