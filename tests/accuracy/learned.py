"""Networks whose accuracies follow a known law, for tests of what learns it."""

import math
from itertools import product
from pathlib import Path

import numpy as np

from zennas.accuracy.known import KnownNetwork, KnownNetworks
from zennas.accuracy.nas_bench_macro import NUM_CLASSES, RESOLUTION, macro_architecture
from zennas.architecture.structure import format_structure
from zennas.counting import costs
from zennas.scores import ScoreSettings, compute_score


def lawful_networks(count: int, seed: int = 0, noise: float = 0.0, last_layers: float = 0.1) -> KnownNetworks:
    """Networks of NAS-Bench-Macro's space with an accuracy of their zen-weighted and of what their last layers are.

    Args:
        count: networks.
        seed: of the choice and of the noise.
        noise: standard deviation of the logarithm of the error.
        last_layers: what each step of the last three digits is worth, of the same: what zen-weighted does not say.
    """
    rng = np.random.default_rng(seed)
    every = ["".join(digits) for digits in product("012", repeat=8)]
    found = []
    for name in rng.choice(every, count, replace=False):
        network = macro_architecture(str(name))
        counted = costs(network, RESOLUTION, NUM_CLASSES)
        score = compute_score("zen-weighted", network, RESOLUTION, ScoreSettings()).score
        y = math.log(score) - 6.5 - last_layers * sum(int(digit) for digit in name[5:]) + noise * rng.normal()
        accuracy = 100 - math.exp(-y)
        found.append(
            KnownNetwork(
                str(name), network, RESOLUTION, NUM_CLASSES, accuracy, counted.params, counted.flops, "some recipe"
            )
        )
    return KnownNetworks(f"{count} lawful networks", tuple(found))


def csv_of(known: KnownNetworks, path: Path, columns: str = "") -> Path:
    """Write networks as a file that `zennas accuracy fit` reads; `columns` is text for a recipe behind each row."""
    rows = [f'"{format_structure(n.network)}",{n.resolution},{n.accuracy}{columns}' for n in known.networks]
    path.write_text("\n".join([f"model,resolution,accuracy{',recipe' if columns else ''}", *rows]) + "\n")
    return path
