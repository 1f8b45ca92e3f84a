"""What a benchmark is: a command that measures, and the parts of pages that show what it measured."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kept import Results, Row

Show = Callable[[Results], str]
NAMED = ("zennas", "torch", "numba")
"""Versions that the pages name; the results have more."""


@dataclass(frozen=True)
class Benchmark:
    """One file of `results/`.

    Attributes:
        name: of the file.
        arguments: of `python benchmarks/…`.
        shows: text of the parts of pages by their names. The part that is called as the benchmark stands below the
            command and says where and when it was measured.
        timed: whether seconds are in it, so that it needs a machine without other work.
        minutes: that it takes, roughly.
        compute: the rows anew, where that takes seconds and comes out the same everywhere: tests compare.
        recompute: columns of measured rows that the code gives again in seconds, as costs of a network that is kept.
    """

    name: str
    arguments: str
    shows: Mapping[str, Show]
    timed: bool = True
    minutes: float = 1.0
    compute: Callable[[], Mapping[str, Row]] | None = None
    recompute: Callable[[Results], Mapping[str, Row]] | None = None

    def texts(self, results: Results) -> dict[str, str]:
        """Every part of a page that these results fill."""
        shown = {name: show(results) for name, show in self.shows.items()}
        if self.name in shown:
            command = f"    {results.command}\n\n" if results.command else ""
            measured = "" if self.compute else f"\n\n{provenance(results)}"
            shown[self.name] = f"{command}{shown[self.name]}{measured}"
        return shown


def table(header: Sequence[str], rows: Iterable[Sequence[str]], align: Sequence[str] | None = None) -> str:
    """A Markdown table; `align` has `---` or `---:` for each column."""
    lines = [header, align or ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def provenance(results: Results) -> str:
    """When, where and by which versions, in one line of Markdown."""
    said = []
    for session in results.sessions:
        cores = "1 core" if session["cores"] == 1 else f"{session['cores']} cores"
        versions = ", ".join(f"{name} {session['versions'][name]}" for name in NAMED if name in session["versions"])
        use = "others' use not recorded" if session["in_use"] is None else f"others used {session['in_use']:.0%}"
        said.append(f"{session['date']}, {session['processor']}, {cores}, {use}; {versions}")
    notes = [results.note] if results.note else []
    return f"<small>{' · '.join(dict.fromkeys([*said, *notes]))}</small>"
