"""The closed form against the Monte Carlo reference of `data/zen_reference.csv`: prints the tables of the docs.

python benchmarks/closed_form_accuracy.py
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import scipy.stats
from benchmark import Benchmark, table
from kept import Results, Row, measuring, parsed

from zennas.architecture import Architecture
from zennas.blocks import architecture_chain
from zennas.blocks.chain import convolutions
from zennas.scores import meanfield_score

NAMED = ("zoo", "table-4", "winners-32", "winners-224")
"""Sets that are shown network by network."""


def compute() -> dict[str, Row]:
    """Closed form and reference of every network."""
    from zen_reference import network, read  # it needs torch

    rows: dict[str, Row] = {}
    for row in read():
        found = network(row)
        chain = architecture_chain(found) if isinstance(found, Architecture) else found
        rows[f"{row['set']}/{row['name']}"] = {
            "set": row["set"],
            "name": row["name"],
            "resolution": int(row["resolution"]),
            "repeats": int(row["repeats"]),
            "mean": float(row["mean"]),
            "std_error": float(row["std_error"]),
            "score": round(meanfield_score(found, int(row["resolution"])).score, 4),
            "grouped": any(convolution.groups > 1 for convolution in convolutions(chain)),
        }
    return rows


def error(row: Row) -> float:
    """Relative error of the closed form."""
    return float(row["score"] / row["mean"] - 1)


def by_set(results: Results) -> dict[str, list[Row]]:
    """The rows of each set."""
    sets: dict[str, list[Row]] = defaultdict(list)
    for row in results.rows.values():
        sets[row["set"]].append(row)
    return sets


def worst(rows: Iterable[Row]) -> float:
    """The largest relative error."""
    return max(abs(error(row)) for row in rows)


def show_sets(results: Results) -> str:
    """Errors and rank correlation of each set."""
    lines = []
    for name, rows in by_set(results).items():
        size = np.abs([error(row) for row in rows])
        rank = scipy.stats.spearmanr([row["score"] for row in rows], [row["mean"] for row in rows]).statistic
        repeats = "/".join(map(str, sorted({row["repeats"] for row in rows})))
        noise = np.median([row["std_error"] / row["mean"] for row in rows])
        mean = f"{np.mean([error(row) for row in rows]):+.2%}"
        percents = [f"{p:.2%}" for p in (np.median(size), np.quantile(size, 0.95), size.max())]
        lines.append([name, str(len(rows)), repeats, mean, *percents, f"{rank:.4f}", f"{noise:.2%}"])
    header = ["set", "networks", "repeats", "mean", "median", "95 %", "worst", "Spearman"]
    return table([*header, "reference's own error (median)"], lines)


def show_zoo(results: Results) -> str:
    """The published networks, the paper's ResNets and winners of searches one by one."""
    lines = [
        [
            row["name"],
            str(row["resolution"]),
            f"{row['mean']:.2f} ± {row['std_error']:.2f} ({row['repeats']})",
            f"{row['score']:.2f}",
            f"{error(row):+.2%}",
        ]
        for name in NAMED
        for row in by_set(results)[name]
    ]
    return table(["network", "resolution", "Monte Carlo (repeats)", "closed form", "error"], lines)


def show_sentences(results: Results) -> str:
    """What the tables come to."""
    sets = by_set(results)
    zoo = sets["zoo"]
    repeats = " or ".join(str(n) for n in sorted({row["repeats"] for row in zoo}))
    drawn = [row for name, rows in sets.items() if name.startswith(("resnet", "mobilenet")) for row in rows]
    kinds = [
        f"{np.sqrt(np.mean([error(row) ** 2 for row in results.rows.values() if row['grouped'] == grouped])):.2%}"
        for grouped in (False, True)
    ]
    return (
        f"- The zoo is within {worst(zoo):.2%} at {repeats} repeats; every random network of every set is within "
        f"{worst(drawn):.2%}.\n"
        f"- The root mean square of all errors is {kinds[0]} for dense chains and {kinds[1]} for chains with grouped "
        "convolutions."
    )


def main() -> None:
    """Print errors by set, the zoo network by network, and the model errors of dense and grouped chains."""
    keep = parsed(argparse.ArgumentParser(description=__doc__)).keep
    with measuring("closed-form", keep) as results:
        results.add_all(compute())
    print("\n\n".join(show(results) for show in (show_zoo, show_sets, show_sentences)))


BENCHMARKS = [
    Benchmark(
        "closed-form",
        "closed_form_accuracy.py",
        {"closed-form": show_sets, "closed-form-zoo": show_zoo, "closed-form-sentences": show_sentences},
        timed=False,
        minutes=0.2,
        compute=compute,
    )
]

if __name__ == "__main__":
    main()
