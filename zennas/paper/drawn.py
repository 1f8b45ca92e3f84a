"""Monte Carlo numbers of the reproductions, kept so that the rest of the page can be computed again in seconds."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zennas import __version__
from zennas.errors import FileError
from zennas.io.documents import load_json
from zennas.io.text import read_text, write_text
from zennas.scores.result import Score, score_from_repeats


@dataclass
class Drawn:
    """What was drawn, by what it is of.

    Attributes:
        path: file that is read at first and written after each number; `None` keeps nothing.
        again: draw anew what is asked for.
        values: numbers and the seconds that they took, by what they are of. Not a number is `None`.
        taken: how many were there already.
        new: how many were drawn.
        fresh: what was drawn by this.
    """

    path: Path | None = None
    again: bool = False
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    taken: int = 0
    new: int = 0
    fresh: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.path is not None and self.path.is_file():
            self.values = _checked(load_json(read_text(self.path), str(self.path)), self.path)

    def numbers(self, what: str, draw: Callable[[], Sequence[float]]) -> list[float]:
        """The numbers that are kept of something, or that `draw` gives.

        Args:
            what: says network, resolution, batch size, repeats, seed and device: all that the numbers depend on.
            draw: computes them.
        """
        if self._has(what):
            self.taken += 1
        else:
            self._keep(what, draw(), 0.0)
        return [math.nan if value is None else value for value in self.values[what]["values"]]

    def score(self, what: str, draw: Callable[[], Score]) -> Score:
        """The same of a Monte Carlo score: its repeats and its seconds are kept.

        Args:
            what: as `numbers`.
            draw: computes it.
        """
        if self._has(what):
            self.taken += 1
        else:
            score = draw()
            self._keep(what, score.repeats, score.seconds)
        kept = self.values[what]
        return score_from_repeats("zen", kept["values"], kept["seconds"])

    def _has(self, what: str) -> bool:
        return what in self.values and (not self.again or what in self.fresh)

    def _keep(self, what: str, numbers: Sequence[float], seconds: float) -> None:
        self.new += 1
        self.fresh.add(what)
        values = [float(number) if math.isfinite(number) else None for number in numbers]
        self.values[what] = {"values": values, "seconds": round(seconds, 3), "zennas": __version__}
        if self.path is not None:
            lines = [f"  {json.dumps(k, ensure_ascii=False)}: {json.dumps(v)}" for k, v in self.values.items()]
            write_text(self.path, "{\n" + ",\n".join(lines) + "\n}\n")


def _checked(content: Any, path: Path) -> dict[str, dict[str, Any]]:
    """The content of a file, if it is what this module writes. Raises `FileError`."""
    if not isinstance(content, dict) or not all(map(_is_kept, content.values())):
        raise FileError(f"{path}: holds no Monte Carlo numbers of zennas reproduce; remove it to draw them anew")
    return content


def _is_kept(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("values"), list) or not row["values"]:
        return False
    numbers = all(value is None or isinstance(value, (int, float)) for value in row["values"])
    return numbers and isinstance(row.get("seconds"), (int, float))
