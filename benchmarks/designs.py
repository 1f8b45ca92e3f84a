"""What a score designs, without a bound on depth. Prints one Markdown table.

OMP_NUM_THREADS=1 python benchmarks/designs.py zen-weighted [ITERATIONS]
"""

import statistics
import sys
from typing import Any

import zennas
from zennas.blocks import architecture_chain
from zennas.blocks.layers import Convolution
from zennas.scores.network import resolutions

SEARCHES: tuple[tuple[str, int, int, dict[str, Any]], ...] = (
    ("resnet", 32, 100, {"params": "1M"}),
    ("resnet", 32, 100, {"flops": "160M"}),
    ("regnet", 224, 1000, {"flops": "4G"}),
    ("regnet", 224, 1000, {"params": "25M"}),
    ("mobilenet", 224, 1000, {"flops": "400M"}),
    ("mobilenet", 224, 1000, {"params": "5M"}),
    ("mobilenet", 32, 10, {"flops": "50M"}),
    ("resnet", 224, 1000, {"flops": "4G"}),
    ("regnet", 32, 10, {"params": "1M"}),
)


def stages(architecture: zennas.Architecture, resolution: int) -> str:
    """Convolutions of the main path at each output side, their median width, and that of the last one."""
    chain = architecture_chain(architecture)
    layers = [layer for layer in chain if isinstance(layer, Convolution)]
    widths: dict[int, list[int]] = {}
    for layer, side in zip(layers, resolutions(chain, resolution), strict=True):
        widths.setdefault(side, []).append(layer.out_channels)
    return "; ".join(f"{side}: {len(w)}, {statistics.median(w):.0f}, {w[-1]}" for side, w in widths.items())


def main() -> None:
    score, iterations = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 24_000
    print(
        "| search, no bound on depth | params | multiply-adds | layers | side: convolutions, median width, last width |"
    )
    print("| --- | ---: | ---: | ---: | --- |")
    for space, resolution, classes, budgets in SEARCHES:
        found = zennas.search(space, resolution, classes, score=score, iterations=iterations, rescore=0, **budgets)
        costs = found.costs
        bound = ", ".join(f"{quantity} ≤ {value}" for quantity, value in budgets.items())
        print(
            f"| {space} {resolution}, {bound} | {costs.params / 1e6:.2f} M | {costs.flops / 1e6:,.0f} M "
            f"| {costs.layers} | {stages(found.architecture, resolution)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
