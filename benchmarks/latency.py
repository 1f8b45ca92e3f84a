"""Tables and figures of docs/benchmarks-latency.md that come from measured networks.

    OMP_NUM_THREADS=1 python benchmarks/latency.py fit
    OMP_NUM_THREADS=1 python benchmarks/latency.py again
    OMP_NUM_THREADS=1 python benchmarks/latency.py compare

`fit` measures five sets of networks by `zennas latency-predictor fit` (50 minutes; kept in `runs/benchmarks/latency/`),
compares the models that learned from them and draws predicted against measured; with `--keep` it begins by measuring
anew. `again` measures held-out networks once more, in another process and at another time; `compare` sets multiply-adds
against latency for two spaces (the paper's Figure 11). The figures are drawn by matplotlib.
"""

import argparse
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
from benchmark import Benchmark, table
from kept import Results, measuring, parsed
from latency_sets import SETS, WORK, LatencySet, forget, measured
from pages import ROOT

from zennas.architecture import Architecture
from zennas.counting import count_super_blocks

FIGURES = ROOT / "docs" / "figures"
COMPARED = (("64", "resnet-32-b64", "mobilenet-32-b64"), ("1", "resnet-32-b1", "mobilenet-32-b1"))
NETWORKS, VISITS = 60, 5
"""Held-out networks of a set that are measured again, and how often."""


def fit(results: Results) -> None:
    """What each set's models are off by, with a figure of predicted against measured."""
    from zennas.latency.enough import is_held_out
    from zennas.latency.predictor import read_predictor
    from zennas.latency.records import Corrected, read_records

    for name, one in SETS.items():
        if name in results:
            continue
        if not results.rows and results.path and len(results.sessions) == 1:
            for other in SETS.values():
                forget(other)
        predictor = read_predictor(measured(one))
        report: dict[str, Any] = dict(predictor.report)
        held = Corrected(read_records(one.measurements))
        numbers = [n for n in held.numbers() if is_held_out(n)]
        x = [held.latencies[n][0] * 1e3 for n in numbers]
        y = [predictor.predict(held.networks[n]) * 1e3 for n in numbers]
        scatter(
            FIGURES / f"{name}.svg",
            [(x, y, f"{len(x)} held-out networks")],
            "predicted, ms an image",
            f"{one.space} space, {one.resolution}×{one.resolution}, batch {one.batch}",
            x_label="measured, ms an image",
            diagonal=True,
        )
        results.add(
            name,
            chosen=predictor.model.name,
            models={model: rounded(errors) for model, errors in report["models"].items()},
            noise=rounded(report["noise"]),
            **{count: report[count] for count in ("fitted", "held_out", "layers")},
            range_ms=[float(f"{bound * 1e3:.3g}") for bound in predictor.range],
        )


def rounded(errors: dict[str, Any]) -> dict[str, Any]:
    """Errors with four significant digits."""
    return {key: float(f"{value:.4g}") if value else value for key, value in errors.items()}


def again(results: Results) -> None:
    """Held-out networks measured again, in turns: which is nearer to that, the predictor or the set's measurement?"""
    from zennas.latency.collect import Plan
    from zennas.latency.drift import reference, reference_seconds
    from zennas.latency.enough import is_held_out
    from zennas.latency.fit import relative_errors
    from zennas.latency.measure import measure
    from zennas.latency.predictor import read_predictor
    from zennas.latency.records import Corrected, read_records
    from zennas.latency.setting import on_this_machine

    for name, one in SETS.items():
        if name in results:
            continue
        learned = read_predictor(measured(one))
        known = Corrected(read_records(one.measurements))
        held_out = [n for n in known.numbers() if is_held_out(n)]
        picked = held_out[:: max(1, len(held_out) // NETWORKS)]
        setting = on_this_machine(learned.setting)
        latencies = np.empty((VISITS, len(picked)))
        with reference(setting) as run:
            for visit, (column, number) in itertools.product(range(VISITS), enumerate(picked)):
                drift = reference_seconds(run, setting) / learned.reference
                network = Architecture(known.networks[number])
                found = measure(network, setting, learned.num_classes, time_limit=Plan().network_seconds)
                latencies[visit, column] = found.latency / drift
        now = np.median(latencies, axis=0)
        predicted = relative_errors([learned.predict(known.networks[n]) for n in picked], now).median
        before = relative_errors([known.latencies[n][0] for n in picked], now).median
        one_visit = relative_errors(latencies[0], np.median(latencies[1:], axis=0)).median
        errors = {"predicted": predicted, "before": before, "one_visit": one_visit}
        results.add(name, networks=len(picked), visits=VISITS, **rounded(errors))


def compare(results: Results) -> None:
    """Multiply-adds against latency, full against depthwise convolutions."""
    for batch, *names in COMPARED:
        series = [costs_and_latencies(SETS[name]) for name in names]
        low = max(flops.min() for flops, _ in series)
        high = min(flops.max() for flops, _ in series)
        for left, right in itertools.pairwise(np.exp(np.linspace(math.log(low), math.log(high), 7))):
            picked = [latency[(flops >= left) & (flops < right)] * 1e3 for flops, latency in series]
            if all(len(values) >= 3 for values in picked):
                results.add(
                    f"{batch}/{left / 1e6:.3g}",
                    batch=int(batch),
                    flops_m=[float(f"{edge / 1e6:.3g}") for edge in (left, right)],
                    networks=[len(values) for values in picked],
                    ms=[float(f"{np.median(values):.4g}") for values in picked],
                )
        scatter(
            FIGURES / f"figure11-b{batch}.svg",
            [(x / 1e6, y * 1e3, f"{SETS[name].space} space") for name, (x, y) in zip(names, series, strict=True)],
            "latency, ms an image",
            f"32×32, batch {batch}",
            x_label="multiply-adds, M",
            diagonal=False,
        )  # fmt: skip


def costs_and_latencies(one: LatencySet) -> tuple[Any, Any]:
    """Multiply-adds and seconds of all networks of a set."""
    from zennas.latency.records import Corrected, read_records

    measured(one)
    raw = read_records(one.measurements)
    known = Corrected(raw)
    numbers = known.numbers()
    counted = [count_super_blocks(known.networks[n], one.resolution, raw.header.num_classes).flops for n in numbers]
    return np.array(counted), np.array([known.latency(n) for n in numbers])


def scatter(
    path: Path, series: list[tuple[Any, Any, str]], y_label: str, title: str, *, x_label: str, diagonal: bool
) -> None:
    """A figure with logarithmic axes."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(4.5, 4))
    for xs, ys, label in series:
        axes.loglog(xs, ys, ".", markersize=4, label=label)
    if diagonal:
        ends = [min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1])]
        axes.loglog(ends, ends, "-", color="grey", linewidth=0.8)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.set_title(title)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def show_fit(results: Results) -> str:
    """Errors of every model of every set, the noise floor among them."""
    lines = []
    for name, row in results.rows.items():
        for model, errors in [*row["models"].items(), ("measuring again", row["noise"])]:
            shown = f"**{model}**" if model == row["chosen"] else model
            shares = [f"{errors[key]:.0%}" for key in ("within_5", "within_10", "percentile_99")]
            speed = f"{errors['microseconds']:.0f}" if errors["microseconds"] else "-"
            lines.append([SETS[name].title, shown, f"{errors['median']:.1%}", *shares, speed])
    return table(
        ["space, input, batch", "model", "median error", "within 5 %", "within 10 %", "99 % within", "µs a prediction"],
        lines,
    )


def show_noise(results: Results) -> str:
    """The chosen models against the noise floor."""
    rows = results.rows.values()
    ratios = {
        name: row["models"][row["chosen"]]["median"] / row["noise"]["median"] for name, row in results.rows.items()
    }
    largest = max(ratios, key=lambda name: ratios[name])
    noise = [row["noise"]["within_5"] for row in rows]
    return (
        "“Measuring again” is the noise floor: a second measurement, at another time, against the first. The chosen "
        f"models' median errors are {min(ratios.values()):.1f} to {ratios[largest]:.1f} times the noise (most for "
        f"{SETS[largest].title}). The paper's bound, within 5 % for 99 % of networks, cannot be shown where two "
        f"measurements of the same network agree within 5 % for only {min(noise):.0%} to {max(noise):.0%} of them."
    )


def show_sets(results: Results) -> str:
    """How many networks and layers the models learned from."""
    lines = []
    for name, row in results.rows.items():
        counts = [f"{row[key]:,}" for key in ("fitted", "held_out", "layers")]
        low, high = row["range_ms"]
        lines.append([SETS[name].title, *counts, f"{low:.3g} to {high:.3g}"])
    return table(["space, input, batch", "learned from", "held out", "single layers", "range, ms an image"], lines)


def show_again(results: Results) -> str:
    """Errors against the median of the later visits."""
    lines = [
        [
            SETS[name].title,
            f"{row['networks']}, {row['visits']}" if row["networks"] else f"–, {row['visits']}",
            f"{row['predicted']:.1%}",
            f"{row['before']:.1%}",
            f"{row['predicted'] / row['before']:.1f}",
            f"{row['one_visit']:.1%}",
        ]
        for name, row in results.rows.items()
    ]
    header = ["space, input, batch", "networks, visits", "predicted", "measured for the fit", "ratio"]
    return table([*header, "one of the visits against the others"], lines)


def show_compare(results: Results) -> str:
    """A table a batch size, and the range of the ratios."""
    parts, ratios = [], []
    for batch, *_ in COMPARED:
        lines = []
        for row in results.rows.values():
            if row["batch"] != int(batch):
                continue
            (left, right), (a, b), (first, second) = row["flops_m"], row["ms"], row["networks"]
            ratios.append(b / a)
            edges = f"{left:,.4g} to {right:,.4g} M"
            lines.append([edges, f"{a:.3g} ({first})", f"{b:.3g} ({second})", f"{b / a:.2f}"])
        header = ["multiply-adds", "resnet, ms (networks)", "mobilenet, ms (networks)", "mobilenet / resnet"]
        parts += [f"Batch {batch}:", table(header, lines)]
    said = (
        f"At the same multiply-adds the depthwise networks take {min(ratios):.1f} to {max(ratios):.1f} times as long."
    )
    return "\n\n".join([*parts, said])


def main() -> None:
    """Measure one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=PARTS)
    arguments = parsed(parser)
    measure, shows = PARTS[arguments.what]
    WORK.mkdir(parents=True, exist_ok=True)
    with measuring(f"latency-{arguments.what}", arguments.keep) as results:
        measure(results)
    print("\n\n".join(show(results) for show in shows.values()))


PARTS = {
    "fit": (fit, {"latency-fit": show_fit, "latency-noise": show_noise, "latency-sets": show_sets}),
    "again": (again, {"latency-again": show_again}),
    "compare": (compare, {"latency-compare": show_compare}),
}
BENCHMARKS = [
    Benchmark(f"latency-{part}", f"latency.py {part}", shows, minutes=minutes)
    for (part, (_, shows)), minutes in zip(PARTS.items(), (55, 25, 0.5), strict=True)
]

if __name__ == "__main__":
    main()
