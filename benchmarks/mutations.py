"""What the offspring's kinds bring: closed-form scores of winners with shares of them switched off.

OMP_NUM_THREADS=1 python benchmarks/mutations.py
"""

import argparse
import statistics

import zennas
from zennas.spaces.operators import mutation_operators, register_operator

SHARES = {
    "one super-block": (0.0, 0.0),
    "half of them two": (0.0, 0.5),
    "all of them two": (0.0, 1.0),
    "a fifth move layers": (0.2, 0.0),
    "a fifth move layers, half of the others two": (0.2, 0.5),
}


def main() -> None:
    """Print mean, lowest and highest score of each mixture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    arguments = parser.parse_args()
    print("| offspring | mean score | lowest | highest |\n| --- | --- | --- | --- |")
    move, change = (mutation_operators()[name] for name in ("move layers", "change super-block"))
    for name, (moving, twice) in SHARES.items():
        register_operator(move.name, moving, draws=move.draws, replace_existing=True)(move.function)
        register_operator(change.name, 1 - moving, twice, replace_existing=True)(change.function)
        scores = [
            zennas.search("resnet", 32, 10, params="1M", layers="18", rescore=0, seed=seed).score
            for seed in range(arguments.seeds)
        ]
        print(f"| {name} | {statistics.fmean(scores):.1f} | {min(scores):.1f} | {max(scores):.1f} |", flush=True)


if __name__ == "__main__":
    main()
