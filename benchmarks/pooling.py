"""The closed form of chains with pools against Monte Carlo: prints the table of the docs.

    nice python benchmarks/pooling.py

Average and max pools stand at the same places of the same chains. Monte Carlo scores are kept in
`data/pooling_reference.csv`, and are measured again only with `--repeats`, which may be interrupted.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
from benchmark import Benchmark, table
from kept import Results, Row, measuring, parsed

from zennas.blocks import Convolution, MaxPool
from zennas.blocks.chain import Chain
from zennas.blocks.layers import AveragePool
from zennas.io.text import write_text
from zennas.scores.closed_form import meanfield_score

DATA = Path(__file__).parent / "data" / "pooling_reference.csv"
BATCH_SIZE = 16
RANDOM_CHAINS = 16
POOLS = {"average": AveragePool, "max": MaxPool}
WINDOWS = ((2, 2), (3, 1), (3, 2))
"""Kernel and stride."""


def random_chain(seed: int, pool: type[AveragePool] | type[MaxPool], kernel: int, stride: int) -> Chain:
    """Three stages of one to six convolutions, dense or depthwise, with a pool after each stage but the last."""
    rng = np.random.default_rng(seed)
    chain: list[Convolution | AveragePool | MaxPool] = []
    channels = 3
    for stage in range(3):
        for number in range(int(rng.integers(1, 7))):
            width = int(rng.choice([16, 32, 64])) if stage < 2 else int(rng.choice([32, 64, 128]))
            depthwise = bool(number) and rng.random() < 0.25
            width, groups = (channels, channels) if depthwise else (width, 1)
            side = 3 if depthwise or channels == 3 else int(rng.choice([1, 3, 3]))
            chain.append(Convolution(channels, width, side, groups=groups))
            channels = width
        if stage < 2:
            chain.append(pool(channels, kernel, stride))
    return tuple(chain)


def residual_chain(pool: type[AveragePool] | type[MaxPool], kernel: int, stride: int, blocks: tuple[int, ...]) -> Chain:
    """A ResNet with a stem of three convolutions and a pool, whose later stages begin with another pool."""
    chain: list[Convolution | AveragePool | MaxPool] = [
        Convolution(3, 32, 3, 2),
        Convolution(32, 32, 3),
        Convolution(32, 64, 3),
        pool(64, kernel, stride),
    ]
    channels = 64
    for stage, count in enumerate(blocks):
        width = 64 * 2**stage
        for block in range(count):
            chain.append(Convolution(channels, width, 3))
            if stage and not block:
                chain.append(pool(width, 2, 2))
            chain.append(Convolution(width, width, 3))
            channels = width
    return tuple(chain)


def chains() -> dict[tuple[str, str, int, str], tuple[Chain, int]]:
    """All chains with their resolutions, by (pool, window, resolution, name)."""
    found: dict[tuple[str, str, int, str], tuple[Chain, int]] = {}
    for kind, pool in POOLS.items():
        for kernel, stride in WINDOWS:
            window = f"{kernel}×{kernel}, stride {stride}"
            for seed in range(RANDOM_CHAINS):
                found[kind, window, 32, f"random-{seed}"] = random_chain(seed, pool, kernel, stride), 32
            # Without strides a random chain takes a minute a repeat at 224×224.
            for seed in range(3 if stride > 1 else 0):
                found[kind, window, 224, f"random-{seed}"] = random_chain(seed, pool, kernel, stride), 224
            for name, blocks in (("resnet-18", (2, 2, 2, 2)), ("resnet-10", (1, 1, 1, 1))):
                found[kind, window, 64, name] = residual_chain(pool, kernel, stride, blocks), 64
            found[kind, window, 224, "resnet-10"] = residual_chain(pool, kernel, stride, (1, 1, 1, 1)), 224
    return found


def reference() -> dict[tuple[str, str, int, str], tuple[int, float, float]]:
    """Repeats, mean and standard error of what was measured."""
    if not DATA.exists():
        return {}
    with DATA.open(encoding="utf-8") as file:
        return {
            (r["pool"], r["window"], int(r["resolution"]), r["name"]): (
                int(r["repeats"]),
                float(r["mean"]),
                float(r["std_error"]),
            )
            for r in csv.DictReader(file)
        }


def write(measured: dict[tuple[str, str, int, str], tuple[int, float, float]]) -> None:
    """Replace the reference."""
    lines = ["pool,window,resolution,name,repeats,mean,std_error"]
    for (pool, window, resolution, name), (repeats, mean, error) in measured.items():
        lines.append(f'{pool},"{window}",{resolution},{name},{repeats},{mean:.4f},{error:.4f}')
    write_text(DATA, "\n".join(lines) + "\n")


def compute() -> dict[str, Row]:
    """Closed form and reference of every chain."""
    measured = reference()
    rows: dict[str, Row] = {}
    for key, (chain, resolution) in sorted(chains().items(), key=lambda item: (item[0][2], item[0][1])):
        _, mean, std_error = measured[key]
        pool, window, _, name = key
        rows["/".join(map(str, key))] = {
            "pool": pool,
            "window": window,
            "resolution": resolution,
            "name": name,
            "mean": mean,
            "std_error": std_error,
            "score": round(meanfield_score(chain, resolution, batch_size=BATCH_SIZE).score, 4),
        }
    return rows


def show(results: Results) -> str:
    """Errors by pool, window and resolution."""
    groups: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for row in results.rows.values():
        groups[row["pool"], row["window"], row["resolution"]].append(row)
    lines = []
    for (pool, window, resolution), rows in groups.items():
        size = np.abs([row["score"] / row["mean"] - 1 for row in rows])
        noise = np.median([row["std_error"] / row["mean"] for row in rows])
        percents = (np.median(size), size.max(), noise)
        lines.append([pool, window, str(resolution), str(len(rows)), *(f"{p:.2%}" for p in percents)])
    header = ["pool", "window", "resolution", "chains", "median", "worst", "reference's own error (median)"]
    return table(header, lines)


def measure(repeats_wanted: int) -> None:
    """Monte Carlo scores of chains that have fewer repeats; the file is written after each."""
    import torch

    from zennas.scores.zen import zen_score

    torch.set_num_threads(1)
    measured = reference()
    for key, (chain, resolution) in sorted(chains().items(), key=lambda item: item[0][2]):
        repeats = repeats_wanted if resolution < 224 else max(2, repeats_wanted // 8)
        if key not in measured or measured[key][0] < min(repeats, repeats_wanted):
            score = zen_score(chain, resolution, batch_size=BATCH_SIZE, repeats=max(2, repeats))
            measured[key] = max(2, repeats), score.score, score.std_error
            write(measured)


def main() -> None:
    """Measure what is missing, and print errors by pool, window and resolution."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1, help="at 32×32; an eighth as many at 224×224, 2 or more")
    arguments = parsed(parser)
    measure(arguments.repeats)
    with measuring("pooling", arguments.keep) as results:
        results.add_all(compute())
    print(show(results))


BENCHMARKS = [Benchmark("pooling", "pooling.py", {"pooling": show}, timed=False, minutes=0.2, compute=compute)]

if __name__ == "__main__":
    main()
