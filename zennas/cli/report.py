"""`zennas report`."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from zennas.cli.options import AllowImports
from zennas.errors import FileError, ZennasError


def report(
    directories: Annotated[
        list[Path],
        typer.Argument(help="Run directories; several are compared with the first. Or the directory of a design."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The page to write.", show_default="report.html in the first run")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Also write the figures of the first run into this directory.")
    ] = None,
    image_format: Annotated[str, typer.Option(help="Of the images: png, svg or pdf.")] = "png",
    watch: Annotated[
        bool, typer.Option("--watch", help="Serve the page on this machine and follow what goes on; Ctrl-C ends it.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of --watch; 0: any that is free.")] = 0,
    allow_imports: AllowImports = False,
) -> None:
    """Write one HTML page that shows what a search or a design found; it opens without a network.

    [bold]Examples[/bold]

        zennas report runs/search-1

        zennas report runs/search-1 runs/search-2 --out both.html

        zennas report runs/search-1 --images figures --image-format svg

        zennas report runs/design-1

        zennas report runs/search-1 --watch
    """
    from zennas.cli.console import console
    from zennas.cli.terminal import say
    from zennas.designing.result import is_design
    from zennas.report.page import REPORT, write_report
    from zennas.runs.reading import read_run

    designs = [directory for directory in directories if is_design(directory)]
    if designs:
        if len(directories) > 1 or images is not None:
            raise ZennasError(f"{designs[0]}: a design has a page of its own; leave out other runs and --images")
        if not watch:
            _report_design(designs[0], out)
            return
    if watch:
        if out is not None or images is not None:
            raise ZennasError("--watch shows the page and writes none; leave out --out and --images")
        _watch(directories, bool(designs), port, allow_imports)
        return
    results = [read_run(directory, allow_imports=allow_imports) for directory in directories]
    page = out or directories[0] / REPORT
    try:
        write_report(results, page)
    except FileError as error:
        if out is not None:
            raise
        raise FileError(f"{error}; give another place by --out") from None
    for directory, result in zip(directories, results, strict=True):
        if result.plugins_left_out:
            names = ", ".join(result.plugins_left_out)
            say(f"{directory}: read without its plugin {names}; --allow-imports imports it", error=True)
    console().print(f"written to {page}", highlight=False, markup=False)
    if images is not None:
        from zennas.report.images import write_images

        for path in write_images(results[0], images, image_format):
            console().print(f"           {path}", highlight=False, markup=False)


def _watch(directories: list[Path], design: bool, port: int, allow_imports: bool) -> None:
    """Serve the page until Ctrl-C."""
    from zennas.cli.terminal import say
    from zennas.report.importance import KeptImportances
    from zennas.report.live import HOST, live_server

    kept = KeptImportances()

    def draw() -> str:
        if design:
            from zennas.designing import read_design
            from zennas.report.design_page import design_page

            return design_page(read_design(directories[0]))
        from zennas.report.page import report_page
        from zennas.runs.reading import read_run

        return report_page([read_run(directory, allow_imports=allow_imports) for directory in directories], kept)

    # What cannot be read is said here, and not to the browser.
    draw()
    try:
        server = live_server(directories, draw, port)
    except OSError as error:
        raise ZennasError(f"port {port} cannot be used: {error.strerror}; give another by --port, or none") from None
    with server, contextlib.suppress(KeyboardInterrupt):
        say(f"http://{HOST}:{server.server_port}/ follows what goes on; Ctrl-C ends it")
        sys.stdout.flush()
        server.serve_forever()


def _report_design(directory: Path, out: Path | None) -> None:
    from zennas.cli.console import console
    from zennas.designing import read_design
    from zennas.report.design_page import write_design_report
    from zennas.report.page import REPORT

    page = out or directory / REPORT
    write_design_report(read_design(directory), page)
    console().print(f"written to {page}", highlight=False, markup=False)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(report)
