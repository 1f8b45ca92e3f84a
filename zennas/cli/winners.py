"""`zennas winners`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zennas.cli.options import AllowImports

if TYPE_CHECKING:
    from zennas.designing.winners import Pick
    from zennas.scores.learned import AccuracyModel


def winners(
    run: Annotated[Path, typer.Argument(help="Directory of a search.", show_default=False)],
    count: Annotated[int, typer.Option(help="Networks to choose.")] = 8,
    apart: Annotated[float, typer.Option(help="Layers by which two of them differ at least.")] = 3.0,
    model: Annotated[
        Path | None,
        typer.Option(help="An accuracy model: choose by expected improvement.", show_default="the run's score"),
    ] = None,
    best: Annotated[
        float | None,
        typer.Option(help="Accuracy to improve on, in percent.", show_default="the highest predicted"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory for the networks.", show_default="winners in the run")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, write nothing but --out.")] = False,
    allow_imports: AllowImports = False,
) -> None:
    """The best networks of a search that differ from each other, as files.

    The distance of two networks is what it takes to make one of the other: a layer more or less counts 1, and so does a
    layer of twice the width.

    [bold]Examples[/bold]

        zennas winners runs/search-1

        zennas winners runs/search-1 --count 20 --apart 5 --out candidates

        zennas winners runs/search-1 --model accuracy.json --best 93.1
    """
    from zennas.cli.console import console
    from zennas.cli.terminal import say
    from zennas.designing.winners import TABLE
    from zennas.designing.winners import winners as choose_winners

    place = out if out is not None or as_json else run / "winners"
    picks = choose_winners(
        run, count, apart=apart, model=_model(model), best=best, out=place, allow_imports=allow_imports
    )
    if as_json:
        print(json.dumps({"winners": [pick.as_json() for pick in picks]}))
        return
    console().print(_table(picks))
    if len(picks) < count:
        say(f"note       the run has {len(picks)} networks that differ, not {count}")
    say(f"written to {place}: {picks[0].architecture.name}.yaml …, {TABLE}")


def _model(path: Path | None) -> "AccuracyModel | None":
    if path is None:
        return None
    from zennas.scores.learned import load_accuracy_model

    return load_accuracy_model(path)


def _table(picks: "Sequence[Pick]") -> object:
    from rich.table import Table

    from zennas.counting import known_in

    quantities = known_in(pick.costs for pick in picks)
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("network")
    predicted = picks[0].predicted is not None
    titles = ["score", *(["predicted accuracy"] if predicted else []), *(q.title for q in quantities), "nearest"]
    for title in titles:
        table.add_column(title, justify="right")
    for pick in picks:
        cells = [f"{pick.score:.2f}"]
        if pick.predicted is not None and pick.std is not None:
            cells.append(f"{pick.predicted:.2f} ± {1.96 * pick.std:.2f} %")
        cells += [quantity.show(pick.costs) for quantity in quantities]
        first = pick is picks[0] and pick.nearest == float("inf")
        table.add_row(pick.architecture.name, *cells, "-" if first else f"{pick.nearest:.1f}")
    return table


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(winners)
