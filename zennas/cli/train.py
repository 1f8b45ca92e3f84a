"""`zennas train`."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zennas.cli.options import option
from zennas.cli.skipped import print_skipped
from zennas.cli.terminal import say

if TYPE_CHECKING:
    from zennas.train import TrainProgress, TrainResult

RUN = "Run"
RECIPE = "Recipe"
DISTILLATION = "Distillation"
MACHINE = "Machine"


def train(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A network as `zennas info` takes it, timm:NAME, torchvision:NAME or package.module:factory.",
        ),
    ] = None,
    data: Annotated[str | None, option(RUN, "cifar10:DIR, cifar100:DIR, imagefolder:DIR or digits.", "digits")] = None,
    out: Annotated[Path | None, option(RUN, "Directory for the run.", "runs/train-<n>")] = None,
    resume: Annotated[Path | None, option(RUN, "Go on with the run in that directory.")] = None,
    download: Annotated[bool, option(RUN, "Fetch the data set where it is missing.", None, "--download")] = False,
    on_bad_image: Annotated[str | None, option(RUN, "skip or stop at unreadable images.", "stop")] = None,
    tracker: Annotated[str | None, option(RUN, "tensorboard, wandb or mlflow.")] = None,
    checkpoint_steps: Annotated[int | None, option(RUN, "Steps between checkpoints in an epoch.", 1000)] = None,
    quiet: Annotated[bool, option(RUN, "No progress bar.", None, "--quiet", "-q")] = False,
    resolution: Annotated[int | None, option(RECIPE, "Side of the images.", "the network's own")] = None,
    epochs: Annotated[
        int | None, option(RECIPE, "Passes over the images.", "CIFAR 1440, folder 480, digits 30")
    ] = None,
    batch_size: Annotated[int | None, option(RECIPE, "Images a step.", "256, digits 32")] = None,
    lr: Annotated[float | None, option(RECIPE, "Learning rate for a batch of 256.", "0.1, digits 0.8")] = None,
    momentum: Annotated[float | None, option(RECIPE, "Nesterov momentum.", 0.9)] = None,
    weight_decay: Annotated[float | None, option(RECIPE, "Weight decay.", "5e-4, folder 4e-5")] = None,
    warmup: Annotated[float | None, option(RECIPE, "Part of the run in which the rate rises.", 0.02)] = None,
    mixup: Annotated[float | None, option(RECIPE, "Mix-up's alpha; 0: none.", 0.2)] = None,
    label_smoothing: Annotated[float | None, option(RECIPE, "Label smoothing.", 0.1)] = None,
    erasing: Annotated[float | None, option(RECIPE, "Probability of random erasing.", 0.2)] = None,
    auto_augment: Annotated[
        bool | None, option(RECIPE, "AutoAugment.", "on, digits off", "--auto-augment/--no-auto-augment")
    ] = None,
    flip: Annotated[float | None, option(RECIPE, "Probability of mirroring.", "0.5, digits 0")] = None,
    lighting: Annotated[float | None, option(RECIPE, "Noise along the principal colours.", "0.1, digits 0")] = None,
    ema: Annotated[float | None, option(RECIPE, "Decay of the weights' moving average; 0: none.", 0)] = None,
    seed: Annotated[int | None, option(RECIPE, "Seed of everything random.", 0)] = None,
    teacher: Annotated[str | None, option(DISTILLATION, "timm:NAME or a MODEL, e.g. timm:resnet152.")] = None,
    teacher_weights: Annotated[Path | None, option(DISTILLATION, "The teacher's trained weights.")] = None,
    distil_logits: Annotated[float | None, option(DISTILLATION, "Weight of the logits' loss.", 1)] = None,
    distil_features: Annotated[float | None, option(DISTILLATION, "Weight of the stage features' loss.", 0)] = None,
    temperature: Annotated[float | None, option(DISTILLATION, "Of the softmax over logits.", 4)] = None,
    device: Annotated[str | None, option(MACHINE, "cpu or cuda.", "cpu")] = None,
    precision: Annotated[str | None, option(MACHINE, "fp32, fp16 or bf16.", "fp32")] = None,
    accumulate: Annotated[int | None, option(MACHINE, "Batches that make one step.", 1)] = None,
    workers: Annotated[int | None, option(MACHINE, "Processes that prepare images.", 0)] = None,
) -> None:
    """Train a network by the paper's recipe, alone or with a teacher.

    [bold]Examples[/bold]

        zennas train zennet-cifar-0.5M --resolution 16

        zennas train runs/search-1/best.yaml --data cifar10:data --download --device cuda --precision bf16

        zennas train --resume runs/train-1

        accelerate launch --num_processes 4 -m zennas.cli.main train zennet-imagenet-400M-se --data imagefolder:DIR
    """
    given = {key: value for key, value in locals().items() if key not in _NOT_SETTINGS and value is not None}
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
            result = resume_training(resume, watch=watch, download=download)
        elif model is None:
            raise ZennasError("give a MODEL to train, e.g. zennet-cifar-0.5M, or --resume DIR")
        else:
            if out is None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
                raise ZennasError("several processes share a run: give its directory with --out")
            directory = out or next_directory(Path("runs"), "train")
            result = start_training(model, directory, watch=watch, download=download, **given)
    if int(os.environ.get("RANK", "0")) == 0:
        _show(result)


def require_training(command: str) -> None:
    """Raises `MissingExtraError` where a command that trains lacks a package."""
    from zennas.optional_dependencies import require

    for module in ("torch", "torchvision", "timm", "accelerate", "safetensors"):
        require(module, "train", command)


_NOT_SETTINGS = ("model", "out", "resume", "download", "quiet")


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
            row = progress.row
            bar.console.print(
                f"epoch {row['epoch']}: train loss {row['train_loss']:.4f}, test loss {row['loss']:.4f}, "
                f"accuracy {row['accuracy']:.2%}, {row['images_per_second']:,.0f} images/s",
                highlight=False,
            )

    try:
        yield watch
    finally:
        if bar.live.is_started:
            bar.stop()


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


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(train)
