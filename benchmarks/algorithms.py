"""Search algorithms compared: closed-form scores of winners at equal iterations.

OMP_NUM_THREADS=1 python benchmarks/algorithms.py --seeds 5
"""

import argparse
import statistics
import time

from benchmark import Benchmark, table
from kept import Results, measuring, parsed

import zennas
from zennas.searching import algorithm_names


def show(results: Results) -> str:
    """Mean, lowest and highest score of each algorithm."""
    lines = []
    for name, row in results.rows.items():
        scores = row["scores"]
        three = (statistics.fmean(scores), min(scores), max(scores))
        lines.append([f"`{name}`", *(f"{score:.1f}" for score in three)])
    return table(["algorithm", "mean score", "lowest", "highest"], lines)


def main() -> None:
    """Search with each algorithm and seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=48_000)
    arguments = parsed(parser)
    with measuring("algorithms", arguments.keep) as results:
        for name in algorithm_names():
            if name in results:
                continue
            scores, seconds = [], []
            for seed in range(arguments.seeds):
                started = time.perf_counter()
                result = zennas.search(
                    "resnet", 32, 10, params="1M", layers="18", score="meanfield", rescore=0, seed=seed,
                    algorithm=name, iterations=arguments.iterations,
                )  # fmt: skip
                seconds.append(round(time.perf_counter() - started, 2))
                scores.append(round(result.score, 3))
            results.add(name, scores=scores, seconds=seconds)
    print(show(results))


BENCHMARKS = [Benchmark("algorithms", "algorithms.py --seeds 5", {"algorithms": show}, timed=False, minutes=4)]

if __name__ == "__main__":
    main()
