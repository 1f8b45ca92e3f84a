"""Search algorithms compared: closed-form scores of winners at equal iterations.

OMP_NUM_THREADS=1 python benchmarks/algorithms.py --seeds 5
"""

import argparse
import statistics
import time

import zennas
from zennas.searching import algorithm_names


def main() -> None:
    """Print mean, lowest and highest score of each algorithm, and the median of its seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=48_000)
    arguments = parser.parse_args()
    print("| algorithm | mean score | lowest | highest | seconds |\n| --- | --- | --- | --- | --- |")
    for name in algorithm_names():
        scores, seconds = [], []
        for seed in range(arguments.seeds):
            started = time.perf_counter()
            result = zennas.search(
                "resnet", 32, 10, params="1M", layers="18", rescore=0, seed=seed,
                algorithm=name, iterations=arguments.iterations,
            )  # fmt: skip
            seconds.append(time.perf_counter() - started)
            scores.append(result.score)
        print(
            f"| {name} | {statistics.fmean(scores):.1f} | {min(scores):.1f} | {max(scores):.1f} | "
            f"{statistics.median(seconds):.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
