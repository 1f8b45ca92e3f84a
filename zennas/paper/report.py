"""What a reproduction comes as, and how it is written down."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zennas.charts import Chart, write_html, write_png
from zennas.io.text import read_text, write_text

NOT_MEASURED = "not measured here"
TITLE = "# The paper, reproduced\n"
HEAD = (
    TITLE + "\nWritten by `{command}`: the paper's printed numbers beside ours. What would need a GPU or a data set is "
    f"quoted from the paper, and ours says “{NOT_MEASURED}”."
)


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


def sections_of(page: str) -> dict[str, str]:
    """The sections of a written page by their tables' and figures' names, in the order of the page."""
    parts = re.split(r"^(?=## \w+: )", page, flags=re.MULTILINE)
    return {part[3:].partition(":")[0]: part for part in parts[1:]}


def write_reproductions(
    reproductions: Sequence[Reproduction], out: Path, command: str, order: Sequence[str] = ()
) -> Path:
    """Write `out/reproduction.md`, and each chart as picture and interactive page in `out/reproduction/`.

    Sections of a page that is there already and that are not made now stay as they are.

    Args:
        reproductions: tables and figures.
        out: directory, made where it is missing.
        command: that makes the page, which says so where all its sections are new.
        order: names in the order of the page; others come last.

    Returns:
        The Markdown file.
    """
    path = out / "reproduction.md"
    before = read_text(path) if path.is_file() else ""
    head = HEAD.format(command=command)
    sections = sections_of(before) if before.startswith(TITLE) else {}
    if set(sections) - {reproduction.name for reproduction in reproductions}:
        head = before.partition("\n## ")[0]
    for reproduction in reproductions:
        picture = ""
        if reproduction.chart is not None:
            folder = out / "reproduction"
            write_png(reproduction.chart, folder / f"{reproduction.name}.png")
            write_html(reproduction.chart, folder / f"{reproduction.name}.html")
            picture = f"reproduction/{reproduction.name}.png"
        sections[reproduction.name] = markdown(reproduction, picture)
    places = {name: place for place, name in enumerate(order)}
    names = sorted(sections, key=lambda name: places.get(name, len(places)))
    write_text(path, "\n\n".join(part.strip() for part in (head, *(sections[name] for name in names))) + "\n")
    return path
