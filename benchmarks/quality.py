"""Quality of what is found: our winner, the paper's network, random search and Monte Carlo search of equal time.

OMP_NUM_THREADS=1 python benchmarks/quality.py cifar
OMP_NUM_THREADS=1 python benchmarks/quality.py imagenet --repeats 8
"""

import argparse
import statistics
import time

import numpy as np
import torch

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


def main() -> None:
    """Print the table of one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    def judge(architecture: Architecture, resolution: int) -> float:
        return zennas.zen_score(architecture, resolution, batch_size=16, repeats=arguments.repeats, seed=99).score

    print("| budget | our winners (seeds) | seconds | paper's network | random search | Monte Carlo search |")
    print("| --- | --- | --- | --- | --- | --- |")
    for title, paper, space, resolution, classes, budgets in CASES[arguments.case]:
        settings = dict(rescore=0, se=space == "mobilenet", **budgets)
        ours, seconds = [], []
        for seed in range(arguments.seeds):
            started = time.perf_counter()
            result = zennas.search(space, resolution, classes, seed=seed, **settings)
            seconds.append(time.perf_counter() - started)
            ours.append(judge(result.architecture, resolution))
        limit = statistics.median(seconds)
        random = random_search(space, resolution, classes, budgets, 2000, 0)
        sampled = zennas.search(space, resolution, classes, score="zen", time_limit=limit, **settings)
        values = ", ".join(f"{value:.1f}" for value in ours)
        print(
            f"| {title} | **{statistics.fmean(ours):.1f}** ({values}) | {limit:.1f} | "
            f"{judge(zennas.load(paper), resolution):.1f} | {judge(random, resolution):.1f} | "
            f"{judge(sampled.architecture, resolution):.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
