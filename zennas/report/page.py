"""The report as one HTML file that needs no network: styles, scripts and data are written into it."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from zennas.io.text import write_text
from zennas.report.payload import page_payload
from zennas.runs.result import SearchResult

SCRIPTS = ("dom.js", "data.js", "chart.js", "network.js", "charts.js", "decide.js", "sections.js", "main.js")
REPORT = "report.html"


def report_page(results: Sequence[SearchResult]) -> str:
    """The page of one run, or of several overlaid and compared with the first."""
    web = files("zennas.report") / "web"
    data = json.dumps(page_payload(results), separators=(",", ":"), allow_nan=False)
    parts = {
        "/*STYLE*/": (web / "page.css").read_text(encoding="utf-8"),
        "/*SCRIPT*/": "\n".join((web / name).read_text(encoding="utf-8") for name in SCRIPTS),
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
