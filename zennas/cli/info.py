"""`zennas info`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zennas.cli.options import Channels, Json, Model, Resolution
from zennas.cli.terminal import say
from zennas.errors import ZennasError
from zennas.input_size import plain, shown

if TYPE_CHECKING:
    from zennas.nn.convert import Conversion


def info(
    model: Model,
    resolution: Resolution = None,
    channels: Channels = None,
    classes: Annotated[
        int | None,
        typer.Option(min=0, help="Outputs of the classifier; 0 for none.", show_default="the network's own, else 1000"),
    ] = None,
    dtype: Annotated[
        str, typer.Option(help="Number type in which weights and memory are counted: fp32, fp16 or int8.")
    ] = "fp32",
    plot: Annotated[bool, typer.Option("--plot", help="Draw the network on the terminal.")] = False,
    image: Annotated[
        Path | None, typer.Option(help="Draw the network into a file: .html, .png, .svg or .pdf.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a network is made of and what it costs.

    [bold]Examples[/bold]

        zennas info zennet-cifar-1.0M

        zennas info runs/search-1/best.yaml --resolution 64 --classes 10 --json

        zennas info zennet-cifar-1.0M --resolution 96x64 --channels 1 --dtype int8

        zennas info zennet-cifar-1.0M --plot --image network.svg
    """
    from dataclasses import asdict

    from zennas.architecture.model import Architecture
    from zennas.architecture.structure import format_structure
    from zennas.counting import costs, known_costs, native_classes, super_block_costs
    from zennas.loading import scored_network

    architecture, size = scored_network(model, resolution, channels)
    if not isinstance(architecture, Architecture):
        asked = {"--image": image is not None, "--plot": plot, "--classes": classes is not None}
        asked["--dtype"] = dtype != "fp32"
        if any(asked.values()):
            raise ZennasError(
                f"{', '.join(name for name, given in asked.items() if given)}: of a module only its layers are known; "
                "zennas import makes an architecture of it where that can be"
            )
        _module_info(architecture, as_json)
        return
    classes = native_classes(architecture, classes)
    counted = costs(architecture, size, classes, dtype)
    structure = format_structure(architecture)
    if image is not None:
        from zennas.report.figures import plot_architecture
        from zennas.report.images import write_image

        write_image(plot_architecture(architecture, size), image)
    if as_json:
        rows = [
            {**asdict(block), **asdict(row), "out_resolution": plain(row.out_resolution)}
            for block, row in zip(architecture.super_blocks, super_block_costs(architecture, size), strict=True)
        ]
        print(
            json.dumps(
                {
                    "name": architecture.name,
                    "resolution": plain(size),
                    "in_channels": architecture.in_channels,
                    "num_classes": classes,
                    "dtype": dtype,
                    **known_costs(counted),
                    "structure": structure,
                    "super_blocks": rows,
                }
            )
        )
        return
    from rich.markup import escape

    from zennas.cli.console import console
    from zennas.cli.tables import architecture_table, costs_line

    out = console()
    out.print(f"[bold]{escape(architecture.name or 'network')}[/bold] at {shown(size)}, {classes} classes")
    out.print(architecture_table(architecture, size, classes))
    if plot:
        from zennas.cli.drawing import draw_architecture

        out.print(draw_architecture(architecture, size))
    out.print(costs_line(counted), highlight=False)
    out.print(structure, style="dim", soft_wrap=True, highlight=False, markup=False)


def _module_info(module: "Conversion", as_json: bool) -> None:
    """A module has no super-blocks: its sizes, and what its chain is made of."""
    from zennas.nn.convert import summary
    from zennas.units import format_count

    if as_json:
        numbers = {name: getattr(module, name) for name in ("params", "flops", "convolutions")}
        known = {"name": module.name, "resolution": plain(module.resolution), **numbers}
        print(json.dumps({**known, "chain": summary(module.chain)}))
        return
    say(f"{module.name} at {shown(module.resolution)}")
    say(
        f"{format_count(module.params)} params, {format_count(module.flops)} multiply-adds, "
        f"{module.convolutions} convolutions; main path: {summary(module.chain)}"
    )


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(info)
