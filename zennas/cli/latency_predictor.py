"""`zennas latency-predictor`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zennas.cli.latency import Backend, BatchSize, Clock, Dtype, LatencyDevice, Layout, cpu_threads
from zennas.cli.options import Json, Seed, Threads
from zennas.cli.terminal import say
from zennas.errors import ZennasError
from zennas.input_size import RESOLUTION_HELP, read_resolution
from zennas.layouts import AUTO

if TYPE_CHECKING:
    from zennas.latency.in_search import LatencyBudget
    from zennas.searching.settings import SearchConfig

app = typer.Typer(help="Learn how long networks take on a device.", no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def latency_predictor() -> None:
    """Learn how long networks take on a device."""


@app.command()
def fit(
    out: Annotated[Path, typer.Option(help="File for the predictor, .json.", show_default=False)],
    space: Annotated[str, typer.Option(help="resnet, mobilenet, regnet, inverted, or a YAML file.")] = "resnet",
    resolution: Annotated[Any, typer.Option(parser=read_resolution, metavar="SIZE", help=RESOLUTION_HELP)] = "32",
    channels: Annotated[
        int | None, typer.Option(min=1, help="Channels of the input.", show_default="the space's")
    ] = None,
    classes: Annotated[int, typer.Option(min=0, help="Outputs of the classifier.")] = 100,
    se: Annotated[bool, typer.Option("--se", help="Squeeze-excitation in MB blocks.")] = False,
    plugin: Annotated[
        list[str] | None, typer.Option(help="Module that registers your blocks or spaces.", show_default=False)
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Networks to measure at most.")] = 2000,
    min_samples: Annotated[
        int, typer.Option(min=1, help="Networks to measure before the error is asked whether it still falls.")
    ] = 100,
    time_limit: Annotated[str, typer.Option(help="Time for measuring, e.g. 20m.")] = "20m",
    max_latency: Annotated[
        str | None,
        typer.Option(
            help="Latency an image up to which networks are sampled, e.g. 1ms.", show_default="50 × the smallest"
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="convolutions, perceptron or trees.", show_default="the best on the held-out networks"),
    ] = None,
    device: LatencyDevice = "cpu",
    backend: Backend = "torch",
    batch_size: BatchSize = 64,
    dtype: Dtype = "fp32",
    threads: Threads = None,
    clock: Clock = "wall",
    layout: Layout = AUTO,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Measure networks of a search space, learn to predict their latency, and report the error.

    Every measurement is kept in OUT.measurements.jsonl; the same command goes on where it was stopped. Three models
    learn from four fifths of the networks: a per-convolution model, the paper's perceptron and boosted trees; the
    one that is best on the last fifth is written. Measuring ends when the error on held-out networks stops falling, and
    at --samples or --time-limit at the latest.

    [bold]Examples[/bold]

        zennas latency-predictor fit --space resnet --resolution 32 --batch-size 1 --out cpu.json

        zennas search --latency 2ms --latency-predictor cpu.json
    """
    from zennas.latency.setting import Setting
    from zennas.latency.space_measuring import measure_space
    from zennas.searching.plugins import load_plugins
    from zennas.spaces.file import named_space
    from zennas.units import parse_seconds

    load_plugins(plugin or ())
    searched = named_space(space, resolution, se).with_channels(channels)
    searched.check_resolution(resolution)
    limit = parse_seconds(time_limit, "--time-limit")
    most = None if max_latency is None else parse_seconds(max_latency, "--max-latency")
    setting = Setting(device, backend, dtype, batch_size, resolution, cpu_threads(threads, clock), clock)
    from zennas.cli.progress import measuring_progress
    from zennas.latency.collect import Plan
    from zennas.latency.fit import check_model, fit_predictor
    from zennas.latency.predictor import write_predictor

    check_model(model)
    if not out.name or out.is_dir():
        raise ZennasError(f"--out {str(out)!r} is no name of a file; give one, e.g. cpu.json")
    measurements = out.with_name(out.name + ".measurements.jsonl")
    plan = Plan(samples, limit, max_latency=most, fewest=min_samples, layout=layout)
    with measuring_progress(quiet) as watch:
        measured = measure_space(measurements, setting, searched, classes, plan, seed, watch)
        predictor = fit_predictor(measured, model, seed, watch)
    write_predictor(predictor, out)
    if as_json:
        print(
            json.dumps(
                {
                    "model": predictor.model.name,
                    "range": list(predictor.range),
                    **predictor.report,
                    **predictor.setting.as_json(),
                }
            )
        )
        return
    _show(predictor, out, measurements)


def _show(predictor: Any, out: Path, measurements: Path) -> None:
    from rich.table import Table

    from zennas.cli.console import console
    from zennas.units import format_seconds

    report = predictor.report
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("model")
    for title in ("median error", "within 5 %", "within 10 %", "99 % within", "µs a prediction"):
        table.add_column(title, justify="right")
    rows = [(name, errors, True) for name, errors in report["models"].items()]
    if report["noise"]:
        rows.append(("measuring again", report["noise"], False))
    for name, errors, timed in rows:
        table.add_row(
            name + (" (chosen)" if name == predictor.model.name else ""),
            f"{errors['median']:.1%}",
            f"{errors['within_5']:.0%}",
            f"{errors['within_10']:.0%}",
            f"{errors['percentile_99']:.0%}",
            f"{errors['microseconds']:.0f}" if timed else "-",
        )
    screen = console()
    screen.print(
        f"{report['fitted']} networks and {report['layers']} single layers learned from, {report['held_out']} networks "
        f"held out, {format_seconds(predictor.range[0])} to {format_seconds(predictor.range[1])} an image\n"
        f"on {predictor.setting}",
        highlight=False,
        markup=False,
    )
    screen.print(table)
    screen.print(f"written to {out}; measurements in {measurements}", highlight=False, markup=False)


def learned_latency(config: "SearchConfig", quiet: bool = False) -> "LatencyBudget | None":
    """The predictor of a search's latency budget; where one must be fitted first, how long that takes is said.

    Args:
        config: of the search.
        quiet: draw no progress.
    """
    from zennas.cli.progress import measuring_progress
    from zennas.latency.in_search import QUICK_SECONDS, latency_budget, quick_setting
    from zennas.units import format_seconds

    if "latency" not in config.budgets or config.latency_predictor is not None:
        return latency_budget(config)
    say(
        f"no --latency-predictor is given: one is fitted first for {quick_setting(config)}"
        f"{' or channels-last, the faster one' if config.latency_layout in (None, AUTO) else ''}; measuring takes "
        f"{format_seconds(QUICK_SECONDS)} at most",
        error=True,
    )
    with measuring_progress(quiet) as watch:
        learned = latency_budget(config, watch)
    assert learned is not None
    predictor = learned.predictor
    noted = predictor.report
    error = noted["models"][predictor.model.name]["median"]
    say(
        f"fitted on {noted['fitted']} networks; median error {error:.1%} on {noted['held_out']} others; "
        f"{predictor.setting.layout} feature maps",
        error=True,
    )
    return learned


def add_to(parent: typer.Typer) -> None:
    """Register the command group."""
    parent.add_typer(app, name="latency-predictor")
