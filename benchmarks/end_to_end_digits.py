"""Search under 100 k parameters at 32×32, train the winners and a scaled ResNet on scikit-learn's digits, compare.

    python benchmarks/end_to_end_digits.py --out runs/end-to-end

Prints a Markdown table: accuracy over seeds, parameters, multiply-adds, latency of one image on one thread.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from torch.utils.benchmark import Timer

import zennas
from zennas.io.text import write_text
from zennas.train import train

RESOLUTION, CLASSES = 32, 10


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
    network = zennas.build(architecture, CLASSES).eval()
    with torch.inference_mode():
        timer = Timer(
            "network(x)",
            timer=time.process_time,
            globals={"network": network, "x": torch.randn(1, 3, RESOLUTION, RESOLUTION)},
        )
        return float(timer.blocked_autorange(min_run_time=2).median * 1e3)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--params", type=int, default=100_000)
    parser.add_argument("--flops", type=int, default=14_000_000)
    parser.add_argument("--iterations", type=int, default=20_000)
    options = parser.parse_args()
    networks = {f"ResNet-20 scaled to {options.params // 1000} k": scaled_resnet(options.params)}
    for score in ("meanfield", "params", "random"):
        # A floor keeps a random winner from being small: the comparison is at equal parameters.
        result = zennas.search(
            "resnet", RESOLUTION, CLASSES, params=f"{int(options.params * 0.9)}..{options.params}",
            flops=options.flops, layers=14, score=score, iterations=options.iterations, rescore=0,
        )  # fmt: skip
        networks[f"search, {score}"] = result.architecture
    results = {}
    for name, architecture in networks.items():
        accuracies = []
        for seed in range(options.seeds):
            directory = options.out / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}"
            run = train(
                zennas.format_structure(architecture), directory, data="digits", resolution=RESOLUTION,
                epochs=options.epochs, seed=seed,
            )  # fmt: skip
            # The last epoch, not the best: nothing is chosen by the test images.
            accuracies.append(run.history[-1]["accuracy"])
            print(f"{name}, seed {seed}: {accuracies[-1]:.4f}", flush=True)
        costs = zennas.costs(architecture, RESOLUTION, CLASSES)
        results[name] = {
            "accuracies": accuracies,
            "params": costs.params,
            "flops": costs.flops,
            "layers": costs.layers,
            "zen": zennas.meanfield_score(architecture, RESOLUTION).score,
            "latency_ms": latency_ms(architecture),
            "structure": zennas.format_structure(architecture),
        }
        write_text(options.out / "results.json", json.dumps(results, indent=2) + "\n")
    print("| network | accuracy, mean ± std (%) | params | multiply-adds | layers | closed-form Zen-score | ms/image |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, row in results.items():
        mean = 100 * statistics.mean(row["accuracies"])
        spread = 100 * statistics.stdev(row["accuracies"]) if options.seeds > 1 else 0.0
        print(
            f"| {name} | {mean:.2f} ± {spread:.2f} | {row['params'] / 1e3:.1f} k | {row['flops'] / 1e6:.1f} M | "
            f"{row['layers']} | {row['zen']:.1f} | {row['latency_ms']:.2f} |"
        )


if __name__ == "__main__":
    main()
