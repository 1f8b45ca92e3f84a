"""`zennas accuracy`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zennas.cli.options import AllowImports, Json, Resolution, Seed
from zennas.cli.terminal import say

if TYPE_CHECKING:
    from zennas.scores.learned.model import AccuracyModel

LEAST_TRUST = 0.5
"""Below it a prediction is said to be of a network unlike those that were trained."""

app = typer.Typer(
    help="Learn from a few trained networks how accurate others would be.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.callback()
def accuracy_group() -> None:
    """Learn from a few trained networks how accurate others would be."""


@app.command()
def fit(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="A .csv with model and accuracy [%] and, where they are known, resolution, std, epochs and recipe; a "
            "benchmark that `zennas study` reads; or directories of finished training runs.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="File for the model, .json.", show_default=False)],
    recipe: Annotated[
        str | None, typer.Option(help="Learn from networks of that recipe alone.", show_default="the only one")
    ] = None,
    seed: Seed = 0,
    allow_imports: AllowImports = False,
    as_json: Json = False,
) -> None:
    """Learn to predict accuracy from trained networks, and report the error on networks that were left out.

    A zero-shot score is calibrated and corrected. Where the correction does not err less than the calibrated score on
    networks that were left out, or there are fewer than eight, the model falls back to the calibrated score and says
    so.

    [bold]Examples[/bold]

        zennas accuracy fit trained.csv --out model.json

        zennas accuracy fit runs/train-1 runs/train-2 runs/train-3 --out model.json

        zennas search --params 1M --score accuracy:model.json
    """
    from zennas.accuracy.fitting import fit_accuracy

    known = sources[0] if len(sources) == 1 else sources
    model = fit_accuracy(known, seed=seed, recipe=recipe, allow_imports=allow_imports)
    model.save(out)
    if as_json:
        print(json.dumps(_document(model)))
        return
    _show(model, out)


@app.command()
def predict(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Networks, as all commands take them.", show_default=False)
    ],
    model: Annotated[Path, typer.Option(help="File of `zennas accuracy fit`.", show_default=False)],
    resolution: Resolution = None,
    as_json: Json = False,
) -> None:
    """Predict the accuracy of networks, had they been trained like those that the model was learned from.

    [bold]Examples[/bold]

        zennas accuracy predict zennet-cifar-1.0M best.yaml --model model.json
    """
    from zennas.architecture.model import Architecture
    from zennas.loading import load_network, scored_network
    from zennas.scores.learned import load_accuracy_model

    learned = load_accuracy_model(model)
    networks = []
    for name in models:
        network = load_network(name)
        networks.append(network if isinstance(network, Architecture) else scored_network(name, resolution)[0])
    predicted = learned.predicted(networks, resolution)
    found = list(zip(models, *(v.tolist() for v in (predicted.mean, predicted.std, predicted.trust)), strict=True))
    if as_json:
        rows = [{"model": n, "accuracy": m, "std": s, "trust": t} for n, m, s, t in found]
        print(json.dumps({"falls_back": learned.falls_back, "reason": learned.reason, "networks": rows}))
        return
    if learned.falls_back:
        say(f"calibrated {learned.baseline.score} alone: {learned.reason}")
    for name, m, s, t in found:
        strange = t < LEAST_TRUST and not learned.falls_back
        say(f"{name}  {m:.2f} % ± {s:.2f}{f'; unlike what was trained (trust {t:.2f})' if strange else ''}")


def _document(model: "AccuracyModel") -> dict[str, Any]:
    return {
        "title": model.title,
        "networks": model.networks,
        "baseline": model.baseline.score,
        "falls_back": model.falls_back,
        "reason": model.reason,
        **model.report,
    }


def _show(model: "AccuracyModel", out: Path) -> None:
    from rich.table import Table

    from zennas.cli.console import console

    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("left out")
    for title in ("error [%]", "Spearman", "Kendall"):
        table.add_column(title, justify="right")
    figures: Any = model.report["figures"]
    for name, found in figures.items():
        table.add_row(name, *(_interval(*found[key]) for key in ("error", "spearman", "kendall")))
    screen = console()
    screen.print(table)
    for line in (f"learned from {model.networks} networks of {model.title}: {_what(model)}", f"written to {out}"):
        screen.print(line, highlight=False, markup=False)


def _what(model: "AccuracyModel") -> str:
    if model.falls_back:
        return f"falls back to the calibrated {model.baseline.score}: {model.reason}"
    return f"{model.report['learner']} on top of the calibrated {model.baseline.score}"


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.3f} ({low:.2f}–{high:.2f})"


def add_to(parent: typer.Typer) -> None:
    """Register the command group."""
    parent.add_typer(app, name="accuracy")
