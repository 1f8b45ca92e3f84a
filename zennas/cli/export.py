"""`zennas export`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from zennas.cli.options import Channels, Json, Model, Resolution, Threads
from zennas.cli.skipped import print_skipped
from zennas.cli.terminal import say
from zennas.layouts import AUTO, LAYOUT_HELP, AskedLayout
from zennas.threads import torch_threads


def export(
    model: Model,
    weights: Annotated[Path | None, typer.Option(help="Trained weights.", show_default="random ones")] = None,
    format: Annotated[str, typer.Option(help="onnx or torch-export.")] = "onnx",
    dtype: Annotated[str, typer.Option(help="fp32, fp16, bf16, or int8 (onnx, needs --data).")] = "fp32",
    dynamic_batch: Annotated[bool, typer.Option("--dynamic-batch", help="Take any number of images.")] = False,
    fold_bn: Annotated[bool, typer.Option("--fold-bn", help="Fold batch norms into convolutions.")] = False,
    layout: Annotated[AskedLayout, typer.Option(help=f"{LAYOUT_HELP[:-1]} (torch-export).")] = AUTO,
    data: Annotated[
        str | None, typer.Option(help="Calibrate int8 on its training images; report accuracy on its test images.")
    ] = None,
    on_bad_image: Annotated[str, typer.Option(help="skip or stop at unreadable images.")] = "stop",
    resolution: Resolution = None,
    channels: Channels = None,
    classes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Outputs of the classifier.",
            show_default="the network's, weights' or data's, else 1000",
        ),
    ] = None,
    threads: Threads = None,
    out: Annotated[Path | None, typer.Option(help="The file.", show_default="NAME.onnx or NAME.pt2")] = None,
    as_json: Json = False,
) -> None:
    """Export a network for other runtimes, and check the file against torch.

    [bold]Examples[/bold]

        zennas export zennet-cifar-1.0M --weights best.safetensors --fold-bn --dynamic-batch

        zennas export runs/train-1/architecture.yaml --weights runs/train-1/best.safetensors --dtype int8 --data digits
    """
    from zennas.optional_dependencies import require

    require("torch", "torch", "zennas export")
    if data is not None:
        for module in ("torchvision", "timm", "sklearn"):
            require(module, "train", "--data")
    from zennas.export import FORMATS
    from zennas.export import export as export_network
    from zennas.train.networks import make_network, own_channels, usual_resolution
    from zennas.train.weights import load_weights
    from zennas.units import format_bytes

    size = resolution or usual_resolution(model, 224)
    channels = channels or own_channels(model)
    count, where = _classes(model, classes, weights, data, size, channels)
    network = make_network(model, count, size, channels=channels)
    if weights is not None:
        load_weights(network, weights, where)
    suffix = FORMATS[format].suffix if format in FORMATS else ""
    path = out or Path(f"{Path(model).stem if Path(model).suffix in ('.yaml', '.json', '.txt') else 'network'}{suffix}")
    with torch_threads(threads):
        result = export_network(
            network,
            path,
            size,
            format=format,
            dtype=dtype,
            dynamic_batch=dynamic_batch,
            fold=fold_bn,
            layout=layout,
            data=data,
            on_bad_image=on_bad_image,
        )
    if as_json:
        numbers = {**vars(result), "path": str(result.path)}
        print(json.dumps({key: value for key, value in numbers.items() if value is not None}))
        return
    allowed = "" if result.tolerance is None else f" (allowed: {result.tolerance:.2g})"
    say(f"checked    largest difference from torch {result.difference:.2g}{allowed}")
    if result.accuracy is not None and result.float_accuracy is not None:
        say(f"accuracy   {result.accuracy:.2%} in {dtype}, {result.float_accuracy:.2%} in torch fp32")
    print_skipped(result.skipped)
    say(f"written to {result.path} ({format_bytes(result.bytes)})")


def _classes(
    model: str, given: int | None, weights: Path | None, data: str | None, resolution: Any, channels: int
) -> tuple[int, str]:
    """How many classes the exported network has, and what says so.

    What the command line gives, else what the architecture was designed with; only where that says nothing, what the
    weights are for, then what the data has. What does not fit is refused where weights and data are used.
    """
    from zennas.counting.count import DEFAULT_CLASSES
    from zennas.train.datasets import open_data
    from zennas.train.networks import make_network, own_classes
    from zennas.train.weights import class_count

    if given is not None:
        return given, "--classes"
    own = own_classes(model)
    if own is not None:
        return own, "the architecture, without --classes,"
    if weights is not None:
        return class_count(make_network(model, 1, resolution, channels=channels), weights), "the network"
    if data is not None:
        return len(open_data(data).classes), "the data"
    return DEFAULT_CLASSES, "the network"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(export)
