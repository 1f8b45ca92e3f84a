"""Quality of what is found: our winner, the paper's network, random search and Monte Carlo search of equal time.

OMP_NUM_THREADS=1 python benchmarks/quality.py cifar --seeds 5 --repeats 64
OMP_NUM_THREADS=1 python benchmarks/quality.py imagenet --seeds 5 --repeats 8
"""

import argparse
import statistics
import time

import numpy as np
from benchmark import Benchmark, table
from kept import Results, measuring, parsed

import zennas
from zennas.architecture import Architecture
from zennas.counting import count_super_blocks
from zennas.counting.budgets import parse_budget, within
from zennas.scores.closed_form import meanfield_many
from zennas.spaces.mutation import mutate
from zennas.spaces.space import search_space
from zennas.spaces.start import random_small

CASES = {
    "cifar": [
        ("≤ 0.5 M params, 16 layers", "zennet-cifar-0.5M", "resnet", 32, 10, {"params": "0.5M", "layers": "16"}),
        ("≤ 1 M params, 18 layers", "zennet-cifar-1.0M", "resnet", 32, 10, {"params": "1M", "layers": "18"}),
        ("≤ 2 M params, 20 layers", "zennet-cifar-2.0M", "resnet", 32, 10, {"params": "2M", "layers": "20"}),
    ],
    "imagenet": [
        ("≤ 403 M, 14 layers", "zennet-iccv-400M-se", "mobilenet", 224, 1000, {"flops": "403M", "layers": "14"}),
        ("≤ 603 M, 14 layers", "zennet-iccv-600M-se", "mobilenet", 224, 1000, {"flops": "603M", "layers": "14"}),
        ("≤ 934 M, 16 layers", "zennet-imagenet-900M-se", "mobilenet", 224, 1000, {"flops": "934M", "layers": "16"}),
    ],
}


def random_search(space_name: str, resolution: int, classes: int, budgets: dict[str, str], count: int, seed: int):
    """The best of `count` random networks within the budgets, by the closed form: no selection, only mutations."""
    space = search_space(space_name, resolution, se=space_name == "mobilenet")
    bounds = [parse_budget(k, v) for k, v in budgets.items()]
    rng = np.random.default_rng(seed)
    best, top = None, -np.inf
    found = 0
    while found < count:
        network = Architecture(random_small(space, rng))
        kept = network
        for _ in range(60):
            network = mutate(network, 0.5, space, rng)
            if within(count_super_blocks(network.super_blocks, resolution, classes), bounds):
                kept = network
        found += 1
        score = meanfield_many([kept.super_blocks], resolution)[0]
        if score > top:
            best, top = kept, score
    assert best is not None
    return best


def measure(results: Results, case: str, seeds: int, repeats: int) -> None:
    """A row a budget."""
    import torch

    torch.set_num_threads(1)

    def judge(architecture: Architecture, resolution: int) -> float:
        return zennas.zen_score(architecture, resolution, batch_size=16, repeats=repeats, seed=99).score

    for title, paper, space, resolution, classes, budgets in CASES[case]:
        if title in results:
            continue
        settings = dict(rescore=0, se=space == "mobilenet", **budgets)
        ours, closed, seconds = [], [], []
        for seed in range(seeds):
            started = time.perf_counter()
            result = zennas.search(space, resolution, classes, score="meanfield", seed=seed, **settings)
            seconds.append(time.perf_counter() - started)
            closed.append(result.score)
            ours.append(judge(result.architecture, resolution))
        limit = statistics.median(seconds)
        random = random_search(space, resolution, classes, budgets, 2000, 0)
        # By evolution: annealing does not cool in a search that ends with its time.
        sampled = zennas.search(
            space, resolution, classes, score="zen", algorithm="evolution", time_limit=limit, **settings
        )
        results.add(
            title,
            ours=[round(value, 3) for value in ours],
            closed_form=[round(value, 3) for value in closed],
            seconds=round(limit, 2),
            paper=round(judge(zennas.load(paper), resolution), 3),
            random=round(judge(random, resolution), 3),
            monte_carlo=round(judge(sampled.architecture, resolution), 3),
        )


def show(results: Results) -> str:
    """Our winners beside the others, by budget."""
    lines = []
    for title, row in results.rows.items():
        values = ", ".join(f"{value:.1f}" for value in row["ours"])
        others = [f"{row[name]:.1f}" for name in ("seconds", "paper", "random", "monte_carlo")]
        lines.append([title, f"**{statistics.fmean(row['ours']):.1f}** ({values})", *others])
    header = ["budget", "our winners, mean (seeds)", "seconds a search", "paper's network", "best of 2,000 random"]
    return table([*header, "Monte Carlo search, same time"], lines)


def show_sentence(results: Results) -> str:
    """How many winners are better than the paper's networks."""
    rows = results.rows.values()
    better = sum(value > row["paper"] for row in rows for value in row["ours"])
    count = sum(len(row["ours"]) for row in rows)
    least = min(min(row["ours"]) / row["paper"] - 1 for row in rows)
    how_many = f"All {count} winners" if better == count else f"{better} of {count} winners"
    return f"{how_many} score higher than the paper's network of their budget; the least of them by {least:+.1%}."


def main() -> None:
    """Print the table of one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=64)
    arguments = parsed(parser)
    with measuring(f"quality-{arguments.case}", arguments.keep) as results:
        measure(results, arguments.case, arguments.seeds, arguments.repeats)
    print(f"{show(results)}\n\n{show_sentence(results)}")


BENCHMARKS = [
    Benchmark(
        f"quality-{case}",
        f"quality.py {case} --seeds 5 --repeats {repeats}",
        {f"quality-{case}": show, f"readme-quality-{case}": show, f"quality-{case}-sentence": show_sentence},
        minutes=minutes,
    )
    for case, repeats, minutes in (("cifar", 64, 12), ("imagenet", 8, 12))
]

if __name__ == "__main__":
    main()
