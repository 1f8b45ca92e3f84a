"""Arguments and options that several commands share."""

from typing import Annotated, Any

import typer

from zennas.input_size import RESOLUTION_HELP, read_resolution
from zennas.threads import THREADS_HELP, TORCH_DEFAULT, TRAINING_THREADS_HELP, read_threads

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
    Any,
    typer.Option(
        parser=read_resolution,
        metavar="SIZE",
        help=RESOLUTION_HELP,
        show_default="the network's own",
    ),
]
Channels = Annotated[
    int | None,
    typer.Option(min=1, max=1 << 20, help="Channels of the input.", show_default="the network's own"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Device = Annotated[str, typer.Option(help="Where torch computes, e.g. cpu or cuda.")]
Threads = Annotated[int | None, typer.Option(min=1, help=THREADS_HELP, show_default=TORCH_DEFAULT)]


def training_threads(panel: str | None = None, more: str = "") -> Any:
    """The option of how many threads a training takes.

    Args:
        panel: the heading under which `--help` lists it; by default that of all options.
        more: sentences that its help ends with.
    """
    text = " ".join([TRAINING_THREADS_HELP, *filter(None, [more])])
    return typer.Option(parser=read_threads, metavar="N|auto", rich_help_panel=panel, help=text)


TrainingThreads = Annotated[Any, training_threads()]
ALLOW_IMPORTS_HELP = "Import modules of your own that a file names; runs their code."
AllowImports = Annotated[bool, typer.Option("--allow-imports", help=ALLOW_IMPORTS_HELP)]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]


def option(panel: str, help_text: str, default: object = None, *names: str) -> Any:
    """An option whose default is filled in by the library.

    Args:
        panel: the heading under which `--help` lists it.
        help_text: what it sets, in a sentence.
        default: what `--help` shows as its default; `None`: nothing.
        names: the option with its dashes; by default that of the parameter.
    """
    return typer.Option(
        *names, rich_help_panel=panel, help=help_text, show_default=False if default is None else str(default)
    )
