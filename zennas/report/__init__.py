"""Looking at what a search found: one self-contained page a run, and plotly figures of its result."""

from zennas.report.figures import plot_architecture, plot_contributions, plot_frontier, plot_history, plot_importance
from zennas.report.page import report_page, write_report

__all__ = [
    "plot_architecture",
    "plot_contributions",
    "plot_frontier",
    "plot_history",
    "plot_importance",
    "report_page",
    "write_report",
]
