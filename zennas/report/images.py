"""Figures as image files."""

from pathlib import Path
from typing import TYPE_CHECKING

from zennas.errors import ZennasError
from zennas.optional_dependencies import require
from zennas.report.figures import FIGURES, figure_of
from zennas.runs.result import SearchResult

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FORMATS = ("png", "svg", "pdf")


def write_images(result: SearchResult, directory: Path, image_format: str = "png") -> list[Path]:
    """Write every figure of a result as `<figure>.<format>`; returns the files.

    Args:
        result: of a search.
        directory: where the files go.
        image_format: `png`, `svg` or `pdf`.

    Raises:
        MissingExtraError: plotly or kaleido is not installed.
        ZennasError: an unknown format, or kaleido finds no Chrome or Chromium to draw with.
    """
    if image_format not in FORMATS:
        raise ZennasError(f"image format {image_format!r} is not allowed; use {', '.join(FORMATS)}")
    paths = []
    for name in FIGURES:
        path = directory / f"{name}.{image_format}"
        write_image(figure_of(result, name), path)
        paths.append(path)
    return paths


def write_image(figure: "Figure", path: Path) -> None:
    """Write one figure by the file's suffix: an interactive `.html`, or `.png`, `.svg`, `.pdf`. Raises as above."""
    kind = path.suffix[1:]
    if kind not in (*FORMATS, "html"):
        raise ZennasError(f"{path}: unknown kind of image; it ends in .html, {', '.join('.' + f for f in FORMATS)}")
    if kind != "html":
        require("kaleido", "report", "an image file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "html":
            figure.write_html(path, include_plotlyjs=True)
        else:
            figure.write_image(path, width=1000, height=500, scale=2)
    except OSError as error:
        raise ZennasError(f"{path}: cannot be written: {error.strerror or error}") from None
    except (RuntimeError, ValueError) as error:
        # What kaleido and its Chrome say; without one of them there is no image, and that is not a bug here.
        raise ZennasError(f"{path}: the image could not be drawn (it needs Chrome or Chromium): {error}") from None
