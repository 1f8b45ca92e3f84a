"""The report as one HTML file that needs no network: styles, scripts and data are written into it."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from zennas.io.text import write_text
from zennas.report.importance import KeptImportances
from zennas.report.payload import page_payload
from zennas.runs.result import SearchResult

SCRIPTS = ("dom.js", "data.js", "chart.js", "network.js", "charts.js", "decide.js", "sections.js", "main.js")
REPORT = "report.html"


def report_page(results: Sequence[SearchResult], kept: KeptImportances | None = None) -> str:
    """The page of one run, or of several overlaid and compared with the first.

    Args:
        results: of the runs.
        kept: for pages that are drawn again while their runs go on, the same each time; nothing by default.
    """
    return page_of(page_payload(results, kept), SCRIPTS)


def page_of(payload: Mapping[str, Any], scripts: Sequence[str]) -> str:
    """A page that draws itself.

    Args:
        payload: what it shows, in values that JSON can hold.
        scripts: files of `web`, in the order in which they run.
    """
    web = files("zennas.report") / "web"
    data = json.dumps(payload, separators=(",", ":"), allow_nan=False)
    parts = {
        "/*STYLE*/": (web / "page.css").read_text(encoding="utf-8"),
        "/*SCRIPT*/": "\n".join((web / name).read_text(encoding="utf-8") for name in scripts),
        # Names of the user's are text inside JSON inside HTML: nothing in them may close the script element.
        "/*DATA*/": data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
    }
    page = (web / "page.html").read_text(encoding="utf-8")
    for mark, text in parts.items():
        before, _, after = page.partition(mark)
        page = before + text + after
    return page


def write_report(results: Sequence[SearchResult], path: Path) -> None:
    """Write the page, atomically. Raises `ZennasError`."""
    write_text(path, report_page(results))
