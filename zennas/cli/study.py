"""`zennas study`: rank networks of known accuracy, or train some first."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from zennas.cli.options import AllowImports, Device, Json, Seed, Threads, TrainingThreads
from zennas.cli.terminal import say
from zennas.threads import AUTO, torch_threads

if TYPE_CHECKING:
    from zennas.accuracy.networks import KnownNetwork

DEFAULT_SCORES = "zen-weighted,meanfield,flops,params,layers"
DEFAULT_COMMAND = "run"


class StudyGroup(TyperGroup):
    """Commands of which one needs no name: `study FILE` is `study run FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with the command's name before those that begin with none."""
        # Contexts are click's; some versions of typer carry click inside, so that its types have no one name.
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=StudyGroup, no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def study_group() -> None:
    """Does a score predict accuracy? Ranks networks of known accuracy by every chosen score.

    [bold]zennas study FILE[/bold] is short for [bold]zennas study run FILE[/bold]; [bold]zennas study run --help[/bold]
    has its options.

    [bold]Examples[/bold]

        zennas study nas_bench_macro.json

        zennas study train --params 60k --epochs 3 --out runs/equal-size
    """


@app.command()
def run(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="A NAS-Bench-Macro or Channel-Bench-Macro .json, a .csv with model, resolution, accuracy and, where "
            "trainings differed, recipe, table6 for the paper's, or pytorchcv:cifar10, cifar100, svhn or imagenet.",
            show_default=False,
        ),
    ],
    score: Annotated[str, typer.Option(help="Scores to compare, or all.")] = DEFAULT_SCORES,
    sample: Annotated[
        int | None, typer.Option(min=3, help="Study so many networks, drawn at random.", show_default="all")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory for study.csv, study.html and study.png.")] = None,
    batch_size: Annotated[int, typer.Option(min=2, help="Images of a repeat.")] = 16,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats of a random score.")] = 1,
    bootstrap: Annotated[
        int | None,
        typer.Option(
            min=0, help="Resamples of the networks for 95 % intervals.", show_default="0 for one file, 200 for several"
        ),
    ] = None,
    fit: Annotated[
        int | None,
        typer.Option(min=3, help="Learn accuracy from so many of the networks, and rank the rest.", show_default="no"),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Times that so many are chosen.")] = 5,
    choose: Annotated[str, typer.Option(help="How they are chosen: spread, score, cost or random.")] = "spread",
    seed: Seed = 0,
    device: Device = "cpu",
    threads: Threads = None,
    allow_imports: AllowImports = False,
    as_json: Json = False,
) -> None:
    """Rank networks of known accuracy by every chosen score.

    Shows rank correlations, the share of the 10 % best among the 10 % of the highest score, and the accuracy of the
    network that the score would pick under quantiles of multiply-adds. Of several files it shows one table: rank
    correlations over all networks and within tenths of equal multiply-adds, the accuracy that a score's picks lose
    under eight budgets, 95 % intervals over the networks, and the share of the way from multiply-adds to what the
    noise of training allows.

    With --fit, accuracy is learned from a few of the networks as by [bold]zennas accuracy fit[/bold], --seeds times,
    and the others are ranked by it.

    [bold]Examples[/bold]

        zennas study nas_bench_macro.json

        zennas study table6 --score zen-weighted,meanfield,flops --out study

        zennas study nas_bench_macro.json channel_bench_macro.json imagenet.csv

        zennas study nas_bench_macro.json --score gradnorm,synflow,naswot,zico,flops --sample 100

        zennas study nas_bench_macro.json --fit 20 --seeds 10
    """
    from dataclasses import replace

    from zennas.accuracy.fitted_study import fitted_study
    from zennas.accuracy.networks import read_networks
    from zennas.accuracy.study import study
    from zennas.cli.study_output import check_folders, show_studies, show_study
    from zennas.scores import ScoreSettings

    check_folders(sources, out)
    settings = ScoreSettings(batch_size, repeats, seed, device)
    resamples = bootstrap if bootstrap is not None else (0 if len(sources) == 1 else 200)
    results = []
    for source in sources:
        known = read_networks(source, allow_imports=allow_imports)
        with torch_threads(threads):
            result = study(known, chosen_scores(score), settings, sample=sample, seed=seed, resamples=resamples)
        if fit is not None:
            result = replace(result, fitted=fitted_study(known, fit, seeds, choose, seed))
        results.append((source, result))
    if len(results) == 1:
        show_study(results[0][1], out, as_json, results[0][0])
    else:
        show_studies(results, out, as_json)


@app.command("train")
def train(
    networks: Annotated[int, typer.Option(min=3, help="Networks to train.")] = 10,
    params: Annotated[
        str | None, typer.Option(help="Parameters of every network, e.g. 1M.", show_default="ResNet-50's")
    ] = None,
    data: Annotated[str, typer.Option(help="cifar10:DIR, cifar100:DIR, imagefolder:DIR or digits.")] = "digits",
    download: Annotated[bool, typer.Option("--download", help="Fetch the data set where it is missing.")] = False,
    resolution: Annotated[int, typer.Option(min=8, help="Side of the images.")] = 32,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the images.", show_default="that of zennas train")
    ] = None,
    score: Annotated[str, typer.Option(help="Scores to compare, or all.")] = DEFAULT_SCORES,
    out: Annotated[
        Path | None,
        typer.Option(help="Directory for the runs and the study; goes on there.", show_default="runs/study-<n>"),
    ] = None,
    seed: Seed = 0,
    device: Device = "cpu",
    threads: TrainingThreads = AUTO,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
) -> None:
    """Train networks of equal size and rank them by every chosen score: the experiment of the paper's Figure 4.

    They lie around ResNet-50 for CIFAR: low-level channels grow, high-level ones shrink, layers go, and the width of
    all is scaled to the same parameters. A network that is trained already in --out is not trained again.

    [bold]Examples[/bold]

        zennas study train --params 60k --networks 8 --epochs 3 --out runs/equal-size

        zennas study train --data cifar100:data --networks 24 --epochs 100 --device cuda
    """
    from zennas.io.directories import next_directory
    from zennas.optional_dependencies import require
    from zennas.scores import ScoreSettings, registered_score
    from zennas.units import parse_count

    # What is misspelt or missing should not come to light after hours of training.
    names = chosen_scores(score)
    for name in names:
        registered_score(name)
    from zennas.cli.study_output import show_study
    from zennas.cli.train import require_training, train_progress

    require_training("zennas study train")
    for module in ("scipy", "plotly", "matplotlib"):
        require(module, "report", "zennas study train")
    from zennas.accuracy.study import study
    from zennas.accuracy.training import train_networks

    directory = out or next_directory(Path("runs"), "study")
    settings: dict[str, Any] = {
        "data": data,
        "resolution": resolution,
        "seed": seed,
        "device": device,
        "threads": threads,
    }
    if epochs is not None:
        settings["epochs"] = epochs

    def announce(known: "KnownNetwork") -> None:
        if not quiet:
            say(f"{known.name}: {known.accuracy:.2f} % after the last epoch", error=True)

    with train_progress(quiet) as watch:
        known = train_networks(
            networks,
            directory,
            params=None if params is None else parse_count(params, "--params"),
            watch=watch,
            announce=announce,
            announce_threads=None if quiet else partial(say, error=True),
            download=download,
            **settings,
        )
    show_study(study(known, names, ScoreSettings(seed=seed, device=device)), directory, as_json)


def chosen_scores(score: str) -> list[str]:
    """The names in a list with commas, or those of all scores for `all`."""
    from zennas.scores import score_names

    return score_names() if score == "all" else [name.strip() for name in score.split(",") if name.strip()]


def add_to(parent: typer.Typer) -> None:
    """Register the command group."""
    parent.add_typer(app, name="study")
