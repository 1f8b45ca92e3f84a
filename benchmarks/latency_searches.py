"""Searches within a latency: what their winners take, and what the budget costs.

    OMP_NUM_THREADS=1 python benchmarks/latency_searches.py search
    OMP_NUM_THREADS=1 python benchmarks/latency_searches.py speed

Both use the predictors of `benchmarks/latency.py fit`, which they fit where they are missing. `speed` times a search
with and without a latency budget, in processor time, in turns.
"""

import re
import statistics
import time

import numpy as np
from benchmark import Benchmark, table
from kept import Results, measure_part
from latency_sets import SETS, LatencySet, measured

import zennas
from zennas.units import parse_seconds

SEARCHES = (
    ("mobilenet-32-b64", "0.5ms", None),
    ("mobilenet-32-b64", "1ms", None),
    ("mobilenet-32-b64", "2ms", None),
    ("resnet-32-b64", "0.5ms", 20),
    ("resnet-32-b64", "1ms", 20),
    ("resnet-32-b1", "2ms", 20),
    ("resnet-32-b1", "5ms", 20),
    ("mobilenet-32-b1", "3ms", None),
    ("mobilenet-32-b1", "6ms", None),
    ("mobilenet-224-b1", "40ms", None),
)
"""Set, budget and bound on layers."""
TIMED = (("mobilenet-32-b64", "1ms"), ("resnet-32-b1", "2ms"), ("mobilenet-224-b1", "40ms"))
MISS = re.compile(r"was predicted at (\S+) but measured at (.+?), which misses")
ROUNDS = 3


def search(results: Results) -> None:
    """The best network's latency as predicted and as measured, and what was returned."""
    for name, budget, layers in SEARCHES:
        key = f"{name}/{budget}"
        if key in results:
            continue
        one = SETS[name]
        more = {} if layers is None else {"layers": layers}
        found = zennas.search(
            one.space,
            one.resolution,
            100,
            latency=budget,
            latency_predictor=str(measured(one)),
            rescore=0,
            **more,
        )
        miss = MISS.search(" ".join(found.notes))
        predicted, latency = found.best.costs.latency, found.best.measured_latency
        meets = latency <= parse_seconds(budget, "budget")
        results.add(
            key,
            set=name,
            layers=layers,
            budget_ms=parse_seconds(budget, "budget") * 1e3,
            predicted_ms=milliseconds(miss[1]) if miss else rounded(predicted * 1e3),
            measured_ms=milliseconds(miss[2]) if miss else rounded(latency * 1e3),
            returned=returned(latency, meets, miss is not None),
            meets=meets,
            rate=round(found.iterations_here / found.seconds),
            notes=list(found.notes),
        )


def returned(latency: float, meets: bool, missed: bool) -> str:
    """What a search returned, in words."""
    if not missed:
        return "the winner"
    return f"another, {latency * 1e3:.3g} ms" if meets else "the winner: none that was measured meets it"


def milliseconds(shown: str) -> float | None:
    """`1.05ms` → 1.05; `None` for words, of a network that needs more memory than there is."""
    return rounded(parse_seconds(shown, "latency") * 1e3) if shown[0].isdigit() else None


def rounded(value: float) -> float:
    """To three digits."""
    return float(f"{value:.3g}")


def speed(results: Results) -> None:
    """Processor seconds of 48,000 iterations with and without a latency budget, in turns."""
    from zennas.runs.run import start_run
    from zennas.searching.settings import SearchConfig

    for name, budget in TIMED:
        if name in results:
            continue
        one = SETS[name]
        settings = dict(space=one.space, resolution=one.resolution, num_classes=100, rescore=0)
        budgeted = SearchConfig(latency=budget, latency_predictor=str(measured(one)), **settings)
        found = start_run(budgeted.model_copy(update={"iterations": 4000}), None)
        plain = SearchConfig(flops=str(found.costs.flops), **settings)
        seconds: dict[str, list[float]] = {"without": [], "with": []}
        for _ in range(ROUNDS):
            for key, config in (("without", plain), ("with", budgeted)):
                began = time.process_time()
                search_alone(config)
                seconds[key].append(round(time.process_time() - began, 2))
        results.add(name, set=name, budget=budget, iterations=plain.iterations, **seconds)


def search_alone(config: object) -> None:
    """A search without what is measured at its end."""
    from zennas.latency.in_search import latency_budget
    from zennas.runs.configured import new_search
    from zennas.searching.executors import serial
    from zennas.spaces.start import starting_network

    search = new_search(config, serial, latency_budget(config))
    rng, problem = np.random.default_rng(config.seed), search.problem
    budgets = search.budget_sets[0]
    search.begin([starting_network(problem.space, budgets, config.resolution, config.num_classes, rng, problem.count)])
    while not search.finished:
        search.step()


def titled(one: LatencySet, layers: int | None) -> str:
    """A set with the bound on layers."""
    return one.title if layers is None else f"{one.title}, {layers} layers"


def show_search(results: Results) -> str:
    """A row a search, and how many kept their budget."""
    rows = results.rows.values()
    lines = [
        [
            titled(SETS[row["set"]], row["layers"]),
            f"{row['budget_ms']:g} ms",
            f"{row['predicted_ms']:g} ms",
            "out of memory" if row["measured_ms"] is None else f"{row['measured_ms']:g} ms",
            row["returned"],
            f"{row['rate']:,}",
        ]
        for row in rows
    ]
    header = ["space, input, batch", "budget", "winner predicted", "winner measured", "returned, measured"]
    met, winners = sum(row["meets"] for row in rows), sum(row["returned"] == "the winner" for row in rows)
    said = (
        f"{met} of {len(lines)} return a network that meets its budget when measured (by the measurement that chose it)"
    )
    over = [row["measured_ms"] / row["predicted_ms"] - 1 for row in rows if row["measured_ms"]]
    said += f"; in {winners} it is the winner. A search takes what its predictor underestimates: winners take up to "
    return table([*header, "iterations/s"], lines) + f"\n\n{said}{max(over):.0%} longer than predicted."


def show_speed(results: Results) -> str:
    """Medians of the rounds."""
    lines = []
    for row in results.rows.values():
        medians = [statistics.median(row[key]) for key in ("without", "with")]
        shown = [f"{s:.2f} s ({row['iterations'] / s:,.0f} iterations/s)" for s in medians]
        lines.append([SETS[row["set"]].title, row["budget"], *shown, f"{medians[1] / medians[0]:.2f}"])
    return table(["space, input, batch", "budget", "without latency", "with latency", "ratio"], lines)


PARTS = {"search": (search, show_search), "speed": (speed, show_speed)}
BENCHMARKS = [
    Benchmark(f"latency-{part}", f"latency_searches.py {part}", {f"latency-{part}": show}, minutes=minutes)
    for (part, (_, show)), minutes in zip(PARTS.items(), (5, 3), strict=True)
]

if __name__ == "__main__":
    measure_part("latency", __doc__, PARTS)
