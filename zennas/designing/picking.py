"""The best and different networks of a search."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zennas.architecture.files import write_architecture
from zennas.architecture.model import Architecture
from zennas.architecture.structure import format_structure
from zennas.counting import Costs, known_costs
from zennas.counting.budgets import within
from zennas.designing.choosing import choose
from zennas.designing.distance import Space
from zennas.designing.improvement import improvements, known_enough
from zennas.errors import ZennasError
from zennas.io.tables import csv_text
from zennas.io.text import write_text
from zennas.latency.correction import corrected_budgets, corrected_costs, last_checks
from zennas.runs.reading import read_run
from zennas.runs.result import SearchResult
from zennas.searching.population import Candidate

if TYPE_CHECKING:
    from zennas.scores.learned.model import AccuracyModel

APART = 3.0
"""Layers by which two winners differ at least."""
CONSIDERED = 2000
"""Networks of the highest score that an accuracy model predicts."""
TABLE = "winners.csv"


@dataclass(frozen=True)
class Pick:
    """A network that was chosen.

    Attributes:
        id: of the candidate in its run.
        score: of the search.
        nearest: distance in layers to the nearest of those chosen before (`zennas.designing.distance`); infinite for
            the first.
        predicted: accuracy in percent, where there is a model.
        std: standard deviation of the prediction, in percent.
        improvement: expected over the best so far, in percent.
    """

    architecture: Architecture
    id: int
    score: float
    costs: Costs
    nearest: float
    predicted: float | None = None
    std: float | None = None
    improvement: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "id": self.id,
            "score": self.score,
            **known_costs(self.costs),
            "nearest": None if math.isinf(self.nearest) else self.nearest,
            "predicted": self.predicted,
            "std": self.std,
            "improvement": self.improvement,
            "structure": format_structure(self.architecture),
        }


def winners(
    run: SearchResult | str | os.PathLike[str],
    count: int = 8,
    *,
    apart: float = APART,
    model: "AccuracyModel | None" = None,
    best: float | None = None,
    out: str | os.PathLike[str] | None = None,
    allow_imports: bool = False,
) -> list[Pick]:
    """The best networks of a search that differ from each other.

    The best comes first, then each time the best of those that are `apart` from all chosen before. With a model at
    hand, the best is the one that promises the largest improvement among those that are not unlike all that the model
    learned from; where all are, the one of the highest prediction.

    Args:
        run: a result, or the directory of a run.
        count: networks, 8 by default; fewer where the run has no more.
        apart: smallest distance of two in layers, 3 by default (`zennas.designing.distance`); it is halved where too
            few networks are so far apart.
        model: an accuracy model; by default networks are ranked by the run's score.
        best: the highest accuracy so far in percent, over which the model's improvements are expected; by default the
            highest that it predicts.
        out: directory for `winner-1.yaml` and so on and `winners.csv`; by default nothing is written.
        allow_imports: import the plugins that the run names, which runs their code.

    Raises:
        ZennasError: the run cannot be read, a number is out of range, or no network of it keeps its budgets.
    """
    if count < 1:
        raise ZennasError(f"{count} winners cannot be chosen; give 1 or more")
    if not 0 < apart < math.inf:
        raise ZennasError(f"a distance of {apart:g} layers is not allowed; give one above 0")
    result = run if isinstance(run, SearchResult) else read_run(Path(run), allow_imports=allow_imports)
    picks = _chosen(result, count, apart, model, best)
    if out is not None:
        write_winners(picks, result, Path(out))
    return picks


def feasible(result: SearchResult) -> list[Candidate]:
    """The networks of a run that keep its budgets (of a frontier, those of one of its populations), the best first.

    Latencies are as the run's own measurements corrected them; its winners are among them whatever is predicted.

    Args:
        result: of the run.

    Raises:
        ZennasError: there is none.
    """
    sets = result.config.budget_sets()
    checks = last_checks(result.latency_rounds, len(sets))
    searched = [(corrected_budgets(budgets, check), check) for budgets, check in zip(sets, checks, strict=True)]
    won = {winner.candidate.id: winner.costs for winner in result.winners}
    found = []
    for c in result.each_candidate():
        if c.id in won:
            found.append(replace(c, costs=won[c.id]))
            continue
        for budgets, check in searched:
            if within(c.costs, budgets):
                found.append(replace(c, costs=corrected_costs(c.costs, check)))
                break
    if not found:
        raise ZennasError(f"{result.directory}: no network of this run keeps its budgets")
    return sorted(found, key=lambda c: (-c.score, c.id))


def _chosen(
    result: SearchResult, count: int, apart: float, model: "AccuracyModel | None", best: float | None
) -> list[Pick]:
    candidates, config = feasible(result)[: CONSIDERED if model else None], result.config
    networks = [
        Architecture(c.super_blocks, resolution=config.resolution, num_classes=config.num_classes) for c in candidates
    ]
    worth: Sequence[float] = [c.score for c in candidates]
    means: Sequence[float] = ()
    stds: Sequence[float] = ()
    expected: Sequence[float] = ()
    near: Sequence[int] = ()
    if model is not None:
        said = model.predicted(networks, config.resolution, config.num_classes)
        means, stds, beyond = (values.tolist() for values in said)
        expected = improvements(means, stds, best)
        near = known_enough(beyond)
        worth = expected if near else means
    space = Space([network.super_blocks for network in networks])
    picks = []
    for number, choice in enumerate(choose(space, worth, count, apart, pools=[near] if near else []), start=1):
        candidate = candidates[choice.number]
        network = replace(networks[choice.number], name=f"winner-{number}")
        predicted: dict[str, float] = {}
        if model is not None:
            place = choice.number
            predicted = {"predicted": float(means[place]), "std": float(stds[place]), "improvement": expected[place]}
        picks.append(Pick(network, candidate.id, candidate.score, candidate.costs, choice.nearest, **predicted))
    return picks


def write_winners(picks: Sequence[Pick], result: SearchResult, directory: Path) -> None:
    """Write the networks and a table of them, each file atomically.

    Args:
        picks: what was chosen.
        result: the run that they are of.
        directory: made where it is missing.

    Raises:
        ZennasError: a file cannot be written.
    """
    for pick in picks:
        values = {key: value for key, value in pick.as_json().items() if key != "structure" and value is not None}
        extra = {**values, "score": {result.config.score: pick.score}}
        write_architecture(pick.architecture, directory / f"{pick.architecture.name}.yaml", extra)
    rows = [{"name": pick.architecture.name, **pick.as_json()} for pick in picks]
    write_text(directory / TABLE, csv_text(list(rows[0]), [list(row.values()) for row in rows]))
