"""Do searches by the closed form and by Monte Carlo end in equally good networks? Equal iterations, Monte Carlo judges.

    OMP_NUM_THREADS=1 python benchmarks/same_winner.py

The size is one at which searches converge: six layers at 16×16, some 2,000 networks a search.
"""

import argparse
import statistics

from benchmark import Benchmark, table
from kept import Results, measuring, parsed

import zennas
from zennas.scores.result import t_quantile_975

REPEATS = 64


def show(results: Results) -> str:
    """Both winners of every seed, and the mean difference with its 95 % interval."""
    lines, differences = [], []
    for seed, row in results.rows.items():
        pairs = row["closed_form"], row["monte_carlo"]
        lines.append([seed, *(f"{mean:.2f} ± {error:.2f}" for mean, error in pairs)])
        differences.append(pairs[0][0] - pairs[1][0])
    mean = statistics.fmean(differences)
    half = t_quantile_975(len(differences) - 1) * statistics.stdev(differences) / len(differences) ** 0.5
    better = "closed form" if mean > 0 else "Monte Carlo"
    verdict = f"the winners by {better} are better" if abs(mean) > half else "neither winners are better"
    return (
        table(["seed", "closed form's winner", "Monte Carlo's winner"], lines)
        + f"\n\nMean difference {mean:+.2f} (95 % interval {mean - half:+.2f} to {mean + half:+.2f}): {verdict}."
    )


def main() -> None:
    """Search by both scores with each seed."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=8000)
    parser.add_argument("--population", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--resolution", type=int, default=16)
    parser.add_argument("--params", default="100k")
    parser.add_argument("--layers", default="6")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parsed(parser)
    torch.set_num_threads(1)
    with measuring("same-winner", arguments.keep) as results:
        for seed in range(arguments.seeds):
            if str(seed) in results:
                continue
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
                zen = zennas.zen_score(
                    found.architecture, arguments.resolution, batch_size=16, repeats=REPEATS, seed=99
                )
                judged.append((round(zen.score, 4), round(zen.std_error, 4)))
            results.add(str(seed), closed_form=judged[0], monte_carlo=judged[1])
    print(show(results))


BENCHMARKS = [Benchmark("same-winner", "same_winner.py", {"same-winner": show}, timed=False, minutes=6)]

if __name__ == "__main__":
    main()
