"""`zennas reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from zennas.cli.options import Device, Seed, Threads
from zennas.threads import torch_threads


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
    again: Annotated[bool, typer.Option("--again", help="Draw anew what is kept of Monte Carlo in OUT.")] = False,
    seed: Seed = 0,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Compute the paper's tables and figures and set them beside the printed numbers.

    Names: figure1, figure2, figure6 to figure11, table1, table2, table4, table5, table6. What would need a GPU or
    ImageNet is quoted from the paper and marked so.

    With --out the numbers that Monte Carlo draws are kept in OUT/reproduction/monte-carlo.json, one by one: an
    interrupted command goes on where it was, and everything else is computed again in seconds. Of a page that is
    there already, only the sections that are named are replaced.

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
    from zennas.paper.drawn import Drawn
    from zennas.paper.settings import ReproductionSettings

    drawn = Drawn(None if out is None else out / "reproduction" / "monte-carlo.json", again)
    settings = ReproductionSettings(batch_size, repeats, seed, device, drawn)
    terminal = console()
    done = []
    for name in ENTRIES if "all" in names else names:
        with torch_threads(threads):
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
        path = write_reproductions(done, out, f"zennas reproduce {' '.join(names)} --out {out}", list(ENTRIES))
        kept = (
            f"; {drawn.taken} Monte Carlo numbers were there already (--again draws them anew)" if drawn.taken else ""
        )
        terminal.print(f"written to {path}{kept}", highlight=False, markup=False)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(reproduce)
