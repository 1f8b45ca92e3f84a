"""`zennas runs`."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from zennas.cli.options import AllowImports, Json


def runs(
    directory: Annotated[Path, typer.Argument(help="A directory of runs, or one run.")] = Path("runs"),
    allow_imports: AllowImports = False,
    as_json: Json = False,
) -> None:
    """List runs with their state, best score, budgets and age.

    [bold]Example[/bold]

        zennas runs runs
    """
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


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(runs)
