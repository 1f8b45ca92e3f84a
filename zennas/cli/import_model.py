"""`zennas import`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zennas.cli.options import Json
from zennas.cli.terminal import say

if TYPE_CHECKING:
    from torch import nn

    from zennas.nn.imported import Imported


def import_model(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="torchvision:NAME, timm:NAME or package.module:factory.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write the architecture there: .yaml, .json or .txt.", show_default=False)
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Weights of MODEL: .safetensors, or a torch file of tensors.", show_default="its factory's"),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Write the weights of the network there, as safetensors.", show_default=False),
    ] = None,
    resolution: Annotated[
        int | None,
        typer.Option(min=1, max=1 << 14, help="Side of the square input.", show_default="the model's own, else 224"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read a PyTorch model into an architecture, exactly: to search from it, compare, train or export it.

    The network has the model's parameters, multiply-adds and, with --weights, its outputs. A model whose layers no
    block type says is refused, with the layer. No pretrained weights are fetched: give a file of them to --checkpoint.

    [bold]Examples[/bold]

        zennas import timm:mobilenetv2_050 --out mobilenetv2.yaml

        zennas search --space mobilenet --start mobilenetv2.yaml --resolution 224 --classes 1000 --params 2M

        zennas import torchvision:resnet50 --checkpoint resnet50.pth --out resnet50.yaml --weights resnet50.safetensors

        zennas import mypackage.models:make --resolution 64 --out mine.yaml
    """
    from zennas.architecture.files import write_architecture
    from zennas.architecture.structure import format_structure
    from zennas.counting import costs, known_costs
    from zennas.loading import load_module
    from zennas.optional_dependencies import require

    require("torch", "torch", "zennas import")
    from zennas.nn.imported import import_network

    wants_weights = weights is not None or checkpoint is not None
    module = load_module(model, with_weights=wants_weights)
    imported = import_network(module, resolution, model.partition(":")[2])
    architecture = imported.architecture
    difference = _carry_over(module, imported, checkpoint, weights) if wants_weights else None
    if out is not None:
        write_architecture(architecture, out)
    counted = costs(architecture)
    structure = format_structure(architecture)
    if as_json:
        print(
            json.dumps(
                {
                    "name": architecture.name,
                    "resolution": architecture.resolution,
                    "num_classes": architecture.num_classes,
                    **known_costs(counted),
                    "structure": structure,
                    **({} if difference is None else {"difference": difference}),
                }
            )
        )
        return
    from rich.markup import escape

    from zennas.cli.console import console
    from zennas.cli.tables import architecture_table, costs_line

    assert architecture.resolution is not None
    assert architecture.num_classes is not None
    side, classes = architecture.resolution, architecture.num_classes
    table = console()
    table.print(f"[bold]{escape(architecture.name)}[/bold] at {side}×{side}, {classes} classes")
    table.print(architecture_table(architecture, side, classes))
    table.print(costs_line(counted), highlight=False)
    if difference is not None:
        say(f"outputs on random images differ by {difference:.1e} of the largest")
    for path in filter(None, (out, weights)):
        say(f"written to {path}")
    if out is None:
        table.print(structure, style="dim", soft_wrap=True, highlight=False, markup=False)


def _carry_over(module: "nn.Module", imported: "Imported", checkpoint: Path | None, weights: Path | None) -> float:
    """Write the network's weights; by how much its outputs differ from the module's, of the largest of them."""
    from zennas.nn.imported import import_weights, largest_difference
    from zennas.train.weights import load_weights, write_weights

    if checkpoint is not None:
        load_weights(module, checkpoint, "the model")
    network = import_weights(module, imported)
    difference = largest_difference(module, network)
    if weights is not None:
        write_weights(network, weights)
    return difference


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("import")(import_model)
