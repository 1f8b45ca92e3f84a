"""`zennas train`."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zennas.cli.from_settings import Given, add_command
from zennas.cli.options import ALLOW_IMPORTS_HELP, option
from zennas.cli.skipped import print_skipped
from zennas.cli.terminal import say
from zennas.threads import AUTO

if TYPE_CHECKING:
    from zennas.io.options import Setting
    from zennas.train import TrainProgress, TrainResult

RUN = "Run"


def train(
    given: Given,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A network as `zennas info` takes it, timm:NAME, torchvision:NAME or package.module:factory.",
        ),
    ] = None,
    out: Annotated[Path | None, option(RUN, "Directory for the run.", "runs/train-<n>")] = None,
    resume: Annotated[Path | None, option(RUN, "Go on with the run in that directory.")] = None,
    allow_imports: Annotated[bool, option(RUN, ALLOW_IMPORTS_HELP, None, "--allow-imports")] = False,
    download: Annotated[bool, option(RUN, "Fetch the data set where it is missing.", None, "--download")] = False,
    quiet: Annotated[bool, option(RUN, "No progress bar.", None, "--quiet", "-q")] = False,
) -> None:
    """Train a network by the paper's recipe, alone or with a teacher.

    [bold]Examples[/bold]

        zennas train zennet-cifar-0.5M --resolution 16

        zennas train runs/search-1/best.yaml --data cifar10:data --download --device cuda

        zennas train --resume runs/train-1

        accelerate launch --num_processes 4 -m zennas.cli.main train zennet-imagenet-400M-se --data imagefolder:DIR
    """
    from zennas.errors import ZennasError
    from zennas.io.directories import next_directory

    require_training("zennas train")
    from zennas.train import resume_training
    from zennas.train import train as start_training

    with train_progress(quiet) as watch:
        if resume is not None:
            extra = [*(["MODEL"] if model else []), *(["--out"] if out else [])]
            extra += [f"--{key.replace('_', '-')}" for key in given]
            if extra:
                raise ZennasError(f"--resume goes on with the run's own settings; leave out {', '.join(extra)}")
            result = resume_training(resume, watch=watch, download=download, allow_imports=allow_imports)
        elif model is None:
            raise ZennasError("give a MODEL to train, e.g. zennet-cifar-0.5M, or --resume DIR")
        else:
            if out is None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
                raise ZennasError("several processes share a run: give its directory with --out")
            directory = out or next_directory(Path("runs"), "train")
            settings = {"threads": AUTO, **given}
            result = start_training(
                model,
                directory,
                watch=watch,
                download=download,
                announce=None if quiet else partial(say, error=True),
                **settings,
            )
    if int(os.environ.get("RANK", "0")) == 0:
        _show(result)


def require_training(command: str) -> None:
    """Raises `MissingExtraError` where a command that trains lacks a package."""
    from zennas.optional_dependencies import require

    for module in ("torch", "torchvision", "timm", "accelerate", "safetensors"):
        require(module, "train", command)


@contextmanager
def train_progress(quiet: bool) -> "Iterator[Callable[[TrainProgress], None] | None]":
    """A watcher that draws loss, accuracy, images/s and the time left, and prints a line an epoch."""
    if quiet:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from zennas.cli.console import console

    bar = Progress(
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
        console=console(error=True),
        refresh_per_second=4,
        transient=True,
    )
    # One bar over all epochs, so that the time left is the run's.
    task = bar.add_task("train", total=None, epoch="-", text="")

    def watch(progress: "TrainProgress") -> None:
        # Started here, so that an error before the first step stands alone on its line. Of several processes the
        # main one alone gets here.
        bar.start()
        bar.update(
            task,
            total=progress.epochs * progress.steps,
            completed=(progress.epoch - 1) * progress.steps + progress.step,
            epoch=f"{progress.epoch}/{progress.epochs}",
            text=f"loss {progress.loss:.3f}  accuracy {progress.accuracy:.1%}  "
            f"{progress.images_per_second:,.0f} images/s",
        )
        if progress.row is not None:
            bar.console.print(_epoch_line(progress.row, progress.evaluated_on), highlight=False)

    try:
        yield watch
    finally:
        if bar.live.is_started:
            bar.stop()


def _epoch_line(row: Mapping[str, float], evaluated_on: str) -> str:
    evaluated = f"{evaluated_on} loss {row['loss']:.4f}, accuracy {row['accuracy']:.2%}"
    if isnan(row["accuracy"]):
        evaluated = f"train accuracy {row['train_accuracy']:.2%}"
    speed = f"{row['images_per_second']:,.0f} images/s"
    return f"epoch {row['epoch']}: train loss {row['train_loss']:.4f}, {evaluated}, {speed}"


def _show(result: "TrainResult") -> None:
    best, last = result.best, result.history[-1]
    say(
        f"accuracy   {last['accuracy']:.2%} after epoch {last['epoch']}, "
        f"best {best['accuracy']:.2%} after epoch {best['epoch']}"
    )
    for note in result.notes:
        say(f"note       {note}")
    print_skipped(result.skipped)
    say(f"written to {result.directory}: best.safetensors, last.safetensors, metrics.csv")


def _settings() -> "list[Setting]":
    from zennas.io.options import settings_of
    from zennas.train.config import TrainConfig

    return settings_of(TrainConfig)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    add_command(app, train, _settings)
