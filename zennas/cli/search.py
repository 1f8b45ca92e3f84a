"""`zennas search`."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zennas.cli.from_settings import Given, add_command
from zennas.cli.options import ALLOW_IMPORTS_HELP, option
from zennas.errors import ZennasError
from zennas.fork_server import ISLAND_READY, begin_fork_server

if TYPE_CHECKING:
    from zennas.io.options import Setting

RUN = "Run"
SIGNALLED = 128
"""Shells report a process that a signal ended by this and the signal's number."""


def search(
    given: Given,
    out: Annotated[Path | None, option(RUN, "Directory for the run.", "runs/search-<n>")] = None,
    resume: Annotated[Path | None, option(RUN, "Go on with the run in that directory.")] = None,
    allow_imports: Annotated[bool, option(RUN, ALLOW_IMPORTS_HELP, None, "--allow-imports")] = False,
    workers: Annotated[
        int | None, option(RUN, "Processes that score; the result is the same.", "1, and every core re-scores")
    ] = None,
    ray: Annotated[str | None, option(RUN, "Score on a Ray cluster: auto or its address.")] = None,
    ray_cpus: Annotated[float, option(RUN, "CPUs of a Ray task.", 1)] = 1,
    ray_gpus: Annotated[float, option(RUN, "GPUs of a Ray task, e.g. 0.25.", 0)] = 0,
    log_json: Annotated[bool, option(RUN, "Print the log as JSON lines.", None, "--log-json")] = False,
    as_json: Annotated[bool, option(RUN, "Print one JSON object.", None, "--json")] = False,
    quiet: Annotated[bool, option(RUN, "No progress bar.", None, "--quiet", "-q")] = False,
) -> None:
    """Search for the network of the highest score within budgets.

    Ctrl-C and SIGTERM end it after the round under way, with exit code 130 or 143; --resume goes on.

    [bold]Examples[/bold]

        zennas search --params 1M --layers 18

        zennas search --space mobilenet --se --resolution 224 --classes 1000 --flops 400M

        zennas search --params 0.25M,0.5M,1M,2M --layers 18

        zennas search --task dense --space regnet --flops 1G --params 10M

        zennas search --params 1M --layers 18 --score zen --iterations 4000 --workers 2

        zennas search --latency 0.5ms --latency-predictor cpu.json

        zennas search --params 1M --score accuracy:model.json:lower

        zennas search --resume runs/search-1 --iterations 96000

        zennas search --from runs/search-1 --params 500k
    """
    from zennas.cli.latency_predictor import learned_latency
    from zennas.cli.progress import search_progress
    from zennas.cli.results import result_document, show_result
    from zennas.io.directories import next_directory
    from zennas.runs.carrying_out import RunContext
    from zennas.runs.founding import with_purpose
    from zennas.runs.run import resume_run, start_run
    from zennas.searching.executors import Execution
    from zennas.searching.settings import checked_config

    settings = dict(given)
    config = None if resume else checked_config(with_purpose(settings, allow_imports))
    if as_json and log_json:
        raise ZennasError("--json and --log-json both write to standard output; give one of them")
    if resume is not None and out is not None:
        raise ZennasError(f"--resume goes on in the run's own directory, {resume}; leave out --out")
    learned = None if config is None else learned_latency(config, quiet or log_json)
    execution = Execution(workers, ray, ray_cpus, ray_gpus)
    with search_progress(quiet or log_json) as watch:
        context = RunContext(execution, watch.progress, log_json, watch.interrupted)
        if config is None:
            assert resume is not None
            result = resume_run(resume, settings, context, allow_imports=allow_imports)
        else:
            result = start_run(
                config, out or next_directory(Path("runs")), context, learned, allow_imports=allow_imports
            )
    if as_json:
        print(json.dumps(result_document(result)))
    elif not log_json:
        show_result(result)
    if result.store is not None:
        # The run is then whole in run.db, for those who copy that file alone.
        result.store.close()
    if result.signal is not None:
        raise typer.Exit(SIGNALLED + result.signal)


def _settings() -> "list[Setting]":
    from zennas.searching.settings import search_settings

    return search_settings()


def _prepare(words: Sequence[str]) -> None:
    """What is done before the options are made.

    What islands are forked from begins to load beside this process. What `--plugin` names is imported: a plugin that
    registers a quantity adds a budget.
    """
    if any(number != "1" for number in _values(words, "--islands")):
        # An island imports this command's main module, which imports typer.
        begin_fork_server(["typer", ISLAND_READY])
    named = _values(words, "--plugin")
    if named:
        from zennas.searching.plugins import load_plugins

        load_plugins(named)


def _values(words: Sequence[str], option: str) -> list[str]:
    """What a command's words give an option, before they are parsed."""
    apart = [after for word, after in pairwise(words) if word == option]
    return apart + [word.partition("=")[2] for word in words if word.startswith(f"{option}=")]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    add_command(app, search, _settings, _prepare)
