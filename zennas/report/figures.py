"""The report's figures for plotly: shown in notebooks, written as images."""

from typing import TYPE_CHECKING, Any

from zennas.architecture.model import Architecture
from zennas.architecture.structure import format_structure
from zennas.counting import QUANTITIES, known_costs, native_resolution, super_block_costs
from zennas.errors import ZennasError
from zennas.optional_dependencies import require, unknown
from zennas.report.importance import CHOICES, FEWEST, importances
from zennas.report.replay import replay
from zennas.report.run_summary import contributions, history, kind_label
from zennas.runs.outputs import budget_label, pareto_front
from zennas.runs.result import SearchResult
from zennas.units import format_count

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Okabe and Ito's palette, told apart by colour-blind readers.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def plot_history(result: SearchResult) -> "Figure":
    """Best, median and worst score of the population over iterations. Raises `MissingExtraError` without plotly."""
    go = _plotly()
    figure = go.Figure()
    snapshots = replay(result.config, result.candidates(), result.iterations)
    budget_sets = result.config.budget_sets()
    for number, budgets in enumerate(budget_sets):
        points = history(snapshots, number)
        iterations, best, middle, worst = (list(column) for column in zip(*points, strict=True))
        colour = COLOURS[number % len(COLOURS)]
        name = f" {budget_label(budgets)}" if len(budget_sets) > 1 else ""
        line = dict(color=colour)
        figure.add_scatter(x=iterations, y=best, name=f"best{name}", line=line)
        figure.add_scatter(x=iterations, y=middle, name=f"median{name}", line=dict(color=colour, width=1, dash="dot"))
        figure.add_scatter(
            x=iterations, y=worst, name=f"worst{name}", line=dict(color=colour, width=0.5), fill="tonexty", opacity=0.4
        )
    return _titled(figure, "iterations", f"score ({result.config.score})")


def plot_frontier(result: SearchResult, quantity: str = "params") -> "Figure":
    """Every candidate in score against a cost, with the frontier, the budgets as lines and the winners.

    Args:
        quantity: the name of a cost in `zennas.counting.QUANTITIES`, e.g. `params` or `flops`; a latency is known
            where it was predicted.

    Raises:
        UnknownNameError: no such cost, or none of the candidates has it.
    """
    go = _plotly()
    candidates = [c for c in result.candidates() if known_costs(c.costs).get(quantity) is not None]
    if not candidates:
        raise unknown("cost of this run", quantity, known_costs(result.costs))
    front = sorted(pareto_front(candidates, (quantity,)), key=lambda c: c.score)
    figure = go.Figure()
    for name, members, style in (
        ("candidates", candidates, dict(mode="markers", marker=dict(size=3, color="#7a8792", opacity=0.5))),
        ("frontier", front, dict(mode="lines+markers", line=dict(color=COLOURS[0]), marker=dict(size=4))),
        (
            "winners",
            [w.candidate for w in result.winners],
            dict(mode="markers", marker=dict(symbol="star", size=14, color=COLOURS[1])),
        ),
    ):
        figure.add_trace(
            go.Scattergl(
                x=[getattr(c.costs, quantity) for c in members],
                y=[c.score for c in members],
                name=name,
                text=[_folded(format_structure(c.super_blocks)) for c in members],
                hovertemplate="score %{y:.2f}, " + QUANTITIES[quantity].title + " %{x:.4s}<br>%{text}<extra></extra>",
                **style,
            )
        )
    for budget in {b for budgets in result.config.budget_sets() for b in budgets if b.quantity == quantity}:
        for bound in (budget.low, budget.high):
            if 0 < bound < float("inf"):
                figure.add_vline(x=bound, line=dict(color=COLOURS[1], dash="dash"), annotation_text=budget.show(bound))
    return _titled(figure, QUANTITIES[quantity].title, f"score ({result.config.score})")


def plot_architecture(network: Architecture | SearchResult, resolution: int | None = None) -> "Figure":
    """A network from left to right: height is the side of the feature map, thickness the channels.

    Args:
        network: an architecture, or a search whose winner is drawn.
        resolution: side of the square input in pixels; by default the network's own.

    Raises:
        ArchitectureError: no resolution is known, or it is too small.
    """
    go = _plotly()
    architecture = _architecture(network)
    resolution = native_resolution(architecture, resolution)
    rows = super_block_costs(architecture, resolution)
    types = list(dict.fromkeys(b.block for b in architecture.super_blocks if b.block != "Conv"))
    figure = go.Figure()
    at = 0.0
    for number, (block, row) in enumerate(zip(architecture.super_blocks, rows, strict=True), start=1):
        thickness = 4 + block.out_channels**0.5
        conv = block.block == "Conv"
        colour = "#7a8792" if conv else COLOURS[types.index(block.block) % len(COLOURS)]
        inside = f", {block.bottleneck} inside" if block.bottleneck else ""
        figure.add_bar(
            x=[at + thickness / 2],
            y=[row.out_resolution],
            width=[thickness],
            marker=dict(color=colour, line=dict(color="white", width=1)),
            text=f"{kind_label(block)}<br>× {block.layers}<br>{block.out_channels}",
            textposition="outside",
            showlegend=False,
            hovertemplate=(
                f"{number}. {kind_label(block)} × {block.layers}<br>{block.in_channels} → {block.out_channels} channels"
                f"{inside}<br>stride {block.stride}, output {row.out_resolution}×{row.out_resolution}<br>"
                f"{format_count(row.params)} params, {format_count(row.flops)} multiply-adds<extra></extra>"
            ),
        )
        at += thickness + (10 if block.stride > 1 else 4)
    figure.update_xaxes(visible=False)
    return _titled(figure, "", "side of the feature map", architecture.name)


def plot_contributions(network: Architecture | SearchResult, resolution: int | None = None) -> "Figure":
    """½·log σ² of each convolution by the closed form: why the network scores as it does.

    Args:
        network: an architecture, or a search whose winner is explained.
        resolution: side of the square input in pixels; by default the network's own.

    Raises:
        ScoreError: the closed form does not know some layer of this network.
    """
    go = _plotly()
    architecture = _architecture(network)
    parts = contributions(architecture, resolution)
    blocks = architecture.super_blocks
    figure = go.Figure(
        go.Bar(
            x=list(range(1, len(parts) + 1)),
            y=[part.value for part in parts],
            marker_color=[COLOURS[part.super_block % 2] for part in parts],
            text=[
                f"{p.convolution}<br>super-block {p.super_block + 1}: {kind_label(blocks[p.super_block])}"
                for p in parts
            ],
            textposition="none",
            hovertemplate="%{y:.3f}<br>%{text}<extra></extra>",
        )
    )
    return _titled(figure, "convolution on the main path", "½·log σ²", architecture.name)


def plot_importance(result: SearchResult, most: int = 15) -> "Figure":
    """Which choices moved the score, stage by stage: what a surrogate of the candidates loses where each is permuted.

    Args:
        result: of a search.
        most: bars, the largest first.

    Raises:
        ZennasError: too few candidates, or all of one score.
    """
    go = _plotly()
    found = importances(result.candidates())
    if found is None:
        raise ZennasError(f"the importance of choices takes {FEWEST} candidates of different scores")
    rows = found.rows[:most][::-1]
    figure = go.Figure(
        go.Bar(
            x=[row.value for row in rows],
            y=[f"{row.choice}, stage {row.stage}" for row in rows],
            error_x=dict(type="data", array=[row.std for row in rows]),
            orientation="h",
            marker_color=[COLOURS[CHOICES.index(row.choice) % len(COLOURS)] for row in rows],
        )
    )
    return _titled(figure, "loss of R² where the choice is permuted", "", f"R² of the surrogate {found.r2:.2f}")


FIGURES = ("history", "frontier", "architecture", "contributions", "importance")


def figure_of(result: SearchResult, name: str) -> "Figure":
    """One of `FIGURES` of a result."""
    if name == "history":
        return plot_history(result)
    if name == "frontier":
        budgets = [b.quantity for b in result.best.budgets]
        return plot_frontier(result, next((q for q in QUANTITIES if q in budgets), "params"))
    if name == "architecture":
        return plot_architecture(result.architecture, result.config.resolution)
    if name == "contributions":
        return plot_contributions(result.architecture, result.config.resolution)
    if name == "importance":
        return plot_importance(result)
    raise unknown("figure", name, FIGURES)


def _architecture(network: Architecture | SearchResult) -> Architecture:
    return network if isinstance(network, Architecture) else network.architecture


def _plotly() -> Any:
    return require("plotly.graph_objects", "report", "a figure")


def _folded(text: str, width: int = 90) -> str:
    return "<br>".join(text[i : i + width] for i in range(0, len(text), width))


def _titled(figure: "Figure", x: str, y: str, title: str = "") -> "Figure":
    figure.update_layout(
        template="plotly_white", xaxis_title=x, yaxis_title=y, title_text=title.replace("<", "&lt;"), height=460
    )
    return figure
