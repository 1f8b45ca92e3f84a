"""`zennas study`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from zennas.cli.options import Device, Json, Seed

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
    """
    from zennas.scores import ScoreSettings, score_names
    from zennas.study.networks import read_networks
    from zennas.study.study import chart, write_csv
    from zennas.study.study import study as run_study

    names = score_names() if score == "all" else [name.strip() for name in score.split(",") if name.strip()]
    settings = ScoreSettings(batch_size, repeats, seed, device)
    result = run_study(read_networks(source), names, settings, sample=sample, seed=seed)
    if out is not None:
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
    from zennas.cli.tables import console
    from zennas.study.tables import study_table

    terminal = console()
    terminal.print(study_table(result))
    for line in result.left_out:
        terminal.print(f"left out   {line}", style="dim", highlight=False, markup=False)
    if out is not None:
        terminal.print(f"written to {out}", highlight=False, markup=False)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(study)
