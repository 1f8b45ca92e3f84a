"""The paper's tables that a CPU can compute."""

from collections.abc import Sequence
from statistics import fmean, stdev

from zennas.accuracy.networks import table_6_rows
from zennas.architecture.model import Architecture
from zennas.blocks.chain import Chain
from zennas.counting import costs, native_resolution
from zennas.errors import ZennasError
from zennas.input_size import Resolution
from zennas.loading import scored_network
from zennas.paper.report import Comparison, Reproduction
from zennas.paper.settings import ReproductionSettings
from zennas.scores.closed_form import meanfield_score
from zennas.scores.network import scorable
from zennas.scores.result import Score
from zennas.scores.zen import zen_score
from zennas.zoo import zoo_entry

TABLE_2 = {
    "zennet-cifar-2.0M": {4: (0.48, 0.20), 8: (0.34, 0.41), 16: (0.24, 0.81), 32: (0.17, 1.62)},
    "zennet-imagenet-0.8ms": {4: (0.26, 0.85), 8: (0.18, 1.68), 16: (0.13, 3.36), 32: (0.09, 6.72)},
}
"""Relative error in percent (95 %) and seconds, by repeats."""
TABLE_4 = {
    "ResNet-18": (1.82e9, 11.7e6, 59.53),
    "ResNet-34": (3.67e9, 21.8e6, 112.32),
    "ResNet-50": (4.12e9, 25.5e6, 140.3),
    "ResNet-101": (7.85e9, 44.5e6, 287.87),
    "ResNet-152": (11.9e9, 60.2e6, 433.57),
}
"""Multiply-adds, parameters, Zen-score."""
TABLE_5 = {
    "ResNet-18": (70.9, 72.1),
    "ResNet-34": (74.4, 76.3),
    "ResNet-50": (77.4, 79.0),
    "ResNet-101": (78.3, 81.0),
    "ResNet-152": (79.2, 82.3),
}
"""Top-1 in percent: He et al.'s, and with the paper's training."""


def torchvision_name(model: str) -> str:
    """`ResNet-18` → `torchvision:resnet18`."""
    return f"torchvision:{model.lower().replace('-', '')}"


def table_1(settings: ReproductionSettings) -> Reproduction:
    """Sizes of the CIFAR ZenNets; their accuracies are quoted."""
    rows = []
    for name in ("zennet-cifar-0.5M", "zennet-cifar-1.0M", "zennet-cifar-2.0M"):
        entry = zoo_entry(name)
        counted = costs(entry.architecture, None, 10)
        rows += [
            Comparison(f"{name}: params", entry.paper["params"], counted.params),
            Comparison(f"{name}: multiply-adds", entry.paper["flops"], counted.flops),
            Comparison(f"{name}: CIFAR-10 top-1 [%]", entry.paper["cifar10_top1"], None),
            Comparison(f"{name}: CIFAR-100 top-1 [%]", entry.paper["cifar100_top1"], None),
        ]
    return Reproduction(
        "table1", "ZenNets on CIFAR", "Counted from the structures of Tables 15 to 17 with 10 classes.", rows
    )


def table_2(settings: ReproductionSettings) -> Reproduction:
    """Error and time of the Zen-score by repeats, each row from repeats of its own.

    Args:
        settings: the large network takes a quarter of the batch size, at least 2.
    """
    rows, findings = [], []
    for name, printed in TABLE_2.items():
        batch = max(2, settings.batch_size // 4) if name.startswith("zennet-imagenet") else settings.batch_size
        values: list[float] = []
        seconds = 0.0
        for count, (error, _) in printed.items():
            score = _zen_of_zoo(name, settings, batch, count, settings.seed + count)
            values += score.repeats
            seconds += score.seconds
            ours = 100 * 1.96 * score.std_error / score.score
            rows.append(Comparison(f"{name}, {count} repeats: error [%]", error, ours, "{:.2g}"))
        less, paper_seconds = max(2, batch // 4), printed[4][1] / 4
        at_less = _zen_of_zoo(name, settings, less, max(printed), settings.seed).repeats
        findings.append(
            f"{name}: one repeat at batch {batch} took {seconds / len(values):.2f} s on this CPU (paper: "
            f"{paper_seconds:.2f} s at batch 64 on a V100). Single repeats spread by {_spread(values):.2f} % "
            f"of the score over all {len(values)}, by {_spread(at_less):.2f} % over {len(at_less)} at batch {less}; "
            f"the paper's errors are those of a spread of {printed[4][0] * 2 / 1.96:.2f} %."
        )
    method = (
        "95 % error of the mean relative to the score, 1.96·σ/√repeats, with σ from the repeats of that row alone. The "
        "paper's errors fall by √2 from row to row, as those of one σ do. Ours scatter around that, most where σ is "
        "known from 4 repeats, by some 40 % either way. Batches smaller than the paper's 64 do not make them larger: "
        "the spread comes from the drawn weights, one set a repeat, and below it is given for a still "
        "smaller batch, too."
    )
    return Reproduction("table2", "Cost of the Zen-score", method, rows, findings)


def _zen_of_zoo(name: str, settings: ReproductionSettings, batch_size: int, repeats: int, seed: int) -> Score:
    return settings.drawn.score(
        settings.named(f"Zen-score of {name}", batch_size, repeats, seed),
        lambda: zen_score(
            zoo_entry(name).architecture, batch_size=batch_size, repeats=repeats, seed=seed, device=settings.device
        ),
    )


def _zen_of_chain(model: str, chain: Chain, resolution: Resolution, settings: ReproductionSettings) -> Score:
    batch_size, repeats, seed = settings.batch_size, settings.repeats, settings.seed
    return settings.drawn.score(
        settings.named(f"Zen-score of {model} at {resolution}×{resolution}", batch_size, repeats, seed),
        lambda: zen_score(chain, resolution, batch_size=batch_size, repeats=repeats, seed=seed, device=settings.device),
    )


def _spread(values: Sequence[float]) -> float:
    """Standard deviation in percent of the mean."""
    return 100 * stdev(values) / fmean(values)


def table_4(settings: ReproductionSettings) -> Reproduction:
    """Zen-scores of torchvision's ResNets through the converter."""
    rows = []
    for model, (flops, params, score) in TABLE_4.items():
        network, resolution = scored_network(torchvision_name(model), 224)
        assert not isinstance(network, Architecture)
        zen = _zen_of_chain(model, network.chain, resolution, settings)
        rows += [
            Comparison(f"{model}: multiply-adds", flops, network.flops),
            Comparison(f"{model}: params", params, network.params),
            Comparison(f"{model}: Zen-score", score, zen.score, "{:.2f}"),
            Comparison(f"{model}: closed form", score, meanfield_score(network.chain, resolution).score, "{:.2f}"),
        ]
    return Reproduction(
        "table4",
        "Zen-scores of ResNets",
        f"torchvision's modules, converted to VCN-networks, at 224×224; batch {settings.batch_size}, "
        f"{settings.repeats} repeat(s).",
        rows,
    )


def table_5(settings: ReproductionSettings) -> Reproduction:
    """Accuracies of ResNets, quoted."""
    rows = []
    for model, (reported, enhanced) in TABLE_5.items():
        rows += [
            Comparison(f"{model}: top-1 of He et al. [%]", reported, None),
            Comparison(f"{model}: top-1 with the paper's training [%]", enhanced, None),
        ]
    return Reproduction("table5", "Accuracies of ResNets", "Training on ImageNet takes GPUs.", rows)


def table_6(settings: ReproductionSettings) -> Reproduction:
    """Sizes of all networks that a library or the zoo can build; accuracies and latencies are quoted."""
    rows: list[Comparison] = []
    built = 0
    for row in table_6_rows():
        name = row["model"]
        params, flops = _counted(row["network"], int(row["resolution"]))
        built += params is not None
        rows += [
            Comparison(f"{name}: params [M]", float(row["params_M"]), params, "{:.3g}"),
            Comparison(f"{name}: multiply-adds [M]", float(row["flops_M"]), flops, "{:.4g}"),
            *_quoted(name, row),
        ]
    differences = sorted(abs(c.difference) for c in rows if c.difference is not None)
    findings = [
        f"{built} of {len(table_6_rows())} networks can be built here; of their params and multiply-adds half are "
        f"within {differences[len(differences) // 2]:.1%} of the printed ones, all within {differences[-1]:.1%} (other "
        "libraries' variants of a network differ)."
    ]
    return Reproduction("table6", "All networks on ImageNet", "Counted with 1,000 classes.", rows, findings)


def _counted(model: str, resolution: Resolution) -> tuple[float | None, float | None]:
    """Millions of parameters and multiply-adds, where the network can be built and counted."""
    if not model:
        return None, None
    try:
        network, resolution = scored_network(model, resolution)
    except ZennasError:
        return None, None
    if isinstance(network, Architecture):
        counted = costs(network, native_resolution(network, resolution), 1000)
        return counted.params / 1e6, counted.flops / 1e6
    return network.params / 1e6, network.flops / 1e6


def _quoted(name: str, row: dict[str, str]) -> Sequence[Comparison]:
    quantities = (("top1_percent", "top-1 [%]"), ("latency_v100_ms", "V100 latency [ms]"))
    return [Comparison(f"{name}: {title}", float(row[key]), None) for key, title in quantities if row[key]]


def zen_in_closed_form(model: str, resolution: Resolution) -> float:
    """The Zen-score of a MODEL in closed form. Raises `ZennasError`."""
    network, resolution = scored_network(model, resolution)
    return meanfield_score(scorable(network), resolution).score
