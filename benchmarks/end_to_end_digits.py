"""Search under 100 k parameters at 32×32, train the winners and a scaled ResNet on scikit-learn's digits, compare.

    OMP_NUM_THREADS=1 python benchmarks/end_to_end_digits.py --epochs 16

Prints a Markdown table: accuracy over seeds, parameters, multiply-adds, latency of one image on one thread, which is
the median of three rounds in which the networks take turns after training.
"""

import argparse
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmark import Benchmark, table
from kept import Results, Row, measuring, parsed
from pages import ROOT

import zennas

RESOLUTION, CLASSES = 32, 10
SCORES = ("meanfield", "params", "random")
ROUNDS = 3


def scaled_resnet(params: int, layers_a_stage: int = 3) -> zennas.Architecture:
    """CIFAR's ResNet-20 with the widest channels w, 2w, 4w that stay within `params`."""
    best = None
    for width in range(1, 64):
        stages = [zennas.SuperBlock("Conv", 3, 3, width)]
        for stage, out in enumerate((width, 2 * width, 4 * width)):
            stride = 2 if stage else 1
            stages.append(zennas.SuperBlock("Res", 3, stages[-1].out_channels, out, stride, out, layers_a_stage))
        candidate = zennas.Architecture(tuple(stages), name=f"resnet-20 of width {width}", resolution=RESOLUTION)
        if zennas.costs(candidate, RESOLUTION, CLASSES).params > params:
            break
        best = candidate
    assert best is not None
    return best


def latency_ms(architecture: zennas.Architecture) -> float:
    """Median CPU milliseconds of one image through torch on one thread.

    On one thread that is the time it takes on an idle machine; other programs do not count.
    """
    import torch
    from torch.utils.benchmark import Timer

    network = zennas.build(architecture, CLASSES).eval()
    with torch.inference_mode():
        timer = Timer(
            "network(x)",
            timer=time.process_time,
            globals={"network": network, "x": torch.randn(1, 3, RESOLUTION, RESOLUTION)},
        )
        return float(timer.blocked_autorange(min_run_time=2).median * 1e3)


def networks(options: argparse.Namespace) -> dict[str, zennas.Architecture]:
    """A scaled ResNet and the winners of three searches."""
    found = {f"ResNet-20 scaled to {options.params // 1000} k": scaled_resnet(options.params)}
    for score in SCORES:
        # A floor keeps a random winner from being small: the comparison is at equal parameters.
        result = zennas.search(
            "resnet", RESOLUTION, CLASSES, params=f"{int(options.params * 0.9)}..{options.params}",
            flops=options.flops, layers=14, score=score, algorithm="evolution", iterations=options.iterations,
            rescore=0,
        )  # fmt: skip
        found[f"search, {score}"] = result.architecture
    return found


def measure(results: Results, options: argparse.Namespace) -> None:
    """A row for each training, then one for each network."""
    from zennas.train import train

    compared = networks(options)
    for name, architecture in compared.items():
        for seed in range(options.seeds):
            key = f"{name}, seed {seed}"
            directory = options.out / key.replace(", ", "-").replace(" ", "-")
            if key in results:
                continue
            shutil.rmtree(directory, ignore_errors=True)
            run = train(
                zennas.format_structure(architecture), directory, data="digits", resolution=RESOLUTION,
                epochs=options.epochs, seed=seed,
            )  # fmt: skip
            # The last epoch, not the best: nothing is chosen by the test images.
            results.add(key, network=name, accuracy=round(run.history[-1]["accuracy"], 6))
    rounds = [{name: latency_ms(architecture) for name, architecture in compared.items()} for _ in range(ROUNDS)]
    for name, architecture in compared.items():
        latency = round(statistics.median(times[name] for times in rounds), 3)
        structure = zennas.format_structure(architecture)
        results.add(name, **counted(structure), latency_ms=latency, structure=structure)


def counted(structure: str) -> Row:
    """Costs and closed-form score of a network."""
    architecture = zennas.parse_structure(structure)
    costs = zennas.costs(architecture, RESOLUTION, CLASSES)
    zen = round(zennas.meanfield_score(architecture, RESOLUTION).score, 3)
    return {"params": costs.params, "flops": costs.flops, "layers": costs.layers, "zen": zen}


def recompute(results: Results) -> dict[str, Row]:
    """Costs and scores of the networks that are kept."""
    return {name: counted(row["structure"]) for name, row in results.rows.items() if row.get("structure")}


def columns(results: Results) -> Iterator[tuple[str, Row, list[float]]]:
    """Each network's name, costs, and accuracies in percent by seed."""
    for name, row in results.rows.items():
        if "params" in row:
            trained = [other for other in results.rows.values() if other.get("network") == name]
            yield name, row, [100 * other["accuracy"] for other in trained]


def accuracy(values: list[float]) -> str:
    """Mean and standard deviation."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.2f} ± {spread:.2f}"


def show(results: Results) -> str:
    """All that is known of the networks."""
    lines = [
        [
            name,
            accuracy(values),
            ", ".join(f"{value:.2f}" for value in values),
            f"{row['params'] / 1e3:.1f} k",
            f"{row['flops'] / 1e6:.1f} M",
            str(row["layers"]),
            f"{row['zen']:.1f}",
            f"{row['latency_ms']:.2f}",
        ]
        for name, row, values in columns(results)
    ]
    header = ["network", "accuracy, mean ± std (%)", "by seed", "params", "multiply-adds", "layers"]
    return table([*header, "closed-form Zen-score", "ms/image"], lines)


def show_short(results: Results) -> str:
    """The same for the README."""
    lines = [
        [name, accuracy(values), f"{r['params'] / 1e3:.1f} k", f"{r['flops'] / 1e6:.1f} M", f"{r['latency_ms']:.2f}"]
        for name, r, values in columns(results)
    ]
    return table(["network", "accuracy (%)", "params", "multiply-adds", "ms/image"], lines)


def main() -> None:
    """Search, train, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "benchmarks" / "digits")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--params", type=int, default=100_000)
    parser.add_argument("--flops", type=int, default=14_000_000)
    parser.add_argument("--iterations", type=int, default=20_000)
    options = parsed(parser)
    with measuring("training-digits", options.keep) as results:
        measure(results, options)
    print(show(results))


BENCHMARKS = [
    Benchmark(
        "training-digits",
        "end_to_end_digits.py --epochs 16",
        {"training-digits": show, "readme-digits": show_short},
        minutes=60,
        recompute=recompute,
    )
]

if __name__ == "__main__":
    main()
