"""Weightings of the Zen-score's layers, compared on NAS-Bench-Macro and on Table 6, and in searches.

python benchmarks/weightings.py nas_bench_macro.json
"""

import math
import sys
from collections.abc import Callable

import numpy as np

import zennas
from zennas.accuracy.networks import read_networks
from zennas.accuracy.study import study
from zennas.blocks.layers import Convolution
from zennas.counting import super_block_costs
from zennas.scores import register_score
from zennas.scores.network import chain_of, resolutions
from zennas.scores.result import Score
from zennas.scores.weighted_1 import log_gains

Layer = tuple[Convolution, int, float]
"""A convolution, its output side, and ½·log σ²."""


def weighted(layer_gain: Callable[[Layer], float], side: float, power: float) -> Callable[[list[Layer]], float]:
    """Σ over resolutions R of R^side · (Σ gain)^power."""

    def value(layers: list[Layer]) -> float:
        gains: dict[int, float] = {}
        for layer in layers:
            gains[layer[1]] = gains.get(layer[1], 0.0) + layer_gain(layer)
        return math.fsum(r**side * max(gain, 0.0) ** power for r, gain in gains.items())

    return value


def every(layer: Layer) -> float:
    return layer[2]


def with_relu(layer: Layer) -> float:
    return layer[2] if layer[0].activation else 0.0


def vector(layer: Layer) -> float:
    return layer[2] + 0.5 * math.log(layer[0].out_channels) if layer[0].activation else 0.0


def kernel(layer: Layer) -> float:
    return layer[0].kernel * with_relu(layer)


def depthwise(layer: Layer) -> float:
    return layer[2] if layer[0].groups > 1 else 0.0


def spatial(layer: Layer) -> float:
    return layer[2] if layer[0].kernel > 1 else 0.0


VARIANTS = {
    "all layers, R^0 (the Zen-score without its last term)": weighted(every, 0, 1),
    "all layers, R^0.5": weighted(every, 0.5, 1),
    "all layers, R^1": weighted(every, 1, 1),
    "all layers, R^1.25": weighted(every, 1.25, 1),
    "all layers, R^2": weighted(every, 2, 1),
    "layers with ReLU, R^0": weighted(with_relu, 0, 1),
    "layers with ReLU, R^1": weighted(with_relu, 1, 1),
    "layers with ReLU, √(R·Σ)": weighted(with_relu, 0.5, 0.5),
    "depthwise layers, R^0": weighted(depthwise, 0, 1),
    "k>1 layers, √(R·Σ)": weighted(spatial, 0.5, 0.5),
    "layers with ReLU times k, √(R·Σ)": weighted(kernel, 0.5, 0.5),
    "norm of the vector, R^0": weighted(vector, 0, 1),
    "norm of the vector, R^1": weighted(vector, 1, 1),
    "norm of the vector, √(R·Σ): zen-weighted-1": weighted(vector, 0.5, 0.5),
}


def register(name: str, value: Callable[[list[Layer]], float]) -> None:
    def compute(network: object, resolution: int, settings: object) -> Score:
        chain = chain_of(network)  # type: ignore[arg-type]
        convolutions = [layer for layer in chain if isinstance(layer, Convolution)]
        layers = list(zip(convolutions, resolutions(chain, resolution), log_gains(chain), strict=True))
        result = value(layers)
        return Score(result, 0.0, (result, result), 0.0, name=name)

    register_score(name, takes_modules=True)(compute)


def main() -> None:
    for name, value in VARIANTS.items():
        register(name, value)
    names = ["flops", *VARIANTS]
    macro = study(read_networks(sys.argv[1]), names)
    imagenet = study(read_networks("table6"), names)
    accuracy = np.array([n.accuracy for n in macro.networks])
    halves = [np.random.default_rng(i).permutation(len(accuracy))[: len(accuracy) // 2] for i in range(20)]
    print("| weighting | Spearman | over random halves | Kendall | picks | Table 6 | picks |")
    print("| --- | ---: | ---: | ---: | --- | ---: | --- |")
    from scipy.stats import spearmanr

    for one, other in zip(macro.rankings, imagenet.rankings, strict=True):
        spread = [spearmanr(one.values[half], accuracy[half]).statistic for half in halves]
        picks = [" / ".join(f"{p:.2f}" for p in r.picks) for r in (one, other)]
        row = [one.score, f"{one.spearman:.3f}", f"{min(spread):.3f}–{max(spread):.3f}", f"{one.kendall:.3f}"]
        print("| " + " | ".join([*row, picks[0], f"{other.spearman:.3f}", picks[1]]) + " |")
    print("\n| search | score | params | multiply-adds | layers | layers at each output side |")
    print("| --- | --- | ---: | ---: | ---: | --- |")
    mobile = ("mobilenet", 224, 1000)
    searches = {
        "resnet 32, ≤ 1M params, ≤ 18 layers": ("resnet", 32, 100, {"params": "1M", "layers": "18"}),
        "resnet 32, ≤ 160M multiply-adds, ≤ 18 layers": ("resnet", 32, 100, {"flops": "160M", "layers": "18"}),
        "mobilenet 224, ≤ 400M multiply-adds, ≤ 30 layers": (*mobile, {"flops": "400M", "layers": "30"}),
        "mobilenet 224, ≤ 400M multiply-adds": (*mobile, {"flops": "400M"}),
        "mobilenet 224, ≤ 400M multiply-adds, ρ ≤ 0.5": (*mobile, {"flops": "400M", "effectiveness": "0.5"}),
    }
    for title, (space, resolution, classes, budgets) in searches.items():
        for score in ("meanfield", "layers with ReLU, R^1", "zen-weighted"):
            found = zennas.search(space, resolution, classes, score=score, iterations=12000, rescore=0, **budgets)
            sides: dict[int, int] = {}
            rows = super_block_costs(found.architecture, resolution)
            for block, row in zip(found.architecture.super_blocks, rows, strict=True):
                sides[row.out_resolution] = sides.get(row.out_resolution, 0) + block.layers
            depth = ", ".join(f"{side}: {layers}" for side, layers in sides.items())
            print(
                f"| {title} | {score} | {found.costs.params / 1e6:.2f}M | {found.costs.flops / 1e6:.0f}M "
                f"| {found.costs.layers} | {depth} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
