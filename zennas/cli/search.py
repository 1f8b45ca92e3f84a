"""`zennas search`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from zennas.cli.options import option

BUDGETS = "Budgets"
SEARCH = "Search"
STOP = "Stopping"
RUN = "Run"


def search(
    space: Annotated[str | None, option(SEARCH, "resnet, mobilenet or regnet.", "resnet")] = None,
    resolution: Annotated[int | None, option(SEARCH, "Side of the square input.", 32)] = None,
    classes: Annotated[int | None, option(SEARCH, "Outputs of the classifier.", 100)] = None,
    se: Annotated[bool, option(SEARCH, "Squeeze-excitation in MB blocks.", None, "--se")] = False,
    params: Annotated[str | None, option(BUDGETS, "Most parameters, e.g. 1M; 0.5M..1M for a range.")] = None,
    flops: Annotated[str | None, option(BUDGETS, "Most multiply-adds, e.g. 400M.")] = None,
    layers: Annotated[str | None, option(BUDGETS, "Most layers, e.g. 18.")] = None,
    memory: Annotated[str | None, option(BUDGETS, "Most bytes of activations an image, e.g. 8MB.")] = None,
    score: Annotated[str | None, option(SEARCH, "What to maximise.", "meanfield")] = None,
    iterations: Annotated[int | None, option(SEARCH, "Networks to propose (T).", 48_000)] = None,
    population: Annotated[int | None, option(SEARCH, "Population size (N).", 256)] = None,
    round_size: Annotated[int | None, option(SEARCH, "Networks proposed from one population.", 64)] = None,
    rescore: Annotated[int | None, option(SEARCH, "Best networks to re-score by Monte Carlo; 0: none.", 16)] = None,
    batch_size: Annotated[int | None, option(SEARCH, "Images of a Monte Carlo repeat.", 16)] = None,
    repeats: Annotated[int | None, option(SEARCH, "Monte Carlo repeats a network.", 1)] = None,
    seed: Annotated[int | None, option(SEARCH, "Seed of everything random.", 0)] = None,
    device: Annotated[str | None, option(SEARCH, "Where torch computes, e.g. cpu or cuda.", "cpu")] = None,
    time_limit: Annotated[str | None, option(STOP, "Stop after that long, e.g. 20m.")] = None,
    patience: Annotated[int | None, option(STOP, "Stop after so many iterations without a better network.")] = None,
    target_score: Annotated[float | None, option(STOP, "Stop at that score.")] = None,
    out: Annotated[Path | None, option(RUN, "Directory for the run.", "runs/search-<n>")] = None,
    resume: Annotated[Path | None, option(RUN, "Go on with the run in that directory.")] = None,
    quiet: Annotated[bool, option(RUN, "No progress bar.", None, "--quiet", "-q")] = False,
) -> None:
    """Search for the network of the highest score within budgets.

    [bold]Examples[/bold]

        zennas search --params 1M --layers 18

        zennas search --space mobilenet --se --resolution 224 --classes 1000 --flops 400M

        zennas search --resume runs/search-1 --iterations 96000
    """
    from zennas.cli.progress import search_progress
    from zennas.cli.results import show_result
    from zennas.evolution.config import checked_config
    from zennas.evolution.run import next_directory, resume_run, start_run
    from zennas.units import parse_seconds

    options: dict[str, Any] = {
        "space": space,
        "resolution": resolution,
        "num_classes": classes,
        "se": se or None,
        "params": _several(params),
        "flops": _several(flops),
        "layers": _several(layers),
        "memory": _several(memory),
        "score": score,
        "iterations": iterations,
        "population": population,
        "round_size": round_size,
        "rescore": rescore,
        "batch_size": batch_size,
        "repeats": repeats,
        "seed": seed,
        "device": device,
        "time_limit": None if time_limit is None else parse_seconds(time_limit, "--time-limit"),
        "patience": patience,
        "target_score": target_score,
    }
    given = {key: value for key, value in options.items() if value is not None}
    with search_progress(quiet) as watch:
        if resume is not None:
            result = resume_run(resume, given, watch)
        else:
            result = start_run(checked_config(given), out or next_directory(Path("runs")), watch)
    show_result(result)


def _several(text: str | None) -> str | list[str] | None:
    if text is None or "," not in text:
        return text
    return [part.strip() for part in text.split(",") if part.strip()]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(search)
