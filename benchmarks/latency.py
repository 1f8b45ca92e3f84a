"""Tables and figures of docs/benchmarks-latency.md from files of measurements.

    python benchmarks/latency.py fit MEASUREMENTS.jsonl... --out DIRECTORY
    python benchmarks/latency.py again MEASUREMENTS.jsonl PREDICTOR.json
    python benchmarks/latency.py compare RESNET.jsonl MOBILENET.jsonl --out DIRECTORY
    python benchmarks/latency.py speed PREDICTOR.json --latency 2ms

`fit` learns the three models, prints the table and draws predicted against measured; `again` measures held-out
networks once more, in another process and at another time; `compare` sets multiply-adds against latency for two spaces
(the paper's Figure 11); `speed` times a search with and without a latency budget, in
processor time, in turns. The figures are drawn by matplotlib.
"""

import itertools
import math
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from zennas.architecture import Architecture
from zennas.counting import count_super_blocks
from zennas.latency.collect import Plan, is_held_out
from zennas.latency.drift import reference, reference_seconds
from zennas.latency.fit import fit_predictor, relative_errors
from zennas.latency.in_search import latency_budget
from zennas.latency.measure import measure
from zennas.latency.predictor import read_predictor, write_predictor
from zennas.latency.records import Corrected, read_records
from zennas.latency.setting import on_this_machine
from zennas.runs.run import new_search, start_run
from zennas.searching.executors import serial
from zennas.searching.settings import SearchConfig
from zennas.spaces.start import starting_network

app = typer.Typer()
Out = Annotated[Path, typer.Option(help="Directory for predictors and figures.")]


@app.command()
def fit(files: list[Path], out: Out) -> None:
    """Table of errors, and a figure of predicted against measured for each file."""
    out.mkdir(parents=True, exist_ok=True)
    print("| space, input, batch | model | median error | within 5 % | within 10 % | 99 % within | µs a prediction |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for file in files:
        raw = read_records(file)
        predictor = fit_predictor(raw)
        write_predictor(predictor, out / f"{file.stem}.json")
        setting = raw.header.setting
        side, batch = setting.resolution, setting.batch_size
        label = f"{raw.header.space}, {side}×{side}, {batch}"
        report = predictor.report
        rows = [*report["models"].items(), ("measuring again", report["noise"])]
        for name, e in rows:
            speed = f"{e['microseconds']:.0f}" if e["microseconds"] else "-"
            chosen = f"**{name}**" if name == predictor.model.name else name
            print(
                f"| {label} | {chosen} | {e['median']:.1%} | {e['within_5']:.0%} | {e['within_10']:.0%} | "
                f"{e['percentile_99']:.0%} | {speed} |"
            )
        low, high = (bound * 1e3 for bound in predictor.range)
        print(
            f"<!-- {label}: {report['fitted']} fitted, {report['held_out']} held out, {report['layers']} layers, "
            f"{low:.3g} to {high:.3g} ms an image, reference {np.percentile(raw.references, (5, 50, 95)) * 1e3} ms -->"
        )
        measured = Corrected(raw)
        held_out = [n for n in measured.numbers() if is_held_out(n)]
        x = [measured.latencies[n][0] * 1e3 for n in held_out]
        y = [predictor.predict(measured.networks[n]) * 1e3 for n in held_out]
        _scatter(
            out / f"{file.stem}.svg",
            [(x, y, f"{len(x)} held-out networks")],
            "measured, ms an image",
            "predicted, ms an image",
            f"{raw.header.space} space, {side}×{side}, batch {batch}",
            diagonal=True,
        )


@app.command()
def again(file: Path, predictor: Path, networks: int = 60, visits: int = 5) -> None:
    """Held-out networks measured again, in turns: which is nearer to that, the predictor or the file's measurement?"""
    measured, learned = Corrected(read_records(file)), read_predictor(predictor)
    held_out = [n for n in measured.numbers() if is_held_out(n)]
    picked = held_out[:: max(1, len(held_out) // networks)]
    setting = on_this_machine(learned.setting)
    latencies = np.empty((visits, len(picked)))
    with reference(setting) as run:
        for visit, (column, number) in itertools.product(range(visits), enumerate(picked)):
            drift = reference_seconds(run, setting) / learned.reference
            network = Architecture(measured.networks[number])
            found = measure(network, setting, learned.num_classes, time_limit=Plan().network_seconds)
            latencies[visit, column] = found.latency / drift
    now = np.median(latencies, axis=0)
    predicted = [learned.predict(measured.networks[n]) for n in picked]
    pairs = {
        "predicted": relative_errors(predicted, now),
        "measured for the fit, once": relative_errors([measured.latencies[n][0] for n in picked], now),
        "one of these visits": relative_errors(latencies[0], np.median(latencies[1:], axis=0)),
    }
    print(f"{file.stem}: {len(picked)} networks, {visits} visits")
    print("| against the median of these visits | median error | within 5 % | within 10 % |\n| --- | --- | --- | --- |")
    for name, e in pairs.items():
        print(f"| {name} | {e.median:.1%} | {e.within_5:.0%} | {e.within_10:.0%} |")


@app.command()
def compare(resnet: Path, mobilenet: Path, out: Out) -> None:
    """Multiply-adds against latency, full against depthwise convolutions."""
    out.mkdir(parents=True, exist_ok=True)
    series = []
    for file in (resnet, mobilenet):
        raw = read_records(file)
        measured = Corrected(raw)
        numbers = measured.numbers()
        counted = [
            count_super_blocks(measured.networks[n], raw.header.setting.resolution, raw.header.num_classes)
            for n in numbers
        ]
        flops = np.array([c.flops for c in counted])
        latency = np.array([measured.latency(n) for n in numbers])
        series.append((raw.header, flops, latency))
    setting = series[0][0].setting
    low = max(flops.min() for _, flops, _ in series)
    high = min(flops.max() for _, flops, _ in series)
    edges = np.exp(np.linspace(math.log(low), math.log(high), 7))
    print(
        "| multiply-adds | resnet, ms (networks) | mobilenet, ms (networks) | mobilenet / resnet |\n"
        "| --- | --- | --- | --- |"
    )
    for left, right in itertools.pairwise(edges):
        picked = [latency[(flops >= left) & (flops < right)] * 1e3 for _, flops, latency in series]
        if all(len(values) >= 3 for values in picked):
            a, b = (float(np.median(values)) for values in picked)
            print(
                f"| {left / 1e6:.3g} to {right / 1e6:.3g} M | {a:.3g} ({len(picked[0])}) | "
                f"{b:.3g} ({len(picked[1])}) | {b / a:.2f} |"
            )
    _scatter(
        out / f"figure11-b{setting.batch_size}.svg",
        [(flops / 1e6, latency * 1e3, f"{header.space} space") for header, flops, latency in series],
        "multiply-adds, M",
        "latency, ms an image",
        f"{setting.resolution}×{setting.resolution}, batch {setting.batch_size}",
        diagonal=False,
    )


@app.command()
def speed(predictor: Path, latency: str = "2ms", repeats: int = 3) -> None:
    """Processor seconds of 48,000 iterations with and without a latency budget."""
    learned = read_predictor(predictor)
    settings = dict(
        space=learned.space, resolution=learned.setting.resolution, num_classes=learned.num_classes, rescore=0
    )
    budgeted = SearchConfig(latency=latency, latency_predictor=str(predictor), **settings)
    found = start_run(budgeted.model_copy(update={"iterations": 4000}), None)
    plain = SearchConfig(flops=str(found.costs.flops), **settings)
    for _ in range(repeats):
        seconds = []
        for config in (plain, budgeted):
            began = time.process_time()
            _search_alone(config)
            seconds.append(time.process_time() - began)
        print(
            f"without {seconds[0]:.2f} s ({config.iterations / seconds[0]:,.0f} iterations/s), "
            f"with {seconds[1]:.2f} s ({config.iterations / seconds[1]:,.0f} iterations/s), "
            f"ratio {seconds[1] / seconds[0]:.2f}"
        )


def _search_alone(config: SearchConfig) -> None:
    """A search without what is measured at its end."""
    budget = latency_budget(config)
    search = new_search(config, serial, budget)
    rng, problem = np.random.default_rng(config.seed), search.problem
    budgets = search.budget_sets[0]
    search.begin([starting_network(problem.space, budgets, config.resolution, config.num_classes, rng, problem.count)])
    while not search.finished:
        search.step()


def _scatter(
    path: Path, series: list[tuple[object, object, str]], x: str, y: str, title: str, *, diagonal: bool
) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(4.5, 4))
    for xs, ys, label in series:
        axes.loglog(xs, ys, ".", markersize=4, label=label)
    if diagonal:
        ends = [min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1])]
        axes.loglog(ends, ends, "-", color="grey", linewidth=0.8)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    app()
