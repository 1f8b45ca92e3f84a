"""What a reproduction comes as, and how it is written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zennas.charts import Chart, write_html, write_png
from zennas.io.text import write_text

NOT_MEASURED = "not measured here"


@dataclass(frozen=True)
class Comparison:
    """One printed number and ours.

    Attributes:
        paper: as printed; `None` where the paper prints none.
        ours: computed here; `None` where it would take a GPU or a data set.
        show: how both are formatted.
    """

    what: str
    paper: float | None
    ours: float | None
    show: str = "{:.4g}"

    @property
    def difference(self) -> float | None:
        """Ours relative to the paper's, minus 1."""
        return None if self.paper is None or self.ours is None else self.ours / self.paper - 1

    def cells(self) -> tuple[str, str, str, str]:
        """What, paper, ours, relative difference."""
        paper = "–" if self.paper is None else self.show.format(self.paper)
        if self.ours is None:
            return self.what, f"{paper} (quoted)", NOT_MEASURED, "–"
        difference = "–" if self.difference is None else f"{self.difference:+.2%}"
        return self.what, paper, self.show.format(self.ours), difference


@dataclass(frozen=True)
class Reproduction:
    """A table or figure of the paper, reproduced.

    Attributes:
        method: how it was computed here, in a sentence or two.
        findings: what it shows, one line each.
    """

    name: str
    title: str
    method: str
    comparisons: Sequence[Comparison] = ()
    findings: Sequence[str] = ()
    chart: Chart | None = None


def markdown(reproduction: Reproduction, picture: str = "") -> str:
    """The reproduction as a section of Markdown."""
    lines = [f"## {reproduction.name}: {reproduction.title}", "", reproduction.method, ""]
    if picture:
        lines += [f"![{reproduction.name}]({picture})", ""]
    if reproduction.comparisons:
        lines += ["| | paper | ours | difference |", "| --- | ---: | ---: | ---: |"]
        lines += ["| " + " | ".join(c.cells()) + " |" for c in reproduction.comparisons]
        lines.append("")
    lines += [f"- {finding}" for finding in reproduction.findings]
    return "\n".join(lines).rstrip() + "\n"


def write_reproductions(reproductions: Sequence[Reproduction], out: Path, command: str) -> Path:
    """Write `out/reproduction.md`, and each chart as picture and interactive page in `out/reproduction/`.

    Args:
        reproductions: in the order of the page.
        out: directory, made where it is missing.
        command: that makes the page, which says so.

    Returns:
        The Markdown file.
    """
    sections = [
        "# The paper, reproduced\n\n"
        f"Written by `{command}`: the paper's printed numbers beside ours. What would need a GPU or a data set is "
        f"quoted from the paper, and ours says “{NOT_MEASURED}”.\n"
    ]
    for reproduction in reproductions:
        picture = ""
        if reproduction.chart is not None:
            folder = out / "reproduction"
            write_png(reproduction.chart, folder / f"{reproduction.name}.png")
            write_html(reproduction.chart, folder / f"{reproduction.name}.html")
            picture = f"reproduction/{reproduction.name}.png"
        sections.append(markdown(reproduction, picture))
    path = out / "reproduction.md"
    write_text(path, "\n".join(sections))
    return path
