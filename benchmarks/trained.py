"""Test accuracy on CIFAR-10 of what searches find under one budget, beside published networks scaled down to it.

    python benchmarks/trained.py train --data imagefolder:DIR --out DIR [--workers 2]
    OMP_NUM_THREADS=1 python benchmarks/trained.py latency

A method is a score whose winner is taken, or a published network made as wide as the budget allows. Each is trained
three times by one recipe, the leading two five times: seed s is that of the search and of the training, so that the
interval covers the luck of both. The accuracy is that of the last epoch. Trainings that are in the directory already
are gone on with. The second command measures how long the networks of the first one take on this CPU, an image at a
time.
"""

import argparse
import multiprocessing
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

from benchmark import Benchmark, table
from kept import RESULTS, Results, Row, measuring, parsed, read

from zennas.architecture.model import Architecture, SuperBlock
from zennas.units import format_count

RESOLUTION, CLASSES = 32, 10
PARAMS, FLOPS, LAYERS = 150_000, 5_000_000, 18
SEEDS = (0, 1, 2)
MORE_SEEDS = (3, 4)
LEADING = ("inverted search, zen-weighted", "MobileNetV2, narrower", "inverted search, zen-weighted, annealing")
"""The two methods that three seeds put first, but not apart, and what the first is by the present default algorithm;
they have more seeds."""
BACKENDS = ("torch", "onnxruntime")
VISITS = 3
SCORES = ("zen-weighted", "meanfield", "params", "flops", "random")
OTHER_SPACES = {
    "inverted": "inverted",
    "mobilenet": "mobilenet",
    "inverted, any widths": str(Path(__file__).with_name("any-widths.yaml")),
}
"""Other spaces that are searched, by their names in the table."""
RECIPE: dict[str, Any] = {
    "epochs": 10, "batch_size": 128, "lr": 0.2, "weight_decay": 1e-4, "warmup": 0.05, "mixup": 0.0,
    "label_smoothing": 0.0, "erasing": 0.0, "auto_augment": False, "flip": 0.5, "lighting": 0.0,
}  # fmt: skip
"""He et al.'s for CIFAR (2016, section 4.2), with a cosine and few epochs; `lr` is for a batch of 256."""


def resnet(depth: int, share: float) -> Architecture:
    """The CIFAR network of He et al., section 4.2, of depth 6n + 2, with `share` of its channels."""
    widths = [round(share * width) for width in (16, 32, 64)]
    blocks = [SuperBlock("Conv", 3, 3, widths[0], 1)]
    for stage, width in enumerate(widths):
        stride, before = (1, widths[0]) if stage == 0 else (2, widths[stage - 1])
        blocks.append(SuperBlock("Basic", 3, before, width, stride, width))
        blocks += [SuperBlock("Basic", 3, width, width, 1, width)] * ((depth - 2) // 6 - 1)
    return Architecture(tuple(blocks), f"ResNet-{depth}", RESOLUTION, CLASSES)


def mobilenet_v2(share: float) -> Architecture:
    """MobileNetV2 of Sandler et al., table 2, with `share` of its channels and without its first two strides of two,
    as it is used on 32×32 pixels."""
    rows = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    width = round(share * 32)
    blocks = [SuperBlock("Conv", 3, 3, width, 1)]
    for expansion, channels, repeats, stride in rows:
        for repeat in range(repeats):
            out = round(share * channels)
            blocks.append(SuperBlock("IR", 3, width, out, stride if repeat == 0 else 1, expansion=float(expansion)))
            width = out
    blocks.append(SuperBlock("Conv", 1, width, round(share * 1280)))
    return Architecture(tuple(blocks), "MobileNetV2", RESOLUTION, CLASSES)


def widest(
    make: Callable[[float], Architecture], params: float = PARAMS, flops: float = FLOPS, resolution: int = RESOLUTION
) -> Architecture:
    """The network of the largest share of channels, in thousandths, that keeps both budgets."""
    from zennas.counting import costs

    for thousandths in range(1000, 0, -1):
        network = make(thousandths / 1000)
        counted = costs(network, resolution, CLASSES)
        if counted.params <= params and counted.flops <= flops:
            return network
    raise ValueError("no share of the channels keeps the budgets")


def winner(score: str, seed: int, space: str = "resnet", algorithm: str = "evolution") -> Architecture:
    """What a search finds; by evolution, which was the default algorithm when most of these networks were trained,
    unless another one is named."""
    import zennas

    found = zennas.search(
        space, RESOLUTION, CLASSES, params=PARAMS, flops=FLOPS, layers=LAYERS, score=score, algorithm=algorithm,
        seed=seed, rescore=0,
    )  # fmt: skip
    return found.architecture


def methods(seed: int) -> dict[str, Callable[[], Architecture]]:
    """What is compared, by its name."""
    return {
        **{f"search, {score}": partial(winner, score, seed) for score in SCORES},
        **{
            f"{name} search, zen-weighted": partial(winner, "zen-weighted", seed, space)
            for name, space in OTHER_SPACES.items()
        },
        "inverted search, zen-weighted, annealing": partial(winner, "zen-weighted", seed, "inverted", "annealing"),
        "ResNet-20, narrower": lambda: widest(partial(resnet, 20)),
        "MobileNetV2, narrower": lambda: widest(mobilenet_v2),
    }


def trained_here(model: str, folder: Path, **settings: Any) -> tuple[dict[str, Any], ...]:
    """A row an epoch of a training on one thread in a folder, begun there or gone on with."""
    import torch

    from zennas.train import resume_training, train

    torch.set_num_threads(1)
    if (folder / "config.yaml").is_file():
        return resume_training(folder).history
    return train(model, folder, **settings).history


def trained(model: str, directory: str, data: str, seed: int) -> list[float]:
    """Test accuracy of every epoch."""
    rows = trained_here(model, Path(directory), data=data, resolution=RESOLUTION, seed=seed, **RECIPE)
    return [row["accuracy"] for row in rows]


def measure(results: Results, data: str, out: Path, workers: int, only: Sequence[str] = ()) -> None:
    """A row for each method, or each of `only`, and seed, as trainings end."""
    from zennas.architecture import format_structure, write_architecture

    out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        running = {}
        jobs = [
            (f"{name} · {seed}", seed, make)
            for seed in (*SEEDS, *MORE_SEEDS)
            for name, make in methods(seed).items()
            if (seed in SEEDS or name in LEADING) and (not only or name in only)
        ]
        # The slowest networks, of depthwise convolutions, come last, so that the rest can be looked at.
        for key, seed, make in sorted(jobs, key=lambda job: job[0].startswith(("MobileNet", "inverted", "mobilenet"))):
            if key in results:
                continue
            network = make()
            structure = format_structure(network)
            place = out / key.replace(" ", "").replace(",", "-").replace("·", "-")
            write_architecture(network, place.with_suffix(".yaml"))
            running[pool.submit(trained, str(place.with_suffix(".yaml")), str(place), data, seed)] = key, structure
        for job in as_completed(running):
            key, structure = running[job]
            accuracies = [round(100 * accuracy, 2) for accuracy in job.result()]
            results.add(key, structure=structure, **counted(structure), accuracies=accuracies)


def counted(structure: str) -> Row:
    """Costs of a network, and its score by the default search's."""
    from zennas.counting import costs
    from zennas.scores.registry import ScoreSettings, compute_score

    network = architecture_of(structure)
    found = costs(network, RESOLUTION, CLASSES)
    score = compute_score("zen-weighted", network, RESOLUTION, ScoreSettings()).score
    counts = {name: getattr(found, name) for name in ("params", "flops", "layers", "convolutions")}
    return {**counts, "zen_weighted": round(score, 2)}


def recompute(results: Results) -> dict[str, Row]:
    """Costs and scores of the networks that are kept."""
    return {key: counted(row["structure"]) for key, row in results.rows.items()}


def grouped(results: Results) -> dict[str, list[dict[str, Any]]]:
    """The rows of each method, by seed."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for key, row in sorted(results.rows.items()):
        rows.setdefault(key.partition(" · ")[0], []).append(row)
    return rows


def by_method(results: Results) -> dict[str, list[dict[str, Any]]]:
    """The same, the method of the highest mean accuracy first."""
    return dict(sorted(grouped(results).items(), key=lambda item: -mean_accuracy(item[1])))


def mean_accuracy(rows: list[dict[str, Any]], epoch: int = -1) -> float:
    """Mean over the seeds, in percent, after an epoch; the last one by default."""
    return statistics.mean(row["accuracies"][epoch] for row in rows)


def half_width(values: list[float]) -> float:
    """Of the 95 % interval of a mean, by Student's t."""
    from scipy.stats import t

    return float(t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5)


def show(results: Results) -> str:
    """Accuracy of each method with its interval, and what its networks cost."""
    lines = []
    for name, rows in by_method(results).items():
        values = [row["accuracies"][-1] for row in rows]
        costs = [_range([row[cost] for row in rows]) for cost in ("params", "flops", "convolutions")]
        scores = sorted(row["zen_weighted"] for row in rows)
        score = f"{scores[0]:.2f}" if scores[0] == scores[-1] else f"{scores[0]:.2f} to {scores[-1]:.2f}"
        interval = f" ± {half_width(values):.1f}" if len(values) > 2 else ""
        lines.append([name, f"{statistics.mean(values):.1f}{interval}", _listed(values), *costs, score])
    header = ["method", "accuracy (%)", "by seed", "params", "multiply-adds", "convolutions", "zen-weighted"]
    return table(header, lines, ["---", "---:", "---", "---:", "---:", "---:", "---:"])


def show_whole(results: Results) -> str:
    """Accuracy and costs of the methods that were trained with every seed."""
    lines = []
    for name, rows in by_method(results).items():
        if len(rows) < len(SEEDS):
            continue
        values = [row["accuracies"][-1] for row in rows]
        costs = [_range([row[cost] for row in rows]) for cost in ("params", "flops")]
        lines.append([name, f"{statistics.mean(values):.1f} ± {half_width(values):.1f}", _listed(values), *costs])
    header = ["method", "accuracy (%)", "by seed", "params", "multiply-adds"]
    return table(header, lines, ["---", "---:", "---", "---:", "---:"])


def show_epochs(results: Results) -> str:
    """Mean accuracy by epoch: whether the order still changes."""
    methods_ = by_method(results)
    epochs = range(len(next(iter(methods_.values()))[0]["accuracies"]))
    lines = [[name, *(f"{mean_accuracy(rows, epoch):.1f}" for epoch in epochs)] for name, rows in methods_.items()]
    return table(["method", *(str(epoch + 1) for epoch in epochs)], lines)


def show_networks(results: Results) -> str:
    """The structures that were trained, each once."""
    structures = {row["structure"]: name for name, rows in by_method(results).items() for row in rows}
    return "\n".join(f"- {name}: `{structure}`" for structure, name in structures.items())


def measure_latency(results: Results) -> None:
    """A row for each trained network: milliseconds an image on one thread, the median of visits in turn."""
    from zennas.latency.measure import measure
    from zennas.latency.setting import Setting

    trained_rows = read(RESULTS / "trained-cifar10.json").rows
    networks = {key: architecture_of(row["structure"]) for key, row in trained_rows.items()}
    settings = {backend: Setting(backend=backend, batch_size=1, resolution=RESOLUTION) for backend in BACKENDS}
    visits: dict[tuple[str, str], list[float]] = {}
    for _ in range(VISITS):
        for key, network in networks.items():
            for backend, setting in settings.items():
                visits.setdefault((key, backend), []).append(1e3 * measure(network, setting).latency)
    for key in networks:
        results.add(key, **{backend: round(statistics.median(visits[key, backend]), 3) for backend in BACKENDS})


def architecture_of(structure: str) -> Architecture:
    """The network of a structure string, for this benchmark's images."""
    from zennas.architecture import parse_structure

    return Architecture(parse_structure(structure).super_blocks, "", RESOLUTION, CLASSES)


def show_latency(results: Results) -> str:
    """Mean over each method's networks."""
    lines = []
    for name, rows in grouped(results).items():
        means = {backend: statistics.mean(row[backend] for row in rows) for backend in BACKENDS}
        lines.append((means["onnxruntime"], [name, *(f"{means[backend]:.2f}" for backend in BACKENDS)]))
    return table(["method", *(f"{backend}, ms" for backend in BACKENDS)], [line for _, line in sorted(lines)])


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def _range(values: list[float]) -> str:
    low, high = (format_count(value) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def main() -> None:
    """Train everything, or measure what was trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["train", "latency"])
    parser.add_argument("--data", help="imagefolder:DIR with CIFAR-10, or cifar10:DIR")
    parser.add_argument("--out", type=Path, help="directory of the trainings")
    parser.add_argument("--workers", type=int, default=1, help="trainings at the same time")
    parser.add_argument(
        "--only", action="append", metavar="METHOD", help="train this one beside what was kept; repeatable"
    )
    options = parsed(parser)
    if options.part == "latency":
        with measuring("trained-latency", options.keep) as results:
            measure_latency(results)
        print(show_latency(results))
        return
    if options.data is None or options.out is None:
        parser.error("train: give --data and --out")
    with measuring("trained-cifar10", options.keep) as results:
        if options.only:
            before = read(RESULTS / "trained-cifar10.json")
            results.command = before.command
            results.rows = {**before.rows, **results.rows}
            results.sessions = [*before.sessions, *results.sessions]
            results.note = before.note
        measure(results, options.data, options.out, options.workers, options.only or ())
    print(show(results))


BENCHMARKS = [
    Benchmark(
        "trained-cifar10", "trained.py train --data imagefolder:DIR --out DIR",
        {
            "trained-cifar10": show, "readme-trained": show_whole, "trained-cifar10-epochs": show_epochs,
            "trained-cifar10-networks": show_networks,
        },
        timed=False, minutes=300, recompute=recompute,
    ),
    Benchmark("trained-latency", "trained.py latency", {"trained-latency": show_latency}, timed=True, minutes=3),
]  # fmt: skip

if __name__ == "__main__":
    main()
