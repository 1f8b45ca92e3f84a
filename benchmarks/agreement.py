"""Writes the pages from the kept results, and says where pages, results and code do not agree."""

import difflib

from benchmark import Benchmark
from catalogue import BENCHMARKS
from kept import RESULTS, Results, all_kept, write
from pages import ROOT, pages, regions, rendered, tables_by_hand

from zennas.io.text import write_text

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
    """Values of kept results that the code computes otherwise today."""
    found = []
    if benchmark.compute is not None:
        rows = benchmark.compute()
        found += [f"{key}: only in one of results and code" for key in sorted(rows.keys() ^ results.rows.keys())]
    else:
        rows = benchmark.recompute(results) if benchmark.recompute else {}
    for key in rows.keys() & results.rows.keys():
        for column, value in rows[key].items():
            kept = results.rows[key].get(column)
            if kept != value and not (isinstance(value, float) and abs(kept - value) <= TOLERANCE * abs(value)):
                found.append(f"{key}: {column} is kept as {kept}, the code says {value}")
    return found


def refresh() -> None:
    """Write anew what the code gives of measured results."""
    for name, results in all_kept().items():
        recompute = BENCHMARKS[name].recompute
        if recompute is not None:
            for key, columns in recompute(results).items():
                results.rows[key].update(columns)
            write(results, RESULTS / f"{name}.json")
