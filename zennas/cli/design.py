"""`zennas design`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zennas.cli.from_settings import Given, add_command
from zennas.cli.options import option, training_threads
from zennas.threads import AUTO

if TYPE_CHECKING:
    from zennas.designing.progress import DesignProgress, Watcher
    from zennas.designing.result import DesignResult
    from zennas.io.options import Setting

RUN = "Run"
BAR_WIDTH, SPACES = 12, 4
"""Of the progress, in columns."""


def design(
    given: Given,
    out: Annotated[Path | None, option(RUN, "Directory for the design.", "runs/design-<n>")] = None,
    resume: Annotated[Path | None, option(RUN, "Go on with the design in that directory.")] = None,
    workers: Annotated[
        int | None, option(RUN, "Trainings at the same time; the result is the same.", "every core, or GPU")
    ] = None,
    threads: Annotated[Any, training_threads(RUN, "They are the winner's; candidates have one each.")] = AUTO,
    ray: Annotated[str | None, option(RUN, "Train on a Ray cluster: auto or its address.")] = None,
    ray_cpus: Annotated[float, option(RUN, "CPUs of a training on Ray.", 1)] = 1,
    ray_gpus: Annotated[float, option(RUN, "GPUs of a training on Ray.", 0)] = 0,
    download: Annotated[bool, option(RUN, "Fetch the data set where it is missing.", None, "--download")] = False,
    quiet: Annotated[bool, option(RUN, "No progress bar.", None, "--quiet", "-q")] = False,
) -> None:
    """From your images to a trained network within budgets.

    Searches, trains candidates for a short time on a part of the training images, learns from the rest which networks
    are good, searches again, and trains the best in full. The test images are looked at once, at the end.

    [bold]Examples[/bold]

        zennas design --params 60k --candidates 4 --epochs 2 --rounds 2 --final-epochs 5

        zennas design --data imagefolder:flowers --params 1M --out runs/flowers

        zennas design --data cifar10:data --flops 50M --candidates 40 --device cuda

        zennas design --resume runs/flowers
    """
    from zennas.cli.train import require_training
    from zennas.errors import ZennasError
    from zennas.io.directories import next_directory

    require_training("zennas design")
    from zennas.designing.api import design as start_design
    from zennas.designing.api import resume_design
    from zennas.report.design_page import write_design_report
    from zennas.report.page import REPORT
    from zennas.searching.executors import Execution

    execution = Execution(workers, ray, ray_cpus, ray_gpus)
    with design_progress(quiet) as watch:
        if resume is not None:
            extra = [*(["--out"] if out else []), *(f"--{key.replace('_', '-')}" for key in given)]
            if extra:
                raise ZennasError(f"--resume goes on with the design's own settings; leave out {', '.join(extra)}")
            result = resume_design(resume, watch=watch, execution=execution, threads=threads)
        else:
            directory = out or next_directory(Path("runs"), "design")
            result = start_design(
                out=directory, watch=watch, execution=execution, threads=threads, download=download, **given
            )
    write_design_report(result, result.directory / REPORT)
    show_design(result)


@contextmanager
def design_progress(quiet: bool) -> "Iterator[Watcher | None]":
    """A watcher that draws the epochs, what is going on, the time left and the best so far; where standard error is no
    terminal, it prints a line for each step. It says once how many threads train the winner."""
    if quiet:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from zennas.cli.console import console
    from zennas.cli.progress import fitted
    from zennas.cli.terminal import say
    from zennas.units import format_seconds

    screen = console(error=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=BAR_WIDTH),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
        console=screen,
        refresh_per_second=4,
        transient=True,
    )
    task, said, threads_said = bar.add_task("", total=None, text=""), "", False

    def watch(progress: "DesignProgress") -> None:
        nonlocal said, threads_said
        left = "" if progress.left is None else f"about {format_seconds(progress.left)} left"
        best = "" if progress.best is None else f"best {progress.best[0]} {progress.best[1]:.1%}"
        if screen.is_terminal:
            bar.start()
            counts = len(f"{progress.done}/{progress.total}")
            room = screen.width - len(progress.what) - BAR_WIDTH - counts - SPACES
            text = fitted([part for part in (left, best) if part], room)
            bar.update(task, description=progress.what, completed=progress.done, total=progress.total, text=text)
        elif progress.what != said:
            said = progress.what
            say(", ".join(part for part in (said, left, best) if part), error=True)
        if progress.threads is not None and not threads_said:
            threads_said = True
            line = f"threads: {progress.threads} for the training of the winner; --threads sets it"
            if bar.live.is_started:
                bar.console.print(line, highlight=False)
            else:
                say(line, error=True)

    try:
        yield watch
    finally:
        if bar.live.is_started:
            bar.stop()


def show_design(result: "DesignResult") -> None:
    """Print what each round brought, the winner and its accuracies, and where everything is."""
    from zennas.cli.console import console
    from zennas.cli.terminal import say
    from zennas.counting import QUANTITIES, known_costs
    from zennas.designing.advice import depth_advice
    from zennas.designing.result import BEST, TABLE, WEIGHTS
    from zennas.report.page import REPORT
    from zennas.units import format_seconds

    winner = result.winner
    assert winner is not None
    assert result.test_accuracy is not None
    epochs = len(winner.accuracies)
    console().print(_rounds(result))
    counted = known_costs(result.costs(winner))
    shown = ", ".join(f"{QUANTITIES[n].unit.format(counted[n])} {QUANTITIES[n].title}" for n in ("params", "flops"))
    say()
    say(f"winner     {winner.plan.name}: {shown}, {winner.plan.why}")
    say(
        f"accuracy   {result.test_accuracy:.2%} of the test images, which were looked at once; "
        f"{winner.accuracies[-1]:.2%} of the held-out images after {epochs} epoch{'s' * (epochs > 1)}"
    )
    if advice := depth_advice(result):
        say(f"note       {advice}")
    say(
        f"trained    {len(result.candidates)} candidates and the winner, "
        f"{format_seconds(result.seconds)} of training in all"
    )
    say(f"written to {result.directory}: {BEST}, {WEIGHTS}, {TABLE}, {REPORT}")


def _rounds(result: "DesignResult") -> object:
    from rich.table import Table

    from zennas.units import format_seconds

    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for title in ("round", "candidates", "best accuracy", "training"):
        table.add_column(title, justify="right")
    table.add_column("chosen", overflow="fold")
    for one in result.rounds:
        finished = [c.accuracies[-1] for c in one.candidates if len(c.accuracies) >= result.config.epochs]
        failed = sum(1 for c in one.candidates if c.failed)
        table.add_row(
            str(one.number),
            f"{len(one.candidates)}" + (f", {failed} failed" if failed else ""),
            f"{max(finished):.2%}" if finished else "-",
            format_seconds(sum(c.seconds for c in one.candidates)),
            one.note,
        )
    return table


def _settings() -> "list[Setting]":
    from zennas.designing.settings import design_settings

    return design_settings()


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    add_command(app, design, _settings)
