"""How many images a repeat of re-scoring's race needs: what a repeat takes, scatters and tells by their number.

    OMP_NUM_THREADS=1 python benchmarks/race_images.py

Of four searches two of the best networks each; what tells them apart is the mean of their repeats.
"""

import argparse
import statistics
import time

from benchmark import Benchmark, table
from kept import Results, measuring, parsed

import zennas

IMAGES = (2, 4, 8, 16)
"""Of a repeat; the last is that of the repeats that are reported."""
REPEATS = 64
SEEDS, OF_EACH, APART = range(4), 2, 8


def networks() -> list[zennas.Architecture]:
    """The winner of each search, and the network some places behind it."""
    found = []
    for seed in SEEDS:
        searched = zennas.search(params="1M", layers=18, score="meanfield", seed=seed, rescore=0)
        unlike = {c.super_blocks: c for c in searched.candidates()}.values()
        ranked = sorted(unlike, key=lambda c: (-c.score, c.id))
        found += [zennas.Architecture(c.super_blocks, "", 32, 100) for c in ranked[: OF_EACH * APART : APART]]
    return found


def measure(results: Results) -> None:
    """A row for each number of images."""
    import torch

    from zennas.allocator import keep_freed_memory

    torch.set_num_threads(1)
    keep_freed_memory()
    judged = networks()
    for images in IMAGES:
        if str(images) in results:
            continue
        began = time.process_time()
        scores = [
            zennas.zen_score(network, batch_size=images, repeats=REPEATS, seed=99, first_repeat=images * REPEATS)
            for network in judged
        ]
        seconds = (time.process_time() - began) / (REPEATS * len(judged))
        results.add(
            str(images),
            means=[round(score.score, 3) for score in scores],
            scatter=[round(statistics.stdev(score.repeats), 3) for score in scores],
            seconds=round(seconds, 4),
        )


def show(results: Results) -> str:
    """A row for each number of images, and how alike the means are to those of the most images."""
    rows = results.rows
    most = rows[str(IMAGES[-1])]["means"]
    lines = []
    for images, row in rows.items():
        alike = "–" if images == str(IMAGES[-1]) else f"{statistics.correlation(row['means'], most):.2f}"
        scatter, mean = (statistics.fmean(row[name]) for name in ("scatter", "means"))
        lines.append([images, f"{row['seconds']:.2f}", f"{scatter:.2f}", f"{mean:.1f}", alike])
    header = ["images", "processor s", "standard deviation of a repeat", "mean score", f"correlation with {IMAGES[-1]}"]
    return table(header, lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments = parsed(parser)
    with measuring("race-images", arguments.keep) as results:
        measure(results)
    print(show(results))


BENCHMARKS = [Benchmark("race-images", "race_images.py", {"race-images": show}, minutes=6)]

if __name__ == "__main__":
    main()
