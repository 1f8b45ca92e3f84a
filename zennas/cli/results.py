"""A search's result on the terminal."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from zennas.architecture import format_structure
from zennas.cli.console import console
from zennas.cli.tables import architecture_table
from zennas.counting import QUANTITIES, known_costs, known_in
from zennas.runs.outputs import BEST, FRONTIER
from zennas.runs.rescoring import Rescoring
from zennas.runs.result import SearchResult, Winner
from zennas.units import format_seconds


def show_result(result: SearchResult) -> None:
    """Print the found network, its score, its costs beside the budgets, and where it was written."""
    out = console()
    best = result.best
    out.print(architecture_table(best.architecture, result.config.resolution, result.config.num_classes))
    out.print()
    if len(result.winners) > 1:
        out.print(_frontier(result))
    else:
        out.print(_costs(best))
    out.print()
    out.print(f"score      {score_text(result, best)}", highlight=False, markup=False)
    speed = result.iterations_here / max(result.seconds, 1e-9)
    out.print(
        f"search     {result.status}: {result.iterations:,} iterations, {result.scored:,} networks scored, "
        f"{format_seconds(result.seconds)} ({speed:,.0f} iterations/s)",
        highlight=False,
    )
    if result.rescoring is not None:
        out.print(f"re-scoring {rescoring_text(result.rescoring)}", highlight=False, markup=False)
    for note in result.notes:
        out.print(f"note       {note}", highlight=False, markup=False)
    if result.directory is not None:
        out.print(f"written to {result.directory / BEST}", highlight=False, markup=False)
        if len(result.winners) > 1:
            out.print(f"           {result.directory / FRONTIER} and best-<budget>.yaml", highlight=False, markup=False)


def result_document(result: SearchResult) -> dict[str, Any]:
    """A result as plain data: the best network at the top, and all winners in the order of their budgets."""
    winners = [_winner_document(winner) for winner in result.winners]
    return {
        **winners[next(i for i, winner in enumerate(result.winners) if winner is result.best)],
        "status": result.status,
        "iterations": result.iterations,
        "scored": result.scored,
        "seconds": result.seconds,
        "directory": None if result.directory is None else str(result.directory),
        "notes": list(result.notes),
        "winners": winners,
    }


def _winner_document(winner: Winner) -> dict[str, Any]:
    return {
        "score": winner.score,
        "zen": winner.rescored_values(),
        **known_costs(winner.costs),
        "measured_latency": winner.measured_latency,
        "budgets": [str(budget) for budget in winner.budgets],
        "structure": format_structure(winner.architecture),
    }


def score_text(result: SearchResult, winner: Winner) -> str:
    """The search's score, and the Monte Carlo score where there is one."""
    text = f"{result.config.score} {winner.score:.2f}"
    if result.config.score == "zen":
        text += " in the search, which chose it"
    if winner.rescored is not None:
        zen = winner.rescored
        low, high = zen.ci95
        text += f"; zen {zen.score:.2f} by {winner.rescored_by} (95 % interval {low:.1f} to {high:.1f})"
    return text


def rescoring_text(rescoring: Rescoring) -> str:
    """What re-scoring took: networks, repeats by what they were for, wall time."""
    text = (
        f"{rescoring.networks:,} networks, {rescoring.choosing:,} Monte Carlo repeats to choose and "
        f"{rescoring.fresh:,} fresh ones to report, {format_seconds(rescoring.seconds)}"
    )
    kept = rescoring.choosing + rescoring.fresh - rescoring.computed
    return f"{text} ({kept:,} repeats were there already)" if kept > 0 else text


def _costs(winner: Winner) -> Table:
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for title in ("cost", "found", "budget"):
        table.add_column(title, justify="left" if title == "cost" else "right")
    budgets = {budget.quantity: budget for budget in winner.budgets}
    for name, value in known_costs(winner.costs).items():
        quantity = QUANTITIES[name]
        shown = quantity.unit.format(value)
        if quantity.predicted:
            shown += " predicted"
        if name == "latency" and winner.measured_latency is not None:
            shown += f"; {quantity.unit.format(winner.measured_latency)} measured"
        table.add_row(quantity.title, shown, str(budgets[name]).partition(" ")[2] if name in budgets else "-")
    return table


def _frontier(result: SearchResult) -> Table:
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("budgets")
    budgeted = {budget.quantity for winner in result.winners for budget in winner.budgets}
    known = known_in(winner.costs for winner in result.winners)
    quantities = [quantity for quantity in known if not quantity.aside or quantity.name in budgeted]
    for title in (
        escape(result.config.score),
        "zen ± 95 %, fresh repeats",
        *(quantity.title for quantity in quantities),
    ):
        table.add_column(title, justify="right")
    for winner in result.winners:
        table.add_row(
            ", ".join(map(str, winner.budgets)),
            f"{winner.score:.2f}",
            _zen(winner),
            *(quantity.show(winner.costs) for quantity in quantities),
        )
    return table


def _zen(winner: Winner) -> str:
    """The Monte Carlo score by fresh repeats and half its interval, short enough for a table."""
    zen = winner.rescored
    if zen is None or not winner.independent:
        return "-"
    return f"{zen.score:.2f} ± {(zen.ci95[1] - zen.ci95[0]) / 2:.2f}"
