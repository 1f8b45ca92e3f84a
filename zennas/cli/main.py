"""The `zennas` command: parses, calls the library, prints.

What cannot be used, from a setting to a full disk behind standard output, becomes one line and exit code 2. A bug keeps
its traceback and exit code 1.
"""

import contextlib
import errno
import gc
import sys
from typing import NoReturn

import typer

from zennas.allocator import keep_freed_memory
from zennas.cli import (
    accuracy,
    compare,
    design,
    evaluate,
    export,
    import_model,
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
    winners,
    zoo,
)
from zennas.cli.summaries import summarise
from zennas.cli.terminal import OutputLost, drop_output, guard_streams, say
from zennas.errors import ZennasError
from zennas.memory import memory_shortage

WRONG = 2
INTERRUPTED = 130
READER_GONE = 141
"""As shells report a process that a broken pipe ended: 128 and the number of that signal."""
_OF_A_PATH = (errno.ENAMETOOLONG, errno.EACCES, errno.EPERM)
"""What the system says of a path that the user gave, in places where it is only looked at."""

app = typer.Typer(
    name="zennas",
    help="Designs convolutional networks for a budget without training any of them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    search,
    winners,
    runs,
    report,
    score,
    info,
    import_model,
    compare,
    zoo,
    study,
    accuracy,
    reproduce,
    latency,
    latency_predictor,
    train,
    evaluate,
    design,
    export,
):
    module.add_to(app)
summarise(app)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True)) -> None:
    """Designs convolutional networks for a budget without training any of them."""
    if version:
        from zennas import __version__

        print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line and end the process, with one of the exit codes above.

    The process is ours, and so is the choice to keep the memory that it frees.
    """
    keep_freed_memory()
    guard_streams()
    try:
        try:
            app()
        finally:
            # Here and not while the interpreter ends, where an error could not be told in one line.
            sys.stdout.flush()
    except ZennasError as error:
        _end(str(error), WRONG)
    except KeyboardInterrupt:
        _end("interrupted", INTERRUPTED)
    except OutputLost as error:
        if error.reader_gone:
            drop_output()
            sys.exit(READER_GONE)
        _end(f"standard output cannot be written: {error}", WRONG)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_A_PATH and error.filename is not None:
            _end(f"{error.filename}: {error.strerror}", WRONG)
        shortage = memory_shortage(error)
        if shortage is None:
            raise
        _end(shortage, WRONG)
    finally:
        # The process ends here: looking for cycles among the hundreds of thousands of objects of a search would take
        # the interpreter a second, and the memory is given back anyway.
        gc.freeze()


def _end(message: str, code: int) -> NoReturn:
    """End the process with one line on standard error."""
    with contextlib.suppress(OutputLost):
        say(f"zennas: {' '.join(message.split())}", error=True)
    drop_output()
    sys.exit(code)


if __name__ == "__main__":
    main()
