"""Results of benchmarks, kept in `results/NAME.json`: the tables of the documentation are made of nothing else.

A script adds a row at a time. Rows go to `results/NAME.partial.json` until the last is there; the same command goes on
where it was interrupted, unless the package's code has changed. Only a whole set of rows takes the place of the old.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine import session, source

from zennas.io.text import write_text

RESULTS = Path(__file__).parent / "results"
Row = Mapping[str, Any]


@dataclass
class Results:
    """The rows of a benchmark by their keys, and how they came about.

    Attributes:
        command: that measures them; empty where no script does any more.
        sessions: date, machine and versions, one for each time that the command was started.
        source: digest of the package's code; empty where it was not recorded.
        note: what a reader has to know of these rows alone, written by hand and shown below the table.
    """

    name: str
    command: str = ""
    sessions: list[dict[str, Any]] = field(default_factory=list)
    source: str = ""
    note: str = ""
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    path: Path | None = None

    def __contains__(self, key: str) -> bool:
        return key in self.rows

    def add(self, key: str, **values: Any) -> None:
        """Keep a row, at once and whole; values are what JSON knows."""
        self.rows[key] = json.loads(json.dumps(values))
        print(f"{self.name}: {key}: {json.dumps(values, ensure_ascii=False)}", file=sys.stderr, flush=True)
        if self.path is not None:
            write(self, self.path)

    def add_all(self, rows: Mapping[str, Row]) -> None:
        """Keep rows that were computed together."""
        self.rows = json.loads(json.dumps(rows))


def read(path: Path) -> Results:
    """A file of `results/`."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return Results(name=path.name.partition(".")[0], **content)


def write(results: Results, path: Path) -> None:
    """Replace a file, a row a line."""
    head = {"command": results.command, "source": results.source, "note": results.note, "sessions": results.sessions}
    lines = [f'  "{key}": {json.dumps(value, ensure_ascii=False)},' for key, value in head.items()]
    rows = [
        f"    {json.dumps(key, ensure_ascii=False)}: {json.dumps(row, ensure_ascii=False)}"
        for key, row in results.rows.items()
    ]
    write_text(path, "\n".join(["{", *lines, '  "rows": {', ",\n".join(rows), "  }", "}"]) + "\n")


def all_kept(folder: Path = RESULTS) -> dict[str, Results]:
    """Every whole set of results by name."""
    paths = sorted(folder.glob("*.json"))
    return {results.name: results for path in paths if ".partial." not in path.name for results in (read(path),)}


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Arguments of a script, with `--keep` among them."""
    parser.add_argument("--keep", action="store_true", help="keep the results in benchmarks/results; resume")
    return parser.parse_args()


def this_command() -> str:
    """How this script was started, without `--keep`."""
    words = [word for word in sys.argv[1:] if word != "--keep"]
    return " ".join(["OMP_NUM_THREADS=1 python", f"benchmarks/{Path(sys.argv[0]).name}", *words])


@contextmanager
def measuring(name: str, keep: bool) -> Iterator[Results]:
    """Results to add rows to; rows of an interrupted run of the same command and code are there already."""
    results = Results(name, this_command(), source=source())
    partial = RESULTS / f"{name}.partial.json"
    if keep:
        if partial.is_file():
            begun = read(partial)
            if (begun.command, begun.source) == (results.command, results.source):
                results.rows, results.sessions = begun.rows, begun.sessions
        results.path = partial
    results.sessions = [*results.sessions, session()]
    if results.path is not None:
        write(results, results.path)
    yield results
    if keep:
        write(results, RESULTS / f"{name}.json")
        partial.unlink(missing_ok=True)


def measure_part(
    prefix: str,
    description: str | None,
    parts: Mapping[str, tuple[Callable[[Results], None], Callable[[Results], str]]],
) -> None:
    """The command line of a script that measures one of several things.

    Args:
        prefix: of the names of the results; the part's name follows.
        description: what the script says of itself.
        parts: what measures each, and what shows it.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=parts)
    arguments = parsed(parser)
    measure, show = parts[arguments.part]
    with measuring(f"{prefix}-{arguments.part}", arguments.keep) as results:
        measure(results)
    print(show(results))
