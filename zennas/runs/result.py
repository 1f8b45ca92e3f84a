"""What a search found."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zennas.architecture.model import Architecture
from zennas.architecture.structure import format_structure
from zennas.counting import QUANTITIES, Budget, Costs, known_costs, known_in
from zennas.io.html import html_table
from zennas.latency.correction import Round, correction_of
from zennas.optional_dependencies import require
from zennas.runs.rescoring import Rescoring
from zennas.runs.store import RunStore
from zennas.scores.result import Score
from zennas.searching.population import Candidate
from zennas.searching.settings import SearchConfig

if TYPE_CHECKING:
    import pandas

_FIRST_COLUMNS = ("params", "flops", "layers", "convolutions", "memory", "latency")
"""Costs that stand before the structure in a dataframe; the others follow it, so that columns keep their places."""


@dataclass(frozen=True)
class Winner:
    """The best network found for one set of budgets.

    Attributes:
        score: the value of the score that the search maximised.
        rescored: its Monte Carlo Zen-score, where it was computed.
        measured_latency: seconds an image on this machine, where a latency budget was checked by measuring.
        independent: whether the repeats of `rescored` had no part in choosing the network. Of those that had, the mean
            is too high: the network was chosen because it is high.
    """

    architecture: Architecture
    candidate: Candidate
    score: float
    costs: Costs
    budgets: Sequence[Budget]
    rescored: Score | None = None
    measured_latency: float | None = None
    independent: bool = False

    @property
    def rescored_by(self) -> str:
        """What `rescored` is the mean of, in words; empty where there is none."""
        if self.rescored is None:
            return ""
        role = "did not choose it" if self.independent else "also chose it, so that it reads high"
        return f"{len(self.rescored.repeats)} Monte Carlo repeats that {role}"

    def rescored_values(self) -> dict[str, Any] | None:
        """`rescored` as files have it: score, standard error, interval, number of repeats, `independent`."""
        if self.rescored is None:
            return None
        values = self.rescored.as_json()
        return {
            **{key: values[key] for key in ("score", "std_error", "ci95")},
            "repeats": len(self.rescored.repeats),
            "independent": self.independent,
        }


@dataclass(frozen=True, repr=False)
class SearchResult:
    """A finished or interrupted search. The candidates are read from the run only when they are asked for.

    Attributes:
        winners: one for each combination of budgets, in the order in which they were given.
        directory: the run on disk, or `None` for a search in memory.
        status: `finished`, or why it stopped.
        seconds: wall time of the search since its start or resume, without re-scoring.
        notes: what the user should know, one line each.
        iterations_here: those of them that were carried out since the start or resume.
        plugins_left_out: modules that the run names and that were not imported to read it.
        rescoring: what re-scoring the best took since the start or resume, where that was done.
        latency_rounds: what was measured after each search under a latency budget, and how predictions were corrected.
        signal: number of the signal that interrupted it, where one did.
    """

    config: SearchConfig
    winners: Sequence[Winner]
    directory: Path | None
    status: str
    iterations: int
    scored: int
    seconds: float
    notes: Sequence[str] = ()
    iterations_here: int = 0
    store: RunStore | None = field(default=None, repr=False, compare=False)
    plugins_left_out: Sequence[str] = ()
    rescoring: Rescoring | None = None
    latency_rounds: Sequence[Round] = ()
    signal: int | None = None

    def __repr__(self) -> str:
        """One line: what was found; the network is `architecture`."""
        return (
            f"SearchResult({self.config.score} {self.score:.2f}, {self._costs_text()}, {self.status} after "
            f"{self.iterations:,} iterations, directory={str(self.directory) if self.directory else None!r})"
        )

    def _repr_html_(self) -> str:
        """Winners with their scores and costs, for notebooks."""
        quantities = known_in(winner.costs for winner in self.winners)
        header = ["budgets", f"score ({self.config.score})", *(quantity.title for quantity in quantities)]
        rows = [
            [", ".join(map(str, w.budgets)), f"{w.score:.2f}", *(quantity.show(w.costs) for quantity in quantities)]
            for w in self.winners
        ]
        title = f"{self.status}: {self.iterations:,} iterations, {self.scored:,} networks scored"
        return html_table(header, rows, title)

    def _costs_text(self) -> str:
        shown = {QUANTITIES[name]: value for name, value in known_costs(self.costs).items()}
        return ", ".join(f"{quantity.unit.format(value)} {quantity.title}" for quantity, value in shown.items())

    def latency_correction(self, winner: Winner) -> Mapping[str, Any] | None:
        """How many searches it took to find a winner by corrected latencies, and what predictions are multiplied by.

        Args:
            winner: one of the result's.
        """
        number = next(place for place, other in enumerate(self.winners) if other is winner)
        return correction_of(self.latency_rounds, number)

    @property
    def best(self) -> Winner:
        """The winner; of a frontier, the one of the highest score."""
        return max(self.winners, key=lambda w: w.score)

    @property
    def architecture(self) -> Architecture:
        """The winning architecture."""
        return self.best.architecture

    @property
    def score(self) -> float:
        """The winner's score."""
        return self.best.score

    @property
    def costs(self) -> Costs:
        """The winner's costs."""
        return self.best.costs

    def candidates(self) -> list[Candidate]:
        """Every scored candidate, in order."""
        return list(self.each_candidate())

    def each_candidate(self) -> Iterator[Candidate]:
        """Every scored candidate, in order, one after another: a long search has more than fit into memory."""
        if self.store is not None:
            yield from self.store.each_candidate()
            return
        with closing(RunStore(self.directory)) as store:
            # There are more by now where the search goes on.
            yield from islice(store.each_candidate(), self.scored)

    def lineage(self, candidate: Candidate | None = None) -> Iterator[Candidate]:
        """The candidate (by default the winner) and its ancestors, the youngest first."""
        known = self.candidates()
        current = self.best.candidate if candidate is None else candidate
        yield current
        while current.parent >= 0:
            current = known[current.parent]
            yield current

    def to_dataframe(self) -> "pandas.DataFrame":
        """Every scored candidate as a pandas table. Raises `MissingExtraError` without pandas."""
        table = require("pandas", "report", "a dataframe").DataFrame
        first = [name for name in QUANTITIES if name in _FIRST_COLUMNS]
        rest = [name for name in QUANTITIES if name not in _FIRST_COLUMNS]
        rows: list[dict[str, Any]] = [
            {
                "id": c.id,
                "iteration": c.iteration,
                "parent": c.parent,
                "score": c.score,
                **{name: getattr(c.costs, name) for name in first},
                "structure": format_structure(c.super_blocks),
                **{name: getattr(c.costs, name) for name in rest},
            }
            for c in self.candidates()
        ]
        frame: pandas.DataFrame = table(rows)
        return frame
