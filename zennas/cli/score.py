"""`zennas score`."""

import json
from typing import Annotated

import typer

from zennas.cli.options import Device, Json, Model, Resolution, Seed


def score(
    model: Model,
    resolution: Resolution = None,
    name: Annotated[str, typer.Option("--score", help="Which score; see `zennas score --help`.")] = "zen",
    batch_size: Annotated[int, typer.Option(help="Images of a repeat.")] = 64,
    repeats: Annotated[int, typer.Option(help="Independent repeats of a Monte Carlo score.")] = 4,
    seed: Seed = 0,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Score a network that nobody has trained.

    Scores: zen (Monte Carlo, Algorithm 1), meanfield (the same in closed form), phi, params, flops, layers, random.

    [bold]Examples[/bold]

        zennas score zennet-cifar-1.0M

        zennas score zennet-imagenet-400M-se --score meanfield --json

        zennas score 'SuperConvK3BNRELU(3,64,1,4)' --resolution 32 --repeats 16
    """
    from zennas.counting import native_resolution
    from zennas.loading import load
    from zennas.scores import ScoreSettings, registered_score
    from zennas.units import format_seconds

    architecture = load(model)
    resolution = native_resolution(architecture, resolution)
    settings = ScoreSettings(batch_size, repeats, seed, device)
    result = registered_score(name).function(architecture, resolution, settings)
    if as_json:
        print(json.dumps(result.as_json()))
        return
    line = f"{name} score {result.score:.6g}"
    if result.std_error == float("inf"):
        line += "  (one repeat: no standard error)"
    elif result.std_error:
        low, high = result.ci95
        line += f" ± {result.std_error:.2g}  (95 % interval {low:.6g} to {high:.6g})"
    print(f"{line}  in {format_seconds(result.seconds)}")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(score)
