"""Makes the reference for the closed form: Monte Carlo Zen-scores at batch 16, kept in `data/zen_reference.csv`.

    python benchmarks/zen_reference.py --set zoo --max-resolution 32 --repeats 64

Networks that have as many repeats already are kept; the file is written after every network, so that it can be
interrupted. The networks themselves (structure strings) are in the file; `--add 60 --space mobilenet` first draws a new
set of them, under 1 M parameters at 32×32, by random walks from small networks. `--add-winners 5` adds the winners of
the searches in the README's tables (the sets winners-32 and winners-224, seeds 0 to 4), `--add-table-4` the paper's
ResNets.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from quality import CASES

import zennas
from zennas.architecture import Architecture, format_structure, parse_structure
from zennas.blocks.chain import Chain
from zennas.counting import count_super_blocks
from zennas.io.text import write_text
from zennas.loading import scored_network
from zennas.paper.tables import TABLE_4, torchvision_name
from zennas.scores.zen import zen_score
from zennas.spaces.mutation import applied
from zennas.spaces.operators import draw_offspring, offspring_draws
from zennas.spaces.space import search_space
from zennas.spaces.start import random_small

DATA = Path(__file__).parent / "data" / "zen_reference.csv"
COLUMNS = ("set", "name", "structure", "resolution", "repeats", "mean", "std_error")
BATCH_SIZE = 16
SEED = 20_000


def read() -> list[dict[str, str]]:
    """All rows of the reference."""
    with DATA.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(rows: list[dict[str, str]]) -> None:
    """Replace the reference, atomically."""
    lines = [",".join(rows[0])]
    lines += [",".join(f'"{v}"' if "," in v else v for v in row.values()) for row in rows]
    write_text(DATA, "\n".join(lines) + "\n")


def network(row: dict[str, str]) -> Architecture | Chain:
    """The network of a row: a structure string, or a model of torchvision as the chain that is scored of it."""
    if not row["structure"].startswith("torchvision:"):
        return parse_structure(row["structure"])
    found, _ = scored_network(row["structure"], int(row["resolution"]))
    assert not isinstance(found, Architecture)
    return found.chain


def without_score(name: str, title: str, structure: str, resolution: int) -> dict[str, str]:
    """A row whose score is yet to be measured."""
    return dict(zip(COLUMNS, (name, title, structure, str(resolution), "0", "0", "0"), strict=True))


def winners(seeds: range) -> list[dict[str, str]]:
    """Rows of what the searches of the README's tables find, without scores yet."""
    rows = []
    for _, _, space, resolution, classes, budgets in (case for cases in CASES.values() for case in cases):
        for seed in seeds:
            found = zennas.search(
                space, resolution, classes, score="meanfield", algorithm="evolution", seed=seed, rescore=0,
                se=space == "mobilenet", **budgets,
            ).architecture  # fmt: skip
            title = f"{'-'.join(budgets.values())}-seed-{seed}"
            rows.append(without_score(f"winners-{resolution}", title, format_structure(found), resolution))
    return rows


def table_4() -> list[dict[str, str]]:
    """Rows of the paper's Table 4, without scores yet."""
    return [without_score("table-4", name, torchvision_name(name), 224) for name in TABLE_4]


def drawn(name: str, space_name: str, count: int, seed: int) -> list[dict[str, str]]:
    """Rows of random networks, without scores yet."""
    space, rng = search_space(space_name, 32), np.random.default_rng(seed)
    rows = []
    for number in range(count):
        walk = random_small(space, rng)
        for _ in range(int(rng.integers(5, 60))):
            other = applied(draw_offspring(walk, 0.5, space, iter(rng.random(offspring_draws()).tolist())), walk)
            if count_super_blocks(other, 32, 0).params < 1e6:
                walk = other
        rows.append(without_score(name, f"{name}-{number}", format_structure(walk), 32))
    return rows


def main() -> None:
    """Raise the repeats of a set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--add", type=int, default=0)
    parser.add_argument("--add-winners", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--add-table-4", action="store_true")
    parser.add_argument("--space", default="resnet")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", required=True)
    parser.add_argument("--repeats", type=int, default=64)
    parser.add_argument("--max-resolution", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = read()
    if arguments.add:
        rows += drawn(arguments.set, arguments.space, arguments.add, arguments.seed)
    rows += winners(range(arguments.add_winners))
    rows += table_4() if arguments.add_table_4 else []
    for row in rows:
        wanted = row["set"] == arguments.set and int(row["resolution"]) <= arguments.max_resolution
        if not wanted or int(row["repeats"]) >= arguments.repeats:
            continue
        score = zen_score(
            network(row), int(row["resolution"]), batch_size=BATCH_SIZE, repeats=arguments.repeats, seed=SEED
        )
        row.update(repeats=str(arguments.repeats), mean=f"{score.score:.4f}", std_error=f"{score.std_error:.4f}")
        write(rows)
        print(f"{row['name']}: {row['mean']} ± {row['std_error']}", flush=True)


if __name__ == "__main__":
    main()
