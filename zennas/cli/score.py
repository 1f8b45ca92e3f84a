"""`zennas score`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from zennas.cli.options import Channels, Device, Json, Model, Resolution, Seed, Threads
from zennas.cli.terminal import say
from zennas.threads import torch_threads

if TYPE_CHECKING:
    from zennas.architecture.model import Architecture
    from zennas.nn.convert import Conversion


def score(
    model: Model,
    resolution: Resolution = None,
    channels: Channels = None,
    name: Annotated[str, typer.Option("--score", help="Which score; see `zennas score --help`.")] = "zen",
    batch_size: Annotated[int, typer.Option(help="Images of a repeat.")] = 64,
    repeats: Annotated[int, typer.Option(help="Independent repeats of a Monte Carlo score.")] = 4,
    seed: Seed = 0,
    device: Device = "cpu",
    threads: Threads = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say what a module's conversion changed.")] = False,
    insert_norm: Annotated[
        bool, typer.Option("--insert-norm", help="Put batch norms where a module's convolutions have none.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Score a network that nobody has trained.

    MODEL may also be torchvision:NAME, timm:NAME or package.module:factory for your own PyTorch model: it is scored as
    its VCN-network, and --explain says what had to be changed.

    Scores: zen (Monte Carlo, Algorithm 1), meanfield (the same in closed form), zen-weighted, phi, deepmad, gradnorm,
    synflow, naswot, ntk, ntk-fan-in, ntk-fan-out, linear-regions, zico, params, flops, layers, random, and
    accuracy:FILE of `zennas accuracy fit`.

    [bold]Examples[/bold]

        zennas score zennet-cifar-1.0M

        zennas score zennet-imagenet-400M-se --score meanfield --json

        zennas score 'SuperConvK3BNRELU(3,64,1,4)' --resolution 32 --repeats 16

        zennas score torchvision:resnet50 --resolution 224 --explain

        zennas score timm:convnext_tiny --resolution 224 --score meanfield --insert-norm
    """
    from zennas.architecture.model import Architecture
    from zennas.loading import scored_network
    from zennas.scores import ScoreSettings, compute_score, registered_score
    from zennas.units import format_seconds

    network, size = scored_network(model, resolution, channels, insert_norm)
    settings = ScoreSettings(batch_size, repeats, seed, device)
    with torch_threads(threads if registered_score(name).needs_torch else None):
        result = compute_score(name, network, size, settings)
    changes = [] if isinstance(network, Architecture) else network.explain()
    inserted = 0 if isinstance(network, Architecture) else network.inserted_norms
    if as_json:
        more = {**({"changes": changes} if explain else {}), **({"inserted_norms": inserted} if insert_norm else {})}
        print(json.dumps({**result.as_json(), **more}))
        return
    if explain:
        _explain(network, changes)
    line = f"{name} score {result.score:.6g}"
    if result.std_error == float("inf"):
        line += "  (one repeat: no standard error)"
    elif result.std_error:
        low, high = result.ci95
        line += f" ± {result.std_error:.2g}  (95 % interval {low:.6g} to {high:.6g})"
    if inserted:
        line += f"  with {inserted} batch norms put in"
    say(f"{line}  in {format_seconds(result.seconds)}")


def _explain(network: "Architecture | Conversion", changes: list[str]) -> None:
    from zennas.architecture.model import Architecture
    from zennas.units import format_count

    if not isinstance(network, Architecture):
        from zennas.nn.convert import summary

        say(
            f"{network.name}: {format_count(network.params)} params, {format_count(network.flops)} multiply-adds, "
            f"{network.convolutions} convolutions; scored as {summary(network.chain)}"
        )
    for change in changes or ["nothing had to be changed"]:
        say(f"  {change}")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(score)
