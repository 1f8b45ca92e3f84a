"""A study as files, as JSON, and as a table on the terminal."""

import json
import math
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from zennas.accuracy.study import ScoreRanking, Study
from zennas.units import format_count, format_seconds


def show_study(result: Study, out: Path | None, as_json: bool) -> None:
    """Write the files of a study and print it.

    Args:
        result: the study.
        out: directory for `study.csv`, `study.html` and `study.png`; `None` for no files.
        as_json: print one JSON object in place of the table; what is not known of a score is `null`.

    Raises:
        ZennasError: a file cannot be written.
        MissingExtraError: plotly or matplotlib is not installed.
    """
    if out is not None:
        from zennas.accuracy.study import chart, write_csv
        from zennas.charts import write_html, write_png

        write_csv(result, out / "study.csv")
        write_html(chart(result), out / "study.html")
        write_png(chart(result), out / "study.png")
    if as_json:
        rows = [
            {
                "score": r.score,
                "spearman": _number(r.spearman),
                "kendall": _number(r.kendall),
                "top_overlap": _number(r.top_overlap),
                "picks": [_number(pick) for pick in r.picks],
                "seconds": r.seconds,
                "refused": r.refused,
            }
            for r in result.rankings
        ]
        document = {
            "title": result.title,
            "networks": len(result.networks),
            "quantiles": list(result.quantiles),
            "budgets": list(result.budgets),
            "best": list(result.best),
            "scores": rows,
            "left_out": list(result.left_out),
        }
        print(json.dumps(document))
        return
    from zennas.cli.console import console

    terminal = console()
    terminal.print(study_table(result))
    for line in result.left_out:
        terminal.print(f"left out   {line}", style="dim", highlight=False, markup=False)
    if out is not None:
        terminal.print(f"written to {out}", highlight=False, markup=False)


def study_table(result: Study) -> Table:
    """One row a score, the best first; the last row is what no pick can beat.

    A score that refused so many networks that nothing is known of it comes last, with blanks and their number.
    """
    table = Table(
        title=f"{escape(result.title)}: {len(result.networks)} networks",
        header_style="bold",
        show_edge=False,
        pad_edge=False,
        title_justify="left",
    )
    table.add_column("score")
    for title in ("Spearman", "Kendall", "top 10 %"):
        table.add_column(title, justify="right")
    for budget in result.budgets:
        table.add_column(f"pick ≤ {format_count(budget)}", justify="right")
    table.add_column("a network", justify="right")
    table.add_column("refused", justify="right")
    for row in sorted(result.rankings, key=_place):
        table.add_row(
            escape(row.score),
            _cell(row.spearman, ".3f"),
            _cell(row.kendall, ".3f"),
            _cell(row.top_overlap, ".0%"),
            *(_cell(pick, ".2f") for pick in row.picks),
            format_seconds(row.seconds),
            str(row.refused or "-"),
        )
    table.add_row("the best there is", "", "", "", *(f"{best:.2f}" for best in result.best), "", "", style="dim")
    return table


def _place(ranking: ScoreRanking) -> tuple[bool, float]:
    """What rows are sorted by. Not a number is neither less nor more than any other, and would leave them unsorted."""
    unknown = math.isnan(ranking.spearman)
    return unknown, 0.0 if unknown else -ranking.spearman


def _cell(value: float, form: str) -> str:
    return "" if math.isnan(value) else format(value, form)


def _number(value: float) -> float | None:
    """JSON has no word for what is not a number."""
    return None if math.isnan(value) else value
