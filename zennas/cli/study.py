"""`zennas study`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from zennas.cli.options import Device, Json, Seed

if TYPE_CHECKING:
    from zennas.accuracy.networks import KnownNetwork
    from zennas.accuracy.study import Study

DEFAULT_SCORES = "zen-weighted,meanfield,flops,params,layers"


def study(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A NAS-Bench-Macro .json, a .csv with model, resolution and accuracy, or table6 for the paper's.",
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
    seed: Seed = 0,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Does a score predict accuracy? Ranks networks of known accuracy by every chosen score.

    Shows rank correlations, the share of the 10 % best among the 10 % of the highest score, and the accuracy of the
    network that the score would pick under quantiles of multiply-adds.

    [bold]Examples[/bold]

        zennas study nas_bench_macro.json

        zennas study table6 --score zen-weighted,meanfield,flops --out study

        zennas study nas_bench_macro.json --score gradnorm,synflow,naswot,zico,flops --sample 100

    [bold]zennas study train[/bold] trains networks of equal size and ranks those: see zennas study train --help.
    """
    from zennas.accuracy.networks import read_networks
    from zennas.accuracy.study import study as run_study
    from zennas.scores import ScoreSettings

    settings = ScoreSettings(batch_size, repeats, seed, device)
    result = run_study(read_networks(source), _score_names(score), settings, sample=sample, seed=seed)
    _report(result, out, as_json)


def study_train(
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
) -> None:
    """Trains networks of equal size and ranks them by every chosen score: the experiment of the paper's Figure 4.

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
    names = _score_names(score)
    for name in names:
        registered_score(name)
    from zennas.cli.train import require_training, train_progress

    require_training("zennas study train")
    for module in ("scipy", "plotly", "matplotlib"):
        require(module, "report", "zennas study train")
    from zennas.accuracy.study import study as run_study
    from zennas.accuracy.training import train_networks

    directory = out or next_directory(Path("runs"), "study")
    settings: dict[str, Any] = {"data": data, "resolution": resolution, "seed": seed, "device": device}
    if epochs is not None:
        settings["epochs"] = epochs

    def announce(known: "KnownNetwork") -> None:
        if not quiet:
            print(f"{known.name}: {known.accuracy:.2f} % after the last epoch", file=sys.stderr)

    with train_progress(quiet) as watch:
        known = train_networks(
            networks,
            directory,
            params=None if params is None else parse_count(params, "--params"),
            watch=watch,
            announce=announce,
            download=download,
            **settings,
        )
    _report(run_study(known, names, ScoreSettings(seed=seed, device=device)), directory, as_json)


class StudyCommand(TyperCommand):
    """`study FILE`, or `study train`: no study is in a file named `train`, for they end in .json or .csv."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of `study train` where that is the first word."""
        # Contexts are click's; some versions of typer carry click inside, so that its types have no one name.
        if args[:1] != ["train"]:
            return super().make_context(info_name, args, parent, **extra)
        trainer = typer.Typer(rich_markup_mode="rich", add_completion=False)
        trainer.command()(study_train)
        return typer.main.get_command(trainer).make_context(f"{info_name} train", args[1:], parent, **extra)


def _score_names(score: str) -> list[str]:
    from zennas.scores import score_names

    return score_names() if score == "all" else [name.strip() for name in score.split(",") if name.strip()]


def _report(result: "Study", out: Path | None, as_json: bool) -> None:
    """Write the files of a study and print it."""
    if out is not None:
        from zennas.accuracy.study import chart, write_csv
        from zennas.charts import write_html, write_png

        write_csv(result, out / "study.csv")
        write_html(chart(result), out / "study.html")
        write_png(chart(result), out / "study.png")
    if as_json:
        rows = [
            {
                "score": r.score,
                "spearman": r.spearman,
                "kendall": r.kendall,
                "top_overlap": r.top_overlap,
                "picks": list(r.picks),
                "seconds": r.seconds,
                "refused": r.refused,
            }
            for r in result.rankings
        ]
        document = {
            "title": result.title,
            "networks": len(result.networks),
            "quantiles": list(result.quantiles),
            "budgets": list(result.budgets),
            "best": list(result.best),
            "scores": rows,
            "left_out": list(result.left_out),
        }
        print(json.dumps(document))
        return
    from zennas.cli.study_table import study_table
    from zennas.cli.tables import console

    terminal = console()
    terminal.print(study_table(result))
    for line in result.left_out:
        terminal.print(f"left out   {line}", style="dim", highlight=False, markup=False)
    if out is not None:
        terminal.print(f"written to {out}", highlight=False, markup=False)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(cls=StudyCommand)(study)
