"""Looking at what a search found: one self-contained page a run, and plotly figures."""

from zennas.report.page import report_page, write_report

__all__ = ["report_page", "write_report"]
