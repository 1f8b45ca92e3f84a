"""The `zennas` command: parses, calls the library, prints. Errors of the user become one line and exit code 2."""

import gc
import os
import sys

import typer

from zennas.allocator import keep_freed_memory
from zennas.cli import (
    compare,
    evaluate,
    export,
    info,
    latency,
    latency_predictor,
    report,
    reproduce,
    runs,
    score,
    search,
    study,
    train,
    zoo,
)
from zennas.errors import ZennasError

app = typer.Typer(
    name="zennas",
    help="Designs convolutional networks for a budget without training any of them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    search,
    runs,
    report,
    score,
    info,
    compare,
    zoo,
    study,
    reproduce,
    latency,
    latency_predictor,
    train,
    evaluate,
    export,
):
    module.add_to(app)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True)) -> None:
    """Designs convolutional networks for a budget without training any of them."""
    if version:
        from zennas import __version__

        print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line. The process is ours, and so is the choice to keep the memory that it frees."""
    keep_freed_memory()
    try:
        app()
    except ZennasError as error:
        message = " ".join(str(error).split())
        print(f"zennas: {message}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("zennas: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # A reader like `head` went away; the interpreter must not complain while it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    finally:
        # The process ends here: looking for cycles among the hundreds of thousands of objects of a search would take
        # the interpreter a second, and the memory is given back anyway.
        gc.freeze()


if __name__ == "__main__":
    main()
