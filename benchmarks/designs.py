"""What searches design, stage by stage, beside published networks of the same cost.

    OMP_NUM_THREADS=1 python benchmarks/designs.py zen-weighted
    OMP_NUM_THREADS=1 python benchmarks/designs.py meanfield

Default settings, seed 0, no bound on depth.
"""

import argparse
import statistics
from typing import Any, NamedTuple

import trained
from benchmark import Benchmark, table
from kept import Results, measuring, parsed

import zennas
from zennas.architecture.model import Architecture
from zennas.blocks import Layer, architecture_chain
from zennas.blocks.layers import Convolution
from zennas.nn.convert import convert
from zennas.scores.network import resolutions


class Case(NamedTuple):
    """A budget, and published networks that cost about as much."""

    space: str
    resolution: int
    classes: int
    budgets: dict[str, Any]
    published: tuple[str, ...]


CASES = (
    Case("resnet", 32, 10, {"params": "0.27M"}, ("ResNet-20",)),
    Case("resnet", 32, 10, {"flops": "41M"}, ("ResNet-20",)),
    Case("resnet", 32, 10, {"params": "1M"}, ("ResNet-56", "zennet-cifar-1.0M")),
    Case("mobilenet", 32, 10, {"params": "1M"}, ("MobileNetV2 × 0.65",)),
    Case("mobilenet", 32, 10, {"flops": "40M"}, ("MobileNetV2 × 0.65",)),
    Case("inverted", 32, 10, {"flops": "40M"}, ("MobileNetV2 × 0.65",)),
    Case("regnet", 32, 10, {"params": "1M"}, ("ResNet-56",)),
    Case("regnet", 32, 10, {"flops": "128M"}, ("ResNet-56",)),
    Case("resnet", 224, 1000, {"params": "25.6M"}, ("timm:resnet50", "zennet-imagenet-0.1ms")),
    Case("resnet", 224, 1000, {"flops": "4.1G"}, ("timm:resnet50",)),
    Case("regnet", 224, 1000, {"params": "22M"}, ("timm:regnetx_040",)),
    Case("regnet", 224, 1000, {"flops": "4G"}, ("timm:regnetx_040", "timm:regnety_040")),
    Case("mobilenet", 224, 1000, {"params": "5.3M"}, ("timm:efficientnet_b0", "timm:mobilenetv3_large_100")),
    Case("mobilenet", 224, 1000, {"flops": "300M"}, ("timm:mobilenetv2_100",)),
    Case("mobilenet", 224, 1000, {"flops": "400M"}, ("timm:efficientnet_b0", "zennet-imagenet-400M-se")),
    Case("inverted", 224, 1000, {"params": "5.3M"}, ("timm:efficientnet_b0", "timm:mobilenetv3_large_100")),
    Case("inverted", 224, 1000, {"flops": "300M"}, ("timm:mobilenetv2_100",)),
)


def published(name: str, resolution: int) -> dict[str, Any]:
    """The row of a network of others, those of the zoo at their own resolutions."""
    if name.startswith("timm:"):
        import timm

        network = convert(timm.create_model(name.removeprefix("timm:")), resolution)
        return kept_row(network.params, network.flops, list(network.chain), resolution)
    if name.startswith("ResNet-"):
        architecture = trained.resnet(int(name.removeprefix("ResNet-")), 1.0)
    elif name.startswith("MobileNetV2"):
        architecture = trained.mobilenet_v2(float(name.rpartition(" ")[2]))
    else:
        architecture = zennas.load(name)
    return designed(architecture, architecture.resolution or resolution)


def designed(architecture: Architecture, resolution: int) -> dict[str, Any]:
    """The row of an architecture."""
    counted = zennas.costs(architecture, resolution, architecture.num_classes)
    return kept_row(counted.params, counted.flops, list(architecture_chain(architecture)), resolution)


def stages(chain: list[Layer], resolution: int) -> str:
    """Convolutions of the main path at each output side, their median width, and that of the last one."""
    layers = [layer for layer in chain if isinstance(layer, Convolution)]
    widths: dict[int, list[int]] = {}
    for layer, side in zip(layers, resolutions(chain, resolution), strict=True):
        widths.setdefault(side, []).append(layer.out_channels)
    return "; ".join(f"{side}: {len(w)}, {statistics.median(w):.0f}, {w[-1]}" for side, w in widths.items())


def kept_row(params: int, flops: int, chain: list[Layer], resolution: int) -> dict[str, Any]:
    """What the table says of a network."""
    convolutions = sum(isinstance(layer, Convolution) for layer in chain)
    return {
        "resolution": resolution,
        "params": params,
        "flops": flops,
        "convolutions": convolutions,
        "stages": stages(chain, resolution),
    }


def measure(results: Results, score: str) -> None:
    """A row for each search, followed by the published networks of its cost."""
    for case in CASES:
        bound = ", ".join(f"{quantity} ≤ {value}" for quantity, value in case.budgets.items())
        key = f"{case.space} {case.resolution}, {bound}"
        if key in results:
            continue
        found = zennas.search(case.space, case.resolution, case.classes, score=score, rescore=0, **case.budgets)
        rows = {key: designed(found.architecture, case.resolution)}
        rows |= {f"{key} · {name}": published(name, case.resolution) for name in case.published}
        for name, row in rows.items():
            results.add(name, **row)


def show(results: Results) -> str:
    """Searches in bold, published networks below them."""
    lines = []
    for key, row in results.rows.items():
        search, _, name = key.partition(" · ")
        said = f"{name}, {row['resolution']}×{row['resolution']}" if name else f"**{search}**"
        lines.append(
            [said, f"{row['params'] / 1e6:.2f} M", f"{row['flops'] / 1e6:,.0f} M", str(row["convolutions"]),
             row["stages"]]
        )  # fmt: skip
    return table(
        ["network", "params", "multiply-adds", "convolutions", "side: convolutions, median width, last width"],
        lines,
        ["---", "---:", "---:", "---:", "---"],
    )


def main() -> None:
    """Search, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("score", choices=["zen-weighted", "meanfield"])
    options = parsed(parser)
    with measuring(f"designs-{options.score}", options.keep) as results:
        measure(results, options.score)
    print(show(results))


BENCHMARKS = [
    Benchmark(f"designs-{score}", f"designs.py {score}", {f"designs-{score}": show}, timed=False, minutes=3)
    for score in ("zen-weighted", "meanfield")
]

if __name__ == "__main__":
    main()
