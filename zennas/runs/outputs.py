"""What a finished search leaves beside its database: `best.yaml`, and for a frontier a file for each budget."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zennas.architecture.files import write_architecture
from zennas.architecture.structure import format_structure
from zennas.counting import Budget, known_costs, known_in
from zennas.input_size import Resolution
from zennas.io.tables import csv_text
from zennas.io.text import write_text
from zennas.runs.result import SearchResult, Winner
from zennas.searching.population import Candidate

BEST = "best.yaml"
FRONTIER = "frontier.csv"
PARETO = "pareto.csv"


def write_result(result: SearchResult, directory: Path) -> None:
    """Write every file of a result, each atomically. Raises `ZennasError`."""
    write_architecture(result.best.architecture, directory / BEST, _annotations(result, result.best))
    if len(result.winners) > 1:
        for winner, label in zip(
            result.winners, _apart([budget_label(w.budgets) for w in result.winners]), strict=True
        ):
            path = directory / f"best-{label}.yaml"
            write_architecture(winner.architecture, path, _annotations(result, winner))
        write_text(directory / FRONTIER, frontier_csv(result))
    if result.config.pareto:
        write_text(directory / PARETO, pareto_csv(result))


def _apart(labels: Sequence[str]) -> list[str]:
    """Labels with a number behind each that was there before: budgets may differ in what a label leaves out."""
    before = Counter[str]()
    told = []
    for label in labels:
        before[label] += 1
        told.append(label if before[label] == 1 else f"{label}-{before[label]}")
    return told


def _annotations(result: SearchResult, winner: Winner) -> dict[str, Any]:
    scores: dict[str, Any] = {result.config.score: winner.score}
    if winner.rescored is not None:
        scores["zen"] = winner.rescored_values()
    measured: dict[str, Any] = {}
    if winner.measured_latency is not None:
        measured = {"measured_latency": winner.measured_latency}
        correction = result.latency_correction(winner)
        measured |= {} if correction is None else {"latency_correction": dict(correction)}
    return {
        **measured,
        "score": scores,
        "costs": dict(known_costs(winner.costs)),
        "budgets": [str(budget) for budget in winner.budgets],
    }


def winner_name(space: str, resolution: Resolution, budgets: Sequence[Budget]) -> str:
    """The name of a winner.

    Args:
        space: name of the space, or its file.
        resolution: size of the input in pixels: its side, or height and width.
        budgets: those that the winner meets; their upper bounds are in the name.
    """
    bounds = [f"{b.quantity}-{b.show(b.high)}" for b in budgets if b.high < float("inf") and not b.implied]
    return "-".join(["zennet", Path(space).stem, str(resolution), *bounds])


def budget_label(budgets: Sequence[Budget]) -> str:
    """`1M`, or `1M-18` for several: the bounds of a population as a part of a file name."""
    given = [b for b in budgets if not b.implied]
    return "-".join(b.show(b.high if b.high < float("inf") else b.low) for b in given) or "unbounded"


_FIRST_COSTS = ("params", "flops", "layers", "memory")
"""Costs that stand before the structure; the others follow it, so that columns keep their places."""


def frontier_csv(result: SearchResult) -> str:
    """One line a budget: its bounds, the best network's scores and costs, its structure."""
    return _csv(
        ("budgets", result.config.score, "zen"),
        [(", ".join(map(str, w.budgets)), w.score, w.rescored.score if w.rescored else "") for w in result.winners],
        [replace(w.candidate, costs=w.costs) for w in result.winners],
    )


def pareto_csv(result: SearchResult) -> str:
    """Every candidate that no other beats in the score and all of `config.pareto` at once, the best score first."""
    front = pareto_front(result.candidates(), result.config.pareto)
    return _csv(("id", "score"), [(c.id, c.score) for c in front], front)


def pareto_front(candidates: Sequence[Candidate], quantities: Sequence[str]) -> list[Candidate]:
    """Candidates of which none scores as high at no higher cost in every quantity, the best score first."""
    front: list[tuple[Candidate, tuple[float, ...]]] = []
    for candidate in sorted(candidates, key=lambda c: (-c.score, c.id)):
        costs = tuple(getattr(candidate.costs, q) for q in quantities)
        if None in costs:  # of a run that is older than the quantity
            continue
        if not any(all(o <= c for o, c in zip(other, costs, strict=True)) for _, other in front):
            front.append((candidate, costs))
    return [candidate for candidate, _ in front]


def _csv(header: Sequence[str], rows: Sequence[Sequence[object]], networks: Sequence[Candidate]) -> str:
    """Rows with the costs and the structure of their networks: each cost that one of them knows is a column."""
    known = [quantity.name for quantity in known_in(network.costs for network in networks)]
    first = [name for name in known if name in _FIRST_COSTS]
    rest = [name for name in known if name not in first]
    lines = []
    for row, network in zip(rows, networks, strict=True):
        before, after = ([getattr(network.costs, name) for name in names] for names in (first, rest))
        lines.append((*row, *before, format_structure(network.super_blocks), *after))
    return csv_text((*header, *first, "structure", *rest), lines)
