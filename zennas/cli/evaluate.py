"""`zennas evaluate`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from zennas.cli.options import Channels, Device, Json, Model, Resolution, Threads
from zennas.cli.skipped import print_skipped
from zennas.cli.terminal import say


def evaluate(
    model: Model,
    weights: Annotated[Path, typer.Option(help="Trained weights: .safetensors, or a torch file of tensors.")],
    data: Annotated[
        str, typer.Option(help="cifar10:DIR, cifar100:DIR, idx:DIR, imagefolder:DIR or digits.")
    ] = "digits",
    resolution: Resolution = None,
    channels: Channels = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images of a batch.")] = 64,
    device: Device = "cpu",
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare images.")] = 0,
    threads: Threads = None,
    on_bad_image: Annotated[str, typer.Option(help="skip or stop at unreadable images.")] = "stop",
    download: Annotated[bool, typer.Option("--download", help="Fetch the data set where it is missing.")] = False,
    confusion: Annotated[Path | None, typer.Option(help="Write the confusion matrix there, as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Evaluate a trained network on a data set's test images.

    [bold]Examples[/bold]

        zennas evaluate runs/train-1/architecture.yaml --weights runs/train-1/best.safetensors

        zennas evaluate zennet-cifar-1.0M --weights w.safetensors --data cifar10:data --confusion confusion.csv --json
    """
    from zennas.optional_dependencies import require

    for module in ("torch", "torchvision", "timm", "safetensors"):
        require(module, "train", "zennas evaluate")
    from zennas.train.evaluation import evaluate as evaluate_model
    from zennas.train.evaluation import write_confusion

    result = evaluate_model(
        model,
        weights,
        data,
        resolution=resolution,
        channels=channels,
        batch_size=batch_size,
        device=device,
        workers=workers,
        threads=threads,
        on_bad_image=on_bad_image,
        download=download,
    )
    if confusion is not None:
        write_confusion(result, confusion)
    if as_json:
        print(json.dumps(result.as_json()))
        return
    say(f"top-1      {result.top1:.2%}")
    say(f"top-5      {result.top5:.2%}")
    say(f"loss       {result.loss:.4f}")
    say(f"images     {result.images:,} ({result.images_per_second:,.0f} images/s)")
    print_skipped(result.skipped)
    if confusion is not None:
        say(f"written to {confusion}")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(evaluate)
