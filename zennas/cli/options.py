"""Arguments and options that several commands share."""

from typing import Annotated

import typer

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A zoo name (see `zennas zoo`), an architecture file (.yaml, .json, .txt), a structure string, "
        "torchvision:NAME, timm:NAME or package.module:factory.",
        show_default=False,
    ),
]
Resolution = Annotated[
    int | None,
    typer.Option(min=1, max=1 << 14, help="Side of the square input.", show_default="the network's own"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Device = Annotated[str, typer.Option(help="Where torch computes, e.g. cpu or cuda.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]
