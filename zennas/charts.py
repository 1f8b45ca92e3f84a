"""Charts as data, drawn as one interactive HTML page (plotly) and as a picture (matplotlib: no browser is needed)."""

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zennas.errors import ZennasError
from zennas.io.text import write_text
from zennas.optional_dependencies import require

COLOURS = ("#2563a8", "#c8553d", "#3b8f5a", "#8257a5", "#b98a1d", "#4c5866", "#cc6699", "#178a94")


@dataclass(frozen=True)
class Series:
    """Points of one name; `line` joins them, `text` labels each of them on hovering."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    line: bool = False
    text: Sequence[str] = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes. A point that is not finite leaves a gap."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Chart:
    """Panels in rows of three at most."""

    title: str
    panels: Sequence[Panel]

    @property
    def columns(self) -> int:
        """Panels in a row."""
        return min(3, len(self.panels))

    @property
    def rows(self) -> int:
        """Rows of panels."""
        return -(-len(self.panels) // self.columns)


def to_plotly(chart: Chart) -> Any:
    """The chart as a plotly figure. Raises `MissingExtraError`."""
    graph = require("plotly.graph_objects", "report", "an interactive chart")
    make_subplots = require("plotly.subplots", "report", "an interactive chart").make_subplots
    figure = make_subplots(chart.rows, chart.columns, subplot_titles=[p.title for p in chart.panels])
    for number, panel in enumerate(chart.panels):
        row, column = divmod(number, chart.columns)
        place = {"row": row + 1, "col": column + 1}
        for index, series in enumerate(panel.series):
            trace = graph.Scatter(
                x=list(series.x),
                y=list(series.y),
                mode="lines+markers" if series.line else "markers",
                name=series.name,
                text=list(series.text) or None,
                marker={"color": COLOURS[index % len(COLOURS)]},
                showlegend=number == 0 or [s.name for s in panel.series] != [s.name for s in chart.panels[0].series],
            )
            figure.add_trace(trace, **place)
        figure.update_xaxes(title_text=panel.x_label, type="log" if panel.log_x else "linear", **place)
        figure.update_yaxes(title_text=panel.y_label, type="log" if panel.log_y else "linear", **place)
    return figure.update_layout(title=chart.title, template="plotly_white", height=440 * chart.rows)


def write_html(chart: Chart, path: Path) -> None:
    """Write a page that works without a network."""
    write_text(path, to_plotly(chart).to_html(include_plotlyjs=True, full_html=True))


def write_png(chart: Chart, path: Path) -> None:
    """Write a picture. Raises `MissingExtraError`, `ZennasError`."""
    matplotlib = require("matplotlib", "report", "a picture of a chart")
    matplotlib.use("Agg")
    pyplot = require("matplotlib.pyplot", "report", "a picture of a chart")
    figure, axes = pyplot.subplots(
        chart.rows, chart.columns, figsize=(5.2 * chart.columns, 3.9 * chart.rows), squeeze=False, layout="constrained"
    )
    for number, axis in enumerate(axes.flat):
        if number >= len(chart.panels):
            axis.set_visible(False)
            continue
        _draw(axis, chart.panels[number])
    figure.suptitle(chart.title)
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
        os.replace(temporary, path)
    except OSError as error:
        raise ZennasError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        pyplot.close(figure)


def _draw(axis: Any, panel: Panel) -> None:
    for index, series in enumerate(panel.series):
        style = {"color": COLOURS[index % len(COLOURS)], "label": series.name, "markersize": 3.5}
        axis.plot(series.x, series.y, "o-" if series.line else "o", alpha=0.7, **style)
    if panel.log_x:
        axis.set_xscale("log")
    if panel.log_y:
        axis.set_yscale("log")
    axis.set(title=html.unescape(panel.title), xlabel=panel.x_label, ylabel=panel.y_label)
    axis.grid(alpha=0.3)
    if len(panel.series) > 1:
        axis.legend(fontsize="small")
