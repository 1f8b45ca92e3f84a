"""What searches design, stage by stage, beside published networks of the same cost.

    OMP_NUM_THREADS=1 python benchmarks/designs.py zen-weighted
    OMP_NUM_THREADS=1 python benchmarks/designs.py meanfield
    OMP_NUM_THREADS=1 python benchmarks/designs.py latency

Default settings, seed 0, no bound on depth. `latency` searches by the default score within what a published network
takes on this machine: one image, one thread, torch, processor time. A predictor of each space and size is fitted
first, in `runs/benchmarks/latency/`, and kept.
"""

import argparse
import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

import trained
from benchmark import Benchmark, table
from kept import Results, measuring, parsed
from latency_sets import LatencySet, measured

import zennas
from zennas.architecture.model import Architecture
from zennas.blocks import Layer, architecture_chain
from zennas.blocks.layers import Convolution
from zennas.input_size import sides
from zennas.nn.convert import convert
from zennas.scores.network import resolutions

if TYPE_CHECKING:
    from torch import nn

    from zennas.latency.setting import Setting


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
SMALL = ("90s", ("--max-latency", "10ms", "--clock", "cpu"), "-designs")
LARGE = ("4m", ("--max-latency", "150ms", "--clock", "cpu"), "-designs")
"""How networks of a size are measured. Processor time: on an idle machine it is the same as time."""
LATENCY_CASES = (
    (LatencySet("resnet", 32, 1, *SMALL), "ResNet-20"),
    (LatencySet("mobilenet", 32, 1, *SMALL), "MobileNetV2 × 0.65"),
    (LatencySet("inverted", 32, 1, *SMALL), "MobileNetV2 × 0.65"),
    (LatencySet("inverted", 224, 1, *LARGE), "timm:mobilenetv2_100"),
    (LatencySet("mobilenet", 224, 1, *LARGE), "timm:efficientnet_b0"),
    (LatencySet("resnet", 224, 1, *LARGE), "timm:resnet50"),
    (LatencySet("regnet", 32, 1, *SMALL), "ResNet-56"),
    (LatencySet("regnet", 224, 1, *LARGE), "timm:regnetx_040"),
)
"""Measured networks of a space, and the published network whose latency is the budget."""
VISITS = 5
"""Measurements of a network, of which the median counts."""


def published(name: str, resolution: int) -> dict[str, Any]:
    """The row of a network of others, those of the zoo at their own resolutions."""
    if name.startswith("timm:"):
        network = convert(of_timm(name), resolution)
        return kept_row(network.params, network.flops, list(network.chain), resolution)
    architecture = by_hand(name)
    return designed(architecture, architecture.resolution or resolution)


def of_timm(name: str) -> "nn.Module":
    """A network of timm, with random weights."""
    import timm

    module: nn.Module = timm.create_model(name.removeprefix("timm:"))
    return module


def by_hand(name: str) -> Architecture:
    """A network that is scaled by its name, or one of the zoo."""
    if name.startswith("ResNet-"):
        return trained.resnet(int(name.removeprefix("ResNet-")), 1.0)
    if name.startswith("MobileNetV2"):
        return trained.mobilenet_v2(float(name.rpartition(" ")[2]))
    return zennas.load(name)


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


def measure_latency(results: Results) -> None:
    """The same within latencies: a published network, and what a search finds within what it takes."""
    from zennas.latency.predictor import read_predictor

    for one, name in LATENCY_CASES:
        key = f"{one.space} {one.resolution}"
        if key in results:
            continue
        setting = read_predictor(measured(one)).setting
        budget = milliseconds(name, setting)
        classes = 10 if one.resolution == 32 else 1000
        found = zennas.search(
            one.space, one.resolution, classes, latency=f"{budget}ms", latency_predictor=str(one.predictor), rescore=0
        )
        row = designed(found.architecture, one.resolution)
        results.add(key, **row, milliseconds=milliseconds(found.architecture, setting))
        results.add(f"{key} · {name}", **published(name, one.resolution), milliseconds=budget)


def milliseconds(network: "str | Architecture", setting: "Setting") -> float:
    """What an image takes: the median of measurements, to three digits.

    Args:
        network: by a name of `published`, or a network of a search.
        setting: how it is run.
    """
    from zennas.latency.measure import measure_module, random_network
    from zennas.latency.setting import on_this_machine

    if isinstance(network, str):
        module = of_timm(network) if network.startswith("timm:") else random_network(by_hand(network))
    else:
        module = random_network(network)
    here, shape = on_this_machine(setting), (setting.batch_size, 3, *sides(setting.resolution))
    taken = [measure_module(module, shape, here).latency for _ in range(VISITS)]
    return float(f"{1e3 * statistics.median(taken):.3g}")


def show(results: Results) -> str:
    """Searches in bold, published networks below them."""
    lines = []
    timed = any("milliseconds" in row for row in results.rows.values())
    for key, row in results.rows.items():
        search, _, name = key.partition(" · ")
        said = f"{name}, {row['resolution']}×{row['resolution']}" if name else f"**{search}**"
        taken = [f"{row['milliseconds']:.3g} ms"] if timed else []
        lines.append(
            [said, *taken, f"{row['params'] / 1e6:.2f} M", f"{row['flops'] / 1e6:,.0f} M", str(row["convolutions"]),
             row["stages"]]
        )  # fmt: skip
    numbers = [*(["latency"] if timed else []), "params", "multiply-adds", "convolutions"]
    return table(
        ["network", *numbers, "side: convolutions, median width, last width"],
        lines,
        ["---", *("---:" for _ in numbers), "---"],
    )


def main() -> None:
    """Search, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["zen-weighted", "meanfield", "latency"])
    options = parsed(parser)
    with measuring(f"designs-{options.part}", options.keep) as results:
        if options.part == "latency":
            measure_latency(results)
        else:
            measure(results, options.part)
    print(show(results))


BENCHMARKS = [
    *(
        Benchmark(f"designs-{score}", f"designs.py {score}", {f"designs-{score}": show}, timed=False, minutes=3)
        for score in ("zen-weighted", "meanfield")
    ),
    Benchmark("designs-latency", "designs.py latency", {"designs-latency": show}, timed=True, minutes=30),
]

if __name__ == "__main__":
    main()
