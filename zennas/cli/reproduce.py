"""`zennas reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from zennas.cli.options import Device, Seed


def reproduce(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="figure1, table4, … or all.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Directory for reproduction.md and the charts (PNG and interactive HTML).")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=2, help="Images of a Monte Carlo repeat.")] = 16,
    repeats: Annotated[int, typer.Option(min=1, help="Monte Carlo repeats.")] = 1,
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Compute the paper's tables and figures and set them beside the printed numbers.

    Names: figure1, figure2, figure6 to figure11, table1, table2, table4, table5, table6. What would need a GPU or
    ImageNet is quoted from the paper and marked so.

    [bold]Examples[/bold]

        zennas reproduce table4

        zennas reproduce all --out docs
    """
    from rich.table import Table

    from zennas.cli.console import console
    from zennas.optional_dependencies import require

    require("torch", "torch", "reproducing the paper")
    from zennas.paper import ENTRIES, write_reproductions
    from zennas.paper import reproduce as compute
    from zennas.paper.settings import ReproductionSettings

    settings = ReproductionSettings(batch_size, repeats, seed, device)
    terminal = console()
    done = []
    for name in ENTRIES if "all" in names else names:
        result = compute(name, settings)
        done.append(result)
        terminal.print(f"[bold]{result.name}[/bold]: {result.title}", highlight=False)
        if result.comparisons:
            table = Table(header_style="bold", show_edge=False, pad_edge=False)
            table.add_column("")
            for title in ("paper", "ours", "difference"):
                table.add_column(title, justify="right")
            for comparison in result.comparisons:
                table.add_row(*comparison.cells())
            terminal.print(table)
        for finding in result.findings:
            terminal.print(f"  {finding}", highlight=False, markup=False)
        terminal.print()
    if out is not None:
        path = write_reproductions(done, out, f"zennas reproduce {' '.join(names)} --out {out}")
        terminal.print(f"written to {path}", highlight=False, markup=False)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(reproduce)
