"""Do searches by the closed form and by Monte Carlo end in equally good networks? Equal iterations, Monte Carlo judges.

    OMP_NUM_THREADS=1 python benchmarks/same_winner.py

The size is one at which searches converge: six layers at 16×16, some 2,000 networks a search.
"""

import argparse
import statistics

import torch

import zennas
from zennas.scores.result import t_quantile_975

REPEATS = 64


def main() -> None:
    """Print each seed's two winners and the difference of the means with its 95 % interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=8000)
    parser.add_argument("--population", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--resolution", type=int, default=16)
    parser.add_argument("--params", default="100k")
    parser.add_argument("--layers", default="6")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| seed | closed form's winner | Monte Carlo's winner |\n| --- | --- | --- |")
    differences = []
    for seed in range(arguments.seeds):
        judged = []
        for score in ("meanfield", "zen"):
            found = zennas.search(
                "resnet",
                arguments.resolution,
                10,
                params=arguments.params,
                layers=arguments.layers,
                score=score,
                iterations=arguments.iterations,
                population=arguments.population,
                workers=arguments.workers if score == "zen" else 1,
                rescore=0,
                seed=seed,
            )
            judged.append(
                zennas.zen_score(found.architecture, arguments.resolution, batch_size=16, repeats=REPEATS, seed=99)
            )
        differences.append(judged[0].score - judged[1].score)
        print(
            "| " + " | ".join([str(seed), *(f"{j.score:.2f} ± {j.std_error:.2f}" for j in judged)]) + " |", flush=True
        )
    half = t_quantile_975(len(differences) - 1) * statistics.stdev(differences) / len(differences) ** 0.5
    print(f"\nmean difference {statistics.fmean(differences):+.2f}, 95 % interval ± {half:.2f}")


if __name__ == "__main__":
    main()
