"""`zennas zoo`."""

import json

import typer

from zennas.cli.options import Json


def zoo(as_json: Json = False) -> None:
    """List the published networks with their costs and the paper's accuracies and latencies.

    Params and multiply-adds are counted here; accuracies and latencies are quoted from the paper.
    """
    from zennas.counting import costs, known_costs
    from zennas.zoo import zoo_entry, zoo_names

    entries = [zoo_entry(name) for name in zoo_names()]
    counted = [costs(entry.architecture, None, entry.num_classes) for entry in entries]
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "name": entry.name,
                        "resolution": entry.architecture.resolution,
                        "num_classes": entry.num_classes,
                        **known_costs(cost),
                        "source": entry.source,
                        "mended": list(entry.corrected),
                        "paper": entry.paper,
                    }
                    for entry, cost in zip(entries, counted, strict=True)
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
    for entry, cost in zip(entries, counted, strict=True):
        paper = entry.paper
        if "imagenet_top1" in paper:
            accuracy = f"{paper['imagenet_top1']} %"
        elif "cifar10_top1" in paper:
            accuracy = f"{paper['cifar10_top1']} / {paper['cifar100_top1']} %"
        else:
            accuracy = "-"
        table.add_row(
            entry.name,
            str(entry.architecture.resolution),
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
