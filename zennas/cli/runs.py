"""`zennas runs`."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from zennas.cli.options import AllowImports, Json
from zennas.errors import RunError


def runs(
    directory: Annotated[Path, typer.Argument(help="A directory of runs, or one run.")] = Path("runs"),
    salvage: Annotated[
        Path | None, typer.Option(help="Save what is whole of a damaged run, as a new one.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the saved run.", show_default="DIR-salvaged")] = None,
    allow_imports: AllowImports = False,
    as_json: Json = False,
) -> None:
    """List runs with their state, best score, budgets and age; or save what is whole of a damaged one.

    [bold]Examples[/bold]

        zennas runs runs

        zennas runs --salvage runs/search-1
    """
    if salvage is not None:
        _salvage(salvage, out, as_json)
        return
    if out is not None:
        raise RunError("--out is where --salvage writes; give both, e.g. --salvage runs/search-1 --out saved")
    from zennas.runs.listing import list_runs

    found = list_runs(directory, allow_imports=allow_imports)
    if as_json:
        print(json.dumps([run.as_json() for run in found]))
        return
    from rich.markup import escape
    from rich.table import Table

    from zennas.cli.console import console
    from zennas.units import format_seconds

    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for title in ("run", "state", "score", "best", "iterations", "scored", "budgets", "age"):
        right = title in ("best", "iterations", "scored", "age")
        table.add_column(title, justify="right" if right else "left", overflow="fold")
    for run in found:
        table.add_row(
            escape(str(run.directory)),
            escape(run.state),
            escape(run.score),
            "-" if run.best is None else f"{run.best:.2f}",
            f"{run.iteration:,} / {run.iterations:,}",
            f"{run.scored:,}",
            escape("; ".join(run.budgets)) or "-",
            format_seconds(max(0.0, time.time() - run.updated)) if run.updated else "-",
        )
    console().print(table)


def _salvage(damaged: Path, out: Path | None, as_json: bool) -> None:
    from zennas.runs.salvage import salvage_run

    place = damaged if damaged.name else damaged.resolve()
    saved = salvage_run(damaged, out or place.with_name(f"{place.name}-salvaged"))
    if as_json:
        print(json.dumps(saved.as_json()))
        return
    from zennas.cli.console import console

    whole = "" if saved.candidates is None else f" of {saved.candidates:,}"
    lines = [
        f"saved      {saved.saved:,}{whole} candidates, up to iteration {saved.iteration:,}",
        f"written to {saved.directory}",
        f"           it cannot be gone on with: {saved.not_resumed}"
        if saved.not_resumed
        else f"           go on with it by zennas search --resume {saved.directory}",
    ]
    for line in lines:
        console().print(line, highlight=False, markup=False)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(runs)
