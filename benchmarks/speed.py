"""Speed of scoring and searching. Prints one Markdown table; run it on an idle machine.

OMP_NUM_THREADS=1 python benchmarks/speed.py
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zennas
from zennas.scores.closed_form import meanfield_many

_IMAGENET = ["--resolution", "224", "--classes", "1000"]
SEARCHES = {
    "resnet 32, ≤ 1 M params, ≤ 18 layers": ["--params", "1M", "--layers", "18"],
    "mobilenet 224, ≤ 400 M multiply-adds, ≤ 18 layers": [
        *("--space", "mobilenet", "--se", *_IMAGENET, "--flops", "400M", "--layers", "18")
    ],
    "resnet 224, ≤ 4 G multiply-adds, ≤ 24 layers": [*_IMAGENET, "--flops", "4G", "--layers", "24"],
    "mobilenet 224, ≤ 400 M multiply-adds, any depth": [
        *("--space", "mobilenet", "--se", *_IMAGENET, "--flops", "400M")
    ],
}


def scoring() -> None:
    """Networks a second of the closed form alone: every network differs, what is cached is its super-blocks."""
    print("| closed-form scoring | convolutions | networks/s (wall) | networks/s (CPU) |")
    print("| --- | --- | --- | --- |")
    for name in ("zennet-cifar-0.5M", "zennet-cifar-1.0M", "zennet-imagenet-400M-se", "zennet-imagenet-0.1ms"):
        architecture = zennas.load(name)
        networks = [architecture.super_blocks] * 256
        assert architecture.resolution is not None
        meanfield_many(networks, architecture.resolution)
        count, wall, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < 2:
            meanfield_many(networks, architecture.resolution)
            count += len(networks)
        walls, cpus = time.perf_counter() - wall, time.process_time() - cpu
        print(f"| {name} | {zennas.costs(architecture).convolutions} | {count / walls:,.0f} | {count / cpus:,.0f} |")


def searching() -> None:
    """Whole processes, from their start to `best.yaml`."""
    print("\n| search, whole process | iterations | seconds | iterations/s |\n| --- | --- | --- | --- |")
    folder = Path(tempfile.mkdtemp())
    for name, options in SEARCHES.items():
        for iterations in (48_000, 96_000, 480_000):
            if iterations > 96_000 and "224" in name:
                continue
            out = folder / f"{len(list(folder.iterdir()))}"
            started = time.perf_counter()
            command = [sys.executable, "-m", "zennas.cli.main", "search", "-q", "--rescore", "0", *options]
            subprocess.run(
                [*command, "--iterations", str(iterations), "--out", str(out)], check=True, stdout=subprocess.DEVNULL
            )
            seconds = time.perf_counter() - started
            print(f"| {name} | {iterations:,} | {seconds:.1f} | {iterations / seconds:,.0f} |", flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    scoring()
    searching()
