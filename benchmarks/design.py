"""Test accuracy of a design beside what else the same time of training could have gone into.

    python benchmarks/design.py cifar10 --data imagefolder:DIR --out DIR [--workers 2]
    python benchmarks/design.py cifar10-small --data imagefolder:DIR --out DIR [--workers 2]
    python benchmarks/design.py digits --out DIR

The methods, all within one budget:

- design: candidates are trained for a short time, learned from, searched again; the best is trained in full;
- random: as many candidates, random networks of the same space, trained in the same way; the best is trained in full;
- zero-shot: the winner of a search by `zen-weighted`;
- ResNet-20 and MobileNetV2, narrower: scaled to the budget.

Searches are of the space of inverted residuals.

Each ends with three trainings in full from other seeds, of as many epochs as make its time with that of its candidates
the same as the design's. The time is processor time of training steps on one thread: what an image takes a network is
measured for all networks in turn and kept in `DIR/seconds.json`, so that other work on the machine favours none.
`cifar10-small` learns from three tenths of the images, by links in `DIR/images`. What is in the directory already is
gone on with.
"""

import argparse
import json
import multiprocessing
import statistics
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmark import Benchmark, table
from kept import Results, measuring, parsed
from trained import RECIPE, half_width, mobilenet_v2, resnet, trained_here, widest
from training_throughput import speed

from zennas.architecture import format_structure, parse_structure
from zennas.architecture.model import Architecture
from zennas.counting import costs
from zennas.designing.result import FINAL, DesignResult
from zennas.io.text import write_text

SPACE = "inverted"
SEEDS = (0, 1, 2)
CANDIDATES = ("design", "random")
"""Methods that train candidates."""
STEPS, TURNS = 6, 3
"""Training steps by which a network is timed, and how often."""


@dataclass(frozen=True)
class Setting:
    """What is compared on.

    Attributes:
        budgets: of every network.
        design: settings of the design beside budgets and recipe.
        recipe: settings of every training.
        images_per_class: to learn from, the first by name; all by default.
    """

    budgets: dict[str, Any]
    design: dict[str, Any]
    recipe: dict[str, Any] = field(default_factory=dict)
    resolution: int = 32
    classes: int = 10
    images_per_class: int | None = None


@dataclass(frozen=True)
class Plan:
    """How a method ends.

    Attributes:
        structure: of the network that is trained in full.
        epochs: of each of these trainings.
        spent: on candidates before, in seconds.
        seconds: of each training in full.
    """

    structure: str
    epochs: int
    spent: float
    seconds: float


def _recipe() -> dict[str, Any]:
    return {name: value for name, value in RECIPE.items() if name != "epochs"}


SETTINGS = {
    "cifar10": Setting(
        {"params": "150k", "flops": "5M"},
        {"candidates": 20, "epochs": 8, "rounds": 3, "final_epochs": 30, "holdout": 0.1},
        _recipe(),
    ),
    "cifar10-small": Setting(
        {"params": "150k", "flops": "5M"},
        {"candidates": 16, "epochs": 4, "rounds": 2, "final_epochs": 16, "holdout": 0.2},
        _recipe(),
        images_per_class=1500,
    ),
    "digits": Setting(
        {"params": "20k", "flops": "500k"},
        {"candidates": 4, "epochs": 2, "rounds": 2, "final_epochs": 2, "halvings": 1, "iterations": 500},
        {"batch_size": 128, "lr": 0.2},
        8,
    ),
}


def fewer_images(data: str, images_per_class: int, out: Path) -> str:
    """An image folder whose training classes have so many images, as links to those of another."""
    source, place = Path(data.partition(":")[2]).resolve(), out / "images"
    for folder in sorted((source / "train").iterdir()):
        there = place / "train" / folder.name
        there.mkdir(parents=True, exist_ok=True)
        for image in sorted(folder.iterdir())[:images_per_class]:
            if not (there / image.name).is_symlink():
                (there / image.name).symlink_to(image)
    if not (place / "val").is_symlink():
        (place / "val").symlink_to(source / "val")
    return f"imagefolder:{place.resolve()}"


def designed(name: str, setting: Setting, data: str, out: Path, workers: int) -> DesignResult:
    """The design of a method that trains candidates, or random search in its place."""
    import zennas
    from zennas.designing import resume_design
    from zennas.searching.executors import Execution

    # What random search ends with is trained for another time, so that its own training in full is of no use.
    more = {"score": "random", "rounds": 1, "final_epochs": 1} if name == "random" else {}
    place = out / name
    if (place / "config.yaml").is_file():
        return resume_design(place, execution=Execution(workers), threads=1)
    settings = {
        **setting.budgets,
        **setting.design,
        **setting.recipe,
        "space": SPACE,
        "resolution": setting.resolution,
        **more,
    }
    return zennas.design(data, out=place, execution=Execution(workers), threads=1, **settings)


def others(setting: Setting) -> dict[str, Callable[[], Architecture]]:
    """The networks that are trained without candidates, by method."""
    import zennas
    from zennas.counting.budgets import parse_budget

    def zero_shot() -> Architecture:
        found = zennas.search(
            SPACE, setting.resolution, setting.classes, **setting.budgets, score="zen-weighted", rescore=0
        )
        return found.architecture

    def scaled(make: Callable[[float], Architecture]) -> Architecture:
        budgets = {name: parse_budget(name, text).high for name, text in setting.budgets.items()}
        return widest(make, budgets["params"], budgets["flops"], setting.resolution)

    return {
        "zero-shot": zero_shot,
        "ResNet-20, narrower": partial(scaled, partial(resnet, 20)),
        "MobileNetV2, narrower": partial(scaled, mobilenet_v2),
    }


def trained(structure: str, directory: str, data: str, epochs: int, seed: int, setting: Setting) -> float:
    """Test accuracy after the last epoch."""
    settings = {**setting.recipe, "resolution": setting.resolution, "seed": seed, "evaluate": "end"}
    rows = trained_here(structure, Path(directory), data=data, epochs=epochs, **settings)
    return float(rows[-1]["accuracy"])


def timed(structures: Iterable[str], setting: Setting, path: Path) -> dict[str, float]:
    """Processor time of a training image of each network, on one thread."""
    import torch

    if path.is_file():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    torch.set_num_threads(1)
    # The digits, at the size of the images: what a step takes does not depend on what they show.
    settings = {name: value for name, value in setting.recipe.items() if name != "batch_size"}
    batch_size = setting.recipe["batch_size"]
    seconds: dict[str, list[float]] = {structure: [] for structure in structures}
    for _ in range(TURNS):
        for structure, taken in seconds.items():
            taken.append(1 / speed(structure, settings, batch_size, STEPS, setting.resolution))
    medians = {structure: statistics.median(taken) for structure, taken in seconds.items()}
    write_text(path, json.dumps(medians, indent=2))
    return medians


def planned(designs: dict[str, DesignResult], setting: Setting, out: Path) -> dict[str, Plan]:
    """How each method ends, at the design's time."""
    networks = {name: format_structure(make()) for name, make in others(setting).items()}
    candidates = [c.plan.structure for result in designs.values() for c in result.candidates]
    seconds = timed([*networks.values(), *candidates], setting, out / "seconds.json")
    images = designs["design"].config.images or 0

    def spent(result: DesignResult) -> float:
        learned = images * (1 - result.config.holdout)
        return sum(len(c.accuracies) * learned * seconds[c.plan.structure] for c in result.candidates)

    def plan(structure: str, before: float) -> Plan:
        epoch = images * seconds[structure]
        epochs = max(1, round((total - before) / epoch))
        return Plan(structure, epochs, before, epochs * epoch)

    ends = {name: (result.winner.plan.structure, spent(result)) for name, result in designs.items() if result.winner}
    ends |= {name: (structure, 0.0) for name, structure in networks.items()}
    first, before = ends["design"]
    total = before + setting.design["final_epochs"] * images * seconds[first]
    return {name: plan(*end) for name, end in ends.items()}


def place_of(name: str, seed: int, out: Path) -> Path:
    """Directory of a training in full; the design's own is the one of its first seed."""
    if name == "design" and seed == SEEDS[0]:
        return out / name / FINAL
    return out / f"{name.replace(' ', '').replace(',', '-')}-{seed}"


def measure(results: Results, setting: Setting, data: str, out: Path, workers: int) -> None:
    """A row for each method and seed."""
    out.mkdir(parents=True, exist_ok=True)
    if setting.images_per_class is not None:
        data = fewer_images(data, setting.images_per_class, out)
    designs = {name: designed(name, setting, data, out, workers) for name in CANDIDATES}
    plans = planned(designs, setting, out)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        jobs = {
            (name, seed): pool.submit(
                trained, plan.structure, str(place_of(name, seed, out)), data, plan.epochs, seed, setting
            )
            for seed in SEEDS
            for name, plan in plans.items()
            if f"{name} · {seed}" not in results
        }
        for (name, seed), job in jobs.items():
            plan = plans[name]
            counted = costs(parse_structure(plan.structure), setting.resolution, setting.classes)
            results.add(
                f"{name} · {seed}",
                structure=plan.structure,
                params=counted.params,
                flops=counted.flops,
                layers=counted.layers,
                convolutions=counted.convolutions,
                epochs=plan.epochs,
                accuracy=round(100 * job.result(), 2),
                candidate_seconds=round(plan.spent, 1),
                seconds=round(plan.seconds, 1),
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


BENCHMARKS = [
    Benchmark(
        "design-cifar10-small", "design.py cifar10-small --data imagefolder:DIR --out DIR --workers 2",
        {"design-cifar10-small": show}, timed=False, minutes=180,
    )
]  # fmt: skip

if __name__ == "__main__":
    main()
