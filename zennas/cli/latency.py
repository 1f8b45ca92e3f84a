"""`zennas latency`."""

import json
from dataclasses import replace
from typing import Annotated

import typer

from zennas.cli.options import Channels, Json, Model, Resolution, Threads
from zennas.cli.terminal import say
from zennas.layouts import AUTO, LAYOUT_HELP, AskedLayout

LatencyDevice = Annotated[str, typer.Option(help="cpu, cuda or cuda:<number>.")]
Backend = Annotated[str, typer.Option(help="torch, torch-compile or onnxruntime.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images a mini-batch.")]
Dtype = Annotated[str, typer.Option(help="fp32, fp16, bf16; int8 with onnxruntime.")]
Clock = Annotated[
    str,
    typer.Option(
        help="wall, or cpu: processor time of one thread, which leaves out what other programs take on a busy machine."
    ),
]
Layout = Annotated[AskedLayout, typer.Option(help=LAYOUT_HELP)]


def latency(
    model: Model,
    device: LatencyDevice = "cpu",
    backend: Backend = "torch",
    batch_size: BatchSize = 64,
    dtype: Dtype = "fp32",
    resolution: Resolution = None,
    channels: Channels = None,
    classes: Annotated[
        int | None,
        typer.Option(min=0, help="Outputs of the classifier.", show_default="the architecture's own, else 1000"),
    ] = None,
    threads: Threads = None,
    clock: Clock = "wall",
    layout: Layout = AUTO,
    batches: Annotated[int, typer.Option(min=1, help="Mini-batches after the warm-up.")] = 30,
    as_json: Json = False,
) -> None:
    """Measure how long a network takes for an image on this machine.

    After a warm-up, 30 mini-batches as in the paper; the median and the spread, a standard deviation that a few
    outliers do not touch. The spread tells whether the machine is quiet enough. With --layout auto the network is
    measured in both layouts, and the faster one counts.

    [bold]Examples[/bold]

        zennas latency zennet-cifar-1.0M --batch-size 1

        zennas latency zennet-imagenet-0.1ms --device cuda --dtype fp16

        zennas latency runs/search-1/best.yaml --backend onnxruntime --dtype int8 --json
    """
    from zennas.counting import native_classes, native_resolution
    from zennas.latency.setting import Setting
    from zennas.loading import load
    from zennas.units import format_seconds

    architecture = load(model, channels)
    setting = Setting(
        device,
        backend,
        dtype,
        batch_size,
        native_resolution(architecture, resolution),
        cpu_threads(threads, clock),
        clock,
    )
    from zennas.latency.layout import fastest, measured_layouts
    from zennas.latency.measure import NOISY_SPREAD, measure

    count = native_classes(architecture, classes)
    if layout == AUTO:
        by_layout = measured_layouts(architecture, setting, count, batches)
    else:
        by_layout = {layout: measure(architecture, replace(setting, layout=layout), count, batches)}
    found = fastest(by_layout)
    if as_json:
        layouts = {name: measured.latency for name, measured in by_layout.items()}
        document = {"name": architecture.name, "num_classes": count, **found.as_json(), "layouts": layouts}
        print(json.dumps(document))
    else:
        say(
            f"{format_seconds(found.latency)} an image (spread {found.spread:.1%} over {len(found.batches)} "
            f"mini-batches)\non {found.setting}"
        )
        for other in by_layout.values():
            if other is not found:
                say(f"{other.setting.layout}: {format_seconds(other.latency)}")
    if not found.trusted:
        say(
            f"zennas: this machine is too noisy to trust that number: the spread of {found.spread:.0%} is above "
            f"{NOISY_SPREAD:.0%}; stop other programs, or use --threads 1 --clock cpu",
            error=True,
        )


def cpu_threads(threads: int | None, clock: str) -> int:
    """The number of threads asked for, else one for processor time, else torch's own choice."""
    from zennas.optional_dependencies import require

    if threads is not None:
        return threads
    return 1 if clock == "cpu" else int(require("torch", "latency", "measuring a latency").get_num_threads())


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(latency)
