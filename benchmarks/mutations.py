"""What the offspring's kinds bring: closed-form scores of winners with shares of them switched off.

OMP_NUM_THREADS=1 python benchmarks/mutations.py
"""

import argparse
import statistics

from benchmark import Benchmark, table
from kept import Results, measuring, parsed

import zennas
from zennas.spaces.operators import mutation_operators, register_operator

SHARES = {
    "one super-block": (0.0, 0.0),
    "half of them two": (0.0, 0.5),
    "all of them two": (0.0, 1.0),
    "a fifth move layers": (0.2, 0.0),
    "a fifth move layers, half of the others two": (0.2, 0.5),
}


def show(results: Results) -> str:
    """Mean, lowest and highest score of each mixture."""
    lines = [
        [name, f"{row['mean']:.1f}", f"{row['lowest']:.1f}", f"{row['highest']:.1f}"]
        for name, row in results.rows.items()
    ]
    return table(["offspring", "mean score", "lowest", "highest"], lines)


def main() -> None:
    """Search with each mixture and seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    arguments = parsed(parser)
    move, change = (mutation_operators()[name] for name in ("move layers", "change super-block"))
    with measuring("mutations", arguments.keep) as results:
        for name, (moving, twice) in SHARES.items():
            if name in results:
                continue
            register_operator(move.name, moving, draws=move.draws, replace_existing=True)(move.function)
            register_operator(change.name, 1 - moving, twice, replace_existing=True)(change.function)
            scores = [
                zennas.search(
                    "resnet",
                    32,
                    10,
                    params="1M",
                    layers="18",
                    score="meanfield",
                    algorithm="evolution",
                    rescore=0,
                    seed=seed,
                ).score
                for seed in range(arguments.seeds)
            ]
            lowest, mean, highest = (round(score, 3) for score in (min(scores), statistics.fmean(scores), max(scores)))
            results.add(name, mean=mean, lowest=lowest, highest=highest)
    print(show(results))


BENCHMARKS = [Benchmark("mutations", "mutations.py --seeds 8", {"mutations": show}, timed=False, minutes=4)]

if __name__ == "__main__":
    main()
