"""The paper's figures over Table 6's networks: scores and costs computed here, accuracies and latencies quoted."""

from typing import Any

from zennas.accuracy.networks import table_6_rows
from zennas.charts import Chart, Panel, Series
from zennas.optional_dependencies import require
from zennas.paper.report import Comparison, Reproduction
from zennas.paper.settings import ReproductionSettings
from zennas.paper.tables import TABLE_5, torchvision_name, zen_in_closed_form


def _family(name: str) -> str:
    return name.rstrip("abcdefghijklmnopqrstuvwxyz").split("-")[0]


def _by_family(points: list[tuple[str, float, float]]) -> list[Series]:
    families: dict[str, list[tuple[str, float, float]]] = {}
    for name, x, y in points:
        families.setdefault(_family(name), []).append((name, x, y))
    return [
        Series(family, [p[1] for p in rows], [p[2] for p in rows], text=[p[0] for p in rows])
        for family, rows in families.items()
    ]


def spearman(x: list[float], y: list[float]) -> float:
    """Rank correlation."""
    stats: Any = require("scipy.stats", "report", "rank correlations")
    return float(stats.spearmanr(x, y).statistic)


def figure_10(settings: ReproductionSettings) -> Reproduction:
    """Zen-scores of ResNets and ZenNets over their quoted accuracies."""
    resnets = {name: zen_in_closed_form(torchvision_name(name), 224) for name in TABLE_5}
    zennets = {
        row["model"]: (zen_in_closed_form(row["network"], int(row["resolution"])), float(row["top1_percent"]))
        for row in table_6_rows()
        if row["model"].startswith("ZenNet")
    }
    scores = list(resnets.values())
    reported = [TABLE_5[name][0] for name in resnets]
    enhanced = [TABLE_5[name][1] for name in resnets]
    all_scores = [*scores, *(z for z, _ in zennets.values())]
    all_accuracies = [*enhanced, *(a for _, a in zennets.values())]
    series = [
        Series("ResNet, He et al.", reported, scores, text=list(resnets)),
        Series("ResNet, the paper's training", enhanced, scores, text=list(resnets)),
        Series("ZenNet", [a for _, a in zennets.values()], [z for z, _ in zennets.values()], text=list(zennets)),
    ]
    rows = [Comparison(f"{name}: Zen-score in closed form", None, z, "{:.1f}") for name, z in resnets.items()]
    rows += [Comparison(f"{name}: Zen-score in closed form", None, z, "{:.1f}") for name, (z, _) in zennets.items()]
    return Reproduction(
        "figure10",
        "Zen-score and top-1 accuracy",
        "Zen-scores in closed form at each network's resolution; accuracies are quoted from Tables 5 and 6. The paper "
        "prints no numbers in this figure.",
        rows,
        [
            f"Spearman of Zen-score and accuracy: ResNets {spearman(scores, enhanced):.3f}, with the ZenNets "
            f"{spearman(all_scores, all_accuracies):.3f}."
        ],
        Chart("Figure 10", [Panel("", "top-1 accuracy [%] (quoted)", "Zen-score", series)]),
    )


def _accuracy_over(name: str, title: str, column: str, label: str, log: bool = True) -> Reproduction:
    points = [(row["model"], float(row[column]), float(row["top1_percent"])) for row in table_6_rows() if row[column]]
    return Reproduction(
        name,
        title,
        "All numbers are quoted from Table 6: neither the accuracies nor the latencies are measured here.",
        findings=[f"{len(points)} networks; Spearman of the two axes {spearman(*_columns(points)):.3f}."],
        chart=Chart(f"F{name[1:]}", [Panel("", label, "top-1 accuracy [%] (quoted)", _by_family(points), log_x=log)]),
    )


def _columns(points: list[tuple[str, float, float]]) -> tuple[list[float], list[float]]:
    return [p[1] for p in points], [p[2] for p in points]


def figure_6(settings: ReproductionSettings) -> Reproduction:
    """Accuracy over V100 latency."""
    return _accuracy_over("figure6", "Accuracy and V100 latency", "latency_v100_ms", "V100 latency [ms] (quoted)")


def figure_7(settings: ReproductionSettings) -> Reproduction:
    """Accuracy over multiply-adds."""
    return _accuracy_over("figure7", "Accuracy and multiply-adds", "flops_M", "multiply-adds [M] (quoted)")


def figure_8(settings: ReproductionSettings) -> Reproduction:
    """Accuracy over T4 latency."""
    return _accuracy_over("figure8", "Accuracy and T4 latency", "latency_t4_ms", "T4 latency [ms] (quoted)")


def figure_9(settings: ReproductionSettings) -> Reproduction:
    """Accuracy over Pixel2 latency."""
    return _accuracy_over("figure9", "Accuracy and Pixel2 latency", "latency_pixel2_ms", "Pixel2 latency [ms] (quoted)")


def figure_11(settings: ReproductionSettings) -> Reproduction:
    """V100 latency over multiply-adds."""
    points = [
        (row["model"], float(row["flops_M"]), float(row["latency_v100_ms"]))
        for row in table_6_rows()
        if row["latency_v100_ms"]
    ]
    return Reproduction(
        "figure11",
        "Multiply-adds and V100 latency",
        "Both quoted from Table 6; no GPU latency is measured here.",
        findings=[
            f"{len(points)} networks; Spearman {spearman(*_columns(points)):.3f}: multiply-adds alone do not tell a "
            "GPU's latency."
        ],
        chart=Chart(
            "Figure 11",
            [
                Panel(
                    "",
                    "multiply-adds [M]",
                    "V100 latency [ms] (quoted)",
                    _by_family(points),
                    log_x=True,
                    log_y=True,
                )
            ],
        ),
    )
