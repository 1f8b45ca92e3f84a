"""Studies as files, as JSON, and as tables on the terminal."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from zennas.accuracy.choice import which_score
from zennas.accuracy.fitted_study import FittedStudy
from zennas.accuracy.measures import Measures
from zennas.accuracy.study import ScoreRanking, Study
from zennas.errors import ZennasError
from zennas.units import format_count, format_seconds

FITTED = "fitted"
"""What the learned accuracy is called beside the scores."""
FORMS = (".3f", ".3f", ".2f", ".2f")
"""How each of the measures is written."""


def show_study(result: Study, out: Path | None, as_json: bool, source: str = "") -> None:
    """Write the files of a study and print it.

    Args:
        result: the study.
        out: directory for `study.csv`, `study.html` and `study.png`; `None` for no files.
        as_json: print one JSON object in place of the table; what is not known of a score is `null`.
        source: the file that it is of, for the JSON; its title by default.

    Raises:
        ZennasError: a file cannot be written.
        MissingExtraError: plotly or matplotlib is not installed.
    """
    if out is not None:
        write_study(result, out)
    if as_json:
        print(json.dumps({**study_document(result), "files": [file_document(source or result.title, result)]}))
        return
    from zennas.cli.console import console

    terminal = console()
    terminal.print(study_table(result))
    _print_notes(terminal, result)
    _print_choice(terminal, [result])
    if out is not None:
        terminal.print(f"written to {out}", highlight=False, markup=False)


def show_studies(results: Sequence[tuple[str, Study]], out: Path | None, as_json: bool) -> None:
    """Write the files of several studies, each into a directory of its own, and print one table of all.

    Args:
        results: each file with its study.
        out: directory, or `None` for no files. The studies lie in it under the names of their files.
        as_json: print one JSON object in place of the table; what is not known of a score is `null`.

    Raises:
        ZennasError: a file cannot be written.
        MissingExtraError: plotly or matplotlib is not installed.
    """
    if out is not None:
        for source, result in results:
            write_study(result, out / _folder(source))
    if as_json:
        print(json.dumps({"files": [file_document(source, result) for source, result in results]}))
        return
    from zennas.cli.console import console

    terminal = console()
    terminal.print(comparison_table([result for _, result in results]))
    for _, result in results:
        _print_notes(terminal, result)
    _print_choice(terminal, [result for _, result in results])
    if out is not None:
        terminal.print(f"written to {out}", highlight=False, markup=False)


def check_folders(sources: Sequence[str], out: Path | None) -> None:
    """Refuse files whose studies would be written over each other.

    Args:
        sources: the files.
        out: directory of their studies, or `None` for no files.

    Raises:
        ZennasError: two of them have one name.
    """
    by_folder: dict[str, str] = {}
    for source in sources if out is not None else ():
        other = by_folder.setdefault(_folder(source), source)
        if other != source:
            raise ZennasError(
                f"the studies of {other} and {source} would both be written to {out}/{_folder(source)}; rename one of "
                "the files, or study them one by one"
            )


def _folder(source: str) -> str:
    return Path(source).stem.replace(":", "-")


def write_study(result: Study, out: Path) -> None:
    """Write `study.csv`, `study.html` and `study.png`.

    Args:
        result: the study.
        out: directory for the files.

    Raises:
        ZennasError: a file cannot be written.
        MissingExtraError: plotly or matplotlib is not installed.
    """
    from zennas.accuracy.study import chart, write_csv
    from zennas.charts import write_html, write_png

    write_csv(result, out / "study.csv")
    write_html(chart(result), out / "study.html")
    write_png(chart(result), out / "study.png")


def study_document(result: Study) -> dict[str, Any]:
    """A study as plain data; what is not known of a score is `None`."""
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
    return {
        "title": result.title,
        "networks": len(result.networks),
        "quantiles": list(result.quantiles),
        "budgets": list(result.budgets),
        "best": list(result.best),
        "scores": rows,
        "left_out": list(result.left_out),
    }


def file_document(source: str, result: Study) -> dict[str, Any]:
    """One file of a comparison as plain data: the measures of every score by its name.

    Args:
        source: the file as it was given.
        result: its study.
    """
    return {
        "file": source,
        "title": result.title,
        "networks": len(result.networks),
        "recipes": dict(result.recipes),
        "scores": {
            r.score: {
                **_measures(Measures(r.spearman, r.kendall, r.within_flops, r.regret)),
                "low": _measures(r.low),
                "high": _measures(r.high),
                "share": _number(r.share),
                "refused": r.refused,
            }
            for r in result.rankings
        }
        | ({} if result.fitted is None else {FITTED: _fitted_document(result.fitted)}),
        "ceiling": None
        if result.ceiling is None
        else {
            "runs": result.ceiling.runs,
            "one_run": _measures(result.ceiling.one_run),
            "spearman": _number(result.ceiling.spearman),
            "within_flops": _number(result.ceiling.within_flops),
        },
        "left_out": list(result.left_out),
    }


def _fitted_document(fitted: FittedStudy) -> dict[str, Any]:
    return {
        **_measures(fitted.fitted),
        "lowest": _measures(fitted.lowest),
        "highest": _measures(fitted.highest),
        "zero_shot": _measures(fitted.zero_shot),
        "trained": fitted.trained,
        "seeds": fitted.seeds,
        "choice": fitted.choice,
        "fell_back": fitted.fell_back,
    }


def _measures(measures: Measures) -> dict[str, float | None]:
    return {name: _number(value) for name, value in measures._asdict().items()}


def _print_notes(terminal: Any, result: Study) -> None:
    if len(result.recipes) > 1:
        counts = ", ".join(f"{name or 'none'} ({count})" for name, count in result.recipes)
        terminal.print(
            f"{result.title}: {len(result.recipes)} recipes, ranked apart: {counts}", highlight=False, markup=False
        )
    if result.fitted is not None:
        terminal.print(fitted_table(result.fitted))
    for line in result.left_out:
        terminal.print(f"left out   {line}", style="dim", highlight=False, markup=False)


def fitted_table(fitted: FittedStudy) -> Table:
    """How the learned accuracy and the zero-shot score rank the networks that were not learned from."""
    table = Table(
        title=f"learned from {fitted.trained} networks ({fitted.choice}), ranking the others; mean of {fitted.seeds} "
        f"choices, lowest to highest",
        header_style="bold",
        show_edge=False,
        pad_edge=False,
        title_justify="left",
    )
    table.add_column("score")
    for title in ("Spearman", "Kendall", "within tenths", "regret"):
        table.add_column(title, justify="right")
    lines = zip(FORMS, fitted.fitted, fitted.lowest, fitted.highest, strict=True)
    table.add_row(FITTED, *(_with_limits(value, low, high, form) for form, value, low, high in lines))
    cells = (_cell(value, form) for form, value in zip(FORMS, fitted.zero_shot, strict=True))
    table.add_row("zen-weighted", *cells)
    if fitted.fell_back:
        table.caption = f"fell back to the zero-shot score in {fitted.fell_back:.0%} of the choices"
    return table


def _print_choice(terminal: Any, results: Sequence[Study]) -> None:
    for line in which_score(results):
        terminal.print(line, highlight=False, markup=False)


def comparison_table(results: Sequence[Study]) -> Table:
    """One row a score and benchmark, the best score of each benchmark first, then what noise leaves.

    Args:
        results: the studies, in the order of the table.
    """
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("benchmark", max_width=24)
    table.add_column("score")
    for title in ("Spearman", "Kendall", "within tenths", "regret", "of the way", "a network"):
        table.add_column(title, justify="right")
    for result in results:
        names = iter((escape(result.title.partition(" (")[0]), f"[dim]{len(result.networks)} networks[/dim]"))
        for row in sorted(result.rankings, key=_place):
            table.add_row(next(names, ""), escape(row.score), *_comparison_cells(row), format_seconds(row.seconds))
        if result.ceiling is not None:
            one, ceiling = result.ceiling.one_run, result.ceiling
            within, lost = _cell(one.within_flops, ".2f"), _cell(one.regret, ".2f")
            rows = (
                ("one training", f"{one.spearman:.3f}", f"{one.kendall:.3f}", within, lost, ""),
                ("noise ceiling", f"{ceiling.spearman:.3f}", "", _cell(ceiling.within_flops, ".2f"), "", "100%"),
            )
            for cells in rows:
                table.add_row(next(names, ""), *cells, "", style="dim")
        table.add_section()
    return table


def _comparison_cells(row: ScoreRanking) -> list[str]:
    return [
        _with_limits(row.spearman, row.low.spearman, row.high.spearman, ".3f"),
        _with_limits(row.kendall, row.low.kendall, row.high.kendall, ".3f"),
        _with_limits(row.within_flops, row.low.within_flops, row.high.within_flops, ".2f"),
        _with_limits(row.regret, row.low.regret, row.high.regret, ".2f"),
        _cell(row.share, ".0%"),
    ]


def _with_limits(value: float, low: float, high: float, form: str) -> str:
    text = _cell(value, form)
    return text if math.isnan(low) or not text else f"{text} ({low:{form}}–{high:{form}})"


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
    if result.ceiling is not None:
        table.add_column("of the way", justify="right")
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
            *([] if result.ceiling is None else [_cell(row.share, ".0%")]),
            *(_cell(pick, ".2f") for pick in row.picks),
            format_seconds(row.seconds),
            str(row.refused or "-"),
        )
    if result.ceiling is not None:
        one = result.ceiling.one_run
        blanks = [""] * (len(result.budgets) + 2)
        table.add_row("one training", f"{one.spearman:.3f}", f"{one.kendall:.3f}", "", "", *blanks, style="dim")
        table.add_row("noise ceiling", f"{result.ceiling.spearman:.3f}", "", "", "100%", *blanks, style="dim")
    blanks = ["", "", ""] if result.ceiling is None else ["", "", "", ""]
    table.add_row("the best there is", *blanks, *(f"{best:.2f}" for best in result.best), "", "", style="dim")
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
