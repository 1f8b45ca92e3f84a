"""`zennas zoo`."""

import json
from typing import Annotated

import typer

from zennas.cli.options import Channels, Json, Resolution
from zennas.input_size import plain


def zoo(
    resolution: Resolution = None,
    channels: Channels = None,
    classes: Annotated[
        int | None, typer.Option(min=0, help="Outputs of the classifier.", show_default="each network's own")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the published networks with their costs and the paper's accuracies and latencies.

    Params and multiply-adds are counted here, at the networks' own inputs or at those that you give; accuracies and
    latencies are quoted from the paper, at its own.

    [bold]Examples[/bold]

        zennas zoo

        zennas zoo --resolution 320x192 --channels 1 --classes 2
    """
    from zennas.counting import costs, known_costs, native_resolution
    from zennas.zoo import zoo_entry, zoo_names

    entries = [zoo_entry(name) for name in zoo_names()]
    networks = [entry.architecture.with_channels(channels) for entry in entries]
    sizes = [native_resolution(network, resolution) for network in networks]
    outputs = [entry.num_classes if classes is None else classes for entry in entries]
    counted = [costs(*of_one) for of_one in zip(networks, sizes, outputs, strict=True)]
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "name": entry.name,
                        "resolution": plain(size),
                        "num_classes": count,
                        **known_costs(cost),
                        "source": entry.source,
                        "mended": list(entry.corrected),
                        "paper": entry.paper,
                    }
                    for entry, cost, size, count in zip(entries, counted, sizes, outputs, strict=True)
                ]
            )
        )
        return
    from rich.table import Table

    from zennas.cli.console import console
    from zennas.units import format_count

    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("name")
    for title in ("resolution", "params", "multiply-adds", "layers", "top-1", "V100", "T4", "Pixel2"):
        table.add_column(title, justify="right")
    table.add_column("source")
    for entry, cost, size in zip(entries, counted, sizes, strict=True):
        paper = entry.paper
        if "imagenet_top1" in paper:
            accuracy = f"{paper['imagenet_top1']} %"
        elif "cifar10_top1" in paper:
            accuracy = f"{paper['cifar10_top1']} / {paper['cifar100_top1']} %"
        else:
            accuracy = "-"
        table.add_row(
            entry.name,
            str(plain(size)),
            format_count(cost.params),
            format_count(cost.flops),
            str(cost.layers),
            accuracy,
            *(f"{paper[key]} ms" if key in paper else "-" for key in ("v100_ms", "t4_ms", "pixel2_ms")),
            entry.source,
        )
    out = console()
    out.print(table)
    out.print(
        "top-1: ImageNet, or CIFAR-10 / CIFAR-100; latencies per image: V100 FP16 and T4 INT8 at batch 64, Pixel2 one "
        "image; all quoted from the paper.",
        style="dim",
    )


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(zoo)
