"""Test accuracy of a design beside what else the same time of training could have gone into.

    python benchmarks/design.py cifar10 --data imagefolder:DIR --out DIR [--workers 2]
    python benchmarks/design.py digits --out DIR

The methods, all within one budget:

- design: candidates are trained for a short time, learned from, searched again; the best is trained in full;
- random: as many candidates, random networks of the same space, trained in the same way; the best is trained in full;
- zero-shot: the winner of a search by `zen-weighted`, trained for as much longer as the candidates took;
- ResNet-20, narrower: scaled to the budget, trained for as much longer.

Each ends with three trainings in full from other seeds. The time is that of optimiser steps on one thread, as it was
measured in the trainings themselves; how many epochs the time is for the others is measured by one epoch of each, and
kept in `DIR/NAME-epochs.json`. What is in the directory already is gone on with.
"""

import argparse
import json
import multiprocessing
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmark import table
from kept import Results, measuring, parsed
from trained import RECIPE, half_width, resnet, trained_here, widest

from zennas.architecture.model import Architecture

SEEDS = (0, 1, 2)
CANDIDATES = ("design", "random")
"""Methods that train candidates."""


@dataclass(frozen=True)
class Setting:
    """What is compared on.

    Attributes:
        budgets: of every network.
        design: settings of the design beside budgets and recipe.
        recipe: settings of every training.
    """

    budgets: dict[str, Any]
    design: dict[str, Any]
    recipe: dict[str, Any] = field(default_factory=dict)
    resolution: int = 32
    classes: int = 10


def _recipe() -> dict[str, Any]:
    return {name: value for name, value in RECIPE.items() if name != "epochs"}


SETTINGS = {
    "cifar10": Setting(
        {"params": "150k", "flops": "5M"},
        {"candidates": 20, "epochs": 8, "rounds": 3, "final_epochs": 30, "holdout": 0.1},
        _recipe(),
    ),
    "digits": Setting(
        {"params": "20k", "flops": "500k"},
        {"candidates": 4, "epochs": 2, "rounds": 2, "final_epochs": 2, "halvings": 1, "iterations": 500},
        {"batch_size": 128, "lr": 0.2},
        8,
    ),
}


def designed(name: str, setting: Setting, data: str, out: Path, workers: int) -> Any:
    """The design of a method that trains candidates, or random search in its place."""
    import zennas
    from zennas.designing import resume_design
    from zennas.searching.executors import Execution

    more = {"score": "random", "rounds": 1} if name == "random" else {}
    place = out / name
    if (place / "config.yaml").is_file():
        return resume_design(place, execution=Execution(workers), threads=1)
    settings = {**setting.budgets, **setting.design, **setting.recipe, **more, "resolution": setting.resolution}
    return zennas.design(data, out=place, execution=Execution(workers), threads=1, **settings)


def others(setting: Setting) -> dict[str, Callable[[], Architecture]]:
    """The networks that are trained without candidates, by method."""
    import zennas
    from zennas.counting.budgets import parse_budget

    def zero_shot() -> Architecture:
        found = zennas.search(
            "resnet", setting.resolution, setting.classes, **setting.budgets, score="zen-weighted", rescore=0
        )
        return found.architecture

    def scaled() -> Architecture:
        budgets = {name: parse_budget(name, text).high for name, text in setting.budgets.items()}
        return widest(partial(resnet, 20), budgets["params"], budgets["flops"], setting.resolution)

    return {"zero-shot": zero_shot, "ResNet-20, narrower": scaled}


def trained(structure: str, directory: str, data: str, epochs: int, seed: int, setting: Setting) -> Any:
    """Test accuracy after the last epoch, and images a second of each."""
    settings = {**setting.recipe, "resolution": setting.resolution, "seed": seed, "evaluate": "end"}
    rows = trained_here(structure, Path(directory), data=data, epochs=epochs, **settings)
    return rows[-1]["accuracy"], [row["images_per_second"] for row in rows]


def epochs_for(seconds: float, structure: str, place: Path, data: str, setting: Setting, images: int) -> int:
    """Epochs of a network that take so long, by one that is trained to find out; kept for the next start."""
    path = place.with_name(f"{place.name}-epochs.json")
    if path.is_file():
        return int(json.loads(path.read_text(encoding="utf-8")))
    _, speeds = trained(structure, f"{place}-one-epoch", data, 1, 0, setting)
    epochs = max(1, round(seconds / (images / speeds[0])))
    path.write_text(json.dumps(epochs), encoding="utf-8")
    return epochs


def measure(results: Results, setting: Setting, data: str, out: Path, workers: int) -> None:
    """A row for each method and seed."""
    from zennas.architecture import format_structure
    from zennas.counting import costs

    out.mkdir(parents=True, exist_ok=True)
    designs = {name: designed(name, setting, data, out, workers) for name in CANDIDATES}
    first = designs["design"]
    images = first.config.images
    seconds = first.seconds
    plans: dict[str, tuple[Architecture, int, float]] = {}
    for name, result in designs.items():
        spent = sum(candidate.seconds for candidate in result.candidates)
        plans[name] = result.architecture(result.winner), result.config.final_epochs, spent
    for name, make in others(setting).items():
        network = make()
        epochs = epochs_for(
            seconds, format_structure(network), out / name.replace(" ", "").replace(",", "-"), data, setting, images
        )
        plans[name] = network, epochs, 0.0
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        running = []
        for name, (network, epochs, spent) in plans.items():
            for seed in SEEDS:
                if f"{name} · {seed}" in results:
                    continue
                place = out / f"{name.replace(' ', '').replace(',', '-')}-{seed}"
                job = pool.submit(trained, format_structure(network), str(place), data, epochs, seed, setting)
                running.append((name, seed, network, epochs, spent, job))
        for name, seed, network, epochs, spent, job in running:
            accuracy, speeds = job.result()
            counted = costs(network, setting.resolution, setting.classes)
            results.add(
                f"{name} · {seed}",
                structure=format_structure(network),
                params=counted.params,
                flops=counted.flops,
                layers=counted.layers,
                convolutions=counted.convolutions,
                epochs=epochs,
                accuracy=round(100 * accuracy, 2),
                candidate_seconds=round(spent, 1),
                seconds=round(sum(images / speed for speed in speeds), 1),
            )


def show(results: Results) -> str:
    """The methods in a table: mean accuracy with a 95 % interval over the seeds of the training in full."""
    from zennas.units import format_count, format_seconds

    lines = []
    for name in dict.fromkeys(key.partition(" · ")[0] for key in results.rows):
        rows = [row for key, row in results.rows.items() if key.partition(" · ")[0] == name]
        accuracies = [row["accuracy"] for row in rows]
        half = half_width(accuracies) if len(accuracies) > 1 else float("nan")
        total = rows[0]["candidate_seconds"] + statistics.mean(row["seconds"] for row in rows)
        lines.append(
            [
                name,
                f"{statistics.mean(accuracies):.2f} ± {half:.2f}",
                format_count(rows[0]["params"]),
                format_count(rows[0]["flops"]),
                str(rows[0]["convolutions"]),
                str(rows[0]["epochs"]),
                format_seconds(total),
            ]
        )
    header = ["method", "accuracy (%)", "params", "multiply-adds", "convolutions", "final epochs", "training in all"]
    return table(header, lines)


def main() -> None:
    """Measure on one data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=SETTINGS)
    parser.add_argument("--data", default="digits", help="imagefolder:DIR with CIFAR-10, or cifar10:DIR")
    parser.add_argument("--out", required=True, type=Path, help="directory of designs and trainings")
    parser.add_argument("--workers", type=int, default=1, help="trainings at the same time")
    options = parsed(parser)
    with measuring(f"design-{options.part}", options.keep) as results:
        measure(results, SETTINGS[options.part], options.data, options.out, options.workers)
    print(show(results))


if __name__ == "__main__":
    main()
