"""`zennas compare`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zennas.cli.options import Channels, Device, Json, Resolution, Seed
from zennas.input_size import plain, positions, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from zennas.report.compare import Compared


def compare(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL …", help="Networks, as for `zennas info`.", show_default=False),
    ],
    resolution: Resolution = None,
    channels: Channels = None,
    score: Annotated[str, typer.Option(help="Which score.")] = "meanfield",
    batch_size: Annotated[int, typer.Option(help="Images of a Monte Carlo repeat.")] = 64,
    repeats: Annotated[int, typer.Option(help="Repeats of a Monte Carlo score.")] = 4,
    seed: Seed = 0,
    device: Device = "cpu",
    latency_predictor: Annotated[
        Path | None,
        typer.Option(help="File of `zennas latency-predictor fit`: adds the predicted latency.", show_default=False),
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="The score by each convolution, too.")] = False,
    as_json: Json = False,
) -> None:
    """Set networks side by side: costs, score, and where in the network the score comes from.

    [bold]Examples[/bold]

        zennas compare zennet-cifar-0.5M zennet-cifar-1.0M zennet-cifar-2.0M

        zennas compare zennet-cifar-1.0M runs/search-1/best.yaml --score zen --layers
    """
    from zennas.loading import load
    from zennas.report.compare import compare as compare_networks
    from zennas.scores import ScoreSettings

    loaded = [load(model, channels) for model in models]
    names = [_name(model, network.name) for model, network in zip(models, loaded, strict=True)]
    compared = compare_networks(
        list(zip(names, loaded, strict=True)), resolution, score, ScoreSettings(batch_size, repeats, seed, device)
    )
    if latency_predictor is not None:
        compared = [_with_latency(network, latency_predictor) for network in compared]
    if as_json:
        print(json.dumps([_document(network) for network in compared]))
        return
    from zennas.cli.console import console

    out = console()
    out.print(_table(compared, score))
    if layers:
        out.print()
        out.print(_layer_table(compared))


def _name(model: str, name: str) -> str:
    return name if "(" in model and name else model if len(model) <= 40 else f"{model[:37]}…"


def _with_latency(network: "Compared", path: Path) -> "Compared":
    from dataclasses import replace

    from zennas.counting import native_classes
    from zennas.latency.in_search import replace_classes
    from zennas.latency.predictor import read_predictor

    predictor = read_predictor(path)
    predictor.check(str(path), {"resolution": network.resolution})
    predictor.check_blocks(str(path), {block.block for block in network.architecture.super_blocks})
    predict = replace_classes(predictor, native_classes(network.architecture, None)).predict
    latency = predict(network.architecture.super_blocks)
    return replace(network, costs=replace(network.costs, latency=latency))


def _document(network: "Compared") -> dict[str, object]:
    from dataclasses import asdict

    from zennas.counting import known_costs

    return {
        "name": network.name,
        "resolution": plain(network.resolution),
        **known_costs(network.costs),
        "score": network.score.as_json(),
        "contributions": [asdict(part) for part in network.contributions],
    }


def _table(compared: "Sequence[Compared]", score: str) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    from zennas.counting import known_in

    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("")
    for network in compared:
        table.add_column(escape(network.name), justify="right", overflow="fold")
    table.add_row("input", *(shown(n.resolution) for n in compared))
    for quantity in known_in(n.costs for n in compared):
        table.add_row(quantity.title, *(quantity.show(n.costs) for n in compared))
    table.add_section()
    table.add_row(f"{escape(score)} score", *(f"{n.score.score:.2f}" for n in compared))
    table.add_row("score per layer", *(f"{n.score.score / max(1, n.costs.layers):.2f}" for n in compared))
    table.add_section()
    stages = [network.by_stage() for network in compared]
    for size in sorted({size for sums in stages for size in sums}, key=positions, reverse=True):
        table.add_row(f"½·log σ² at {shown(size)}", *(f"{s[size]:.2f}" if size in s else "-" for s in stages))
    return table


def _layer_table(compared: "Sequence[Compared]") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("convolution", justify="right")
    for network in compared:
        table.add_column(escape(network.name))
        table.add_column("½·log σ²", justify="right")
    for number in range(max(len(n.contributions) for n in compared)):
        cells = []
        for network in compared:
            part = network.contributions[number] if number < len(network.contributions) else None
            cells += ["-", "-"] if part is None else [part.convolution, f"{part.value:.3f}"]
        table.add_row(str(number + 1), *cells)
    return table


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(compare)
