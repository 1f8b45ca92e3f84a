"""A search's result on the terminal."""

from rich.table import Table

from zennas.cli.tables import architecture_table, console
from zennas.runs.outputs import BEST, FRONTIER
from zennas.runs.result import SearchResult, Winner
from zennas.units import format_bytes, format_count, format_seconds


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
    out.print(f"score      {score_text(result, best)}", highlight=False)
    speed = result.iterations_here / max(result.seconds, 1e-9)
    out.print(
        f"search     {result.status}: {result.iterations:,} iterations, {result.scored:,} networks scored, "
        f"{format_seconds(result.seconds)} ({speed:,.0f} iterations/s)",
        highlight=False,
    )
    for note in result.notes:
        out.print(f"note       {note}", highlight=False, markup=False)
    if result.directory is not None:
        out.print(f"written to {result.directory / BEST}", highlight=False, markup=False)
        if len(result.winners) > 1:
            out.print(f"           {result.directory / FRONTIER} and best-<budget>.yaml", highlight=False, markup=False)


def score_text(result: SearchResult, winner: Winner) -> str:
    """The search's score, and the Monte Carlo score where there is one."""
    text = f"{result.config.score} {winner.score:.2f}"
    if winner.rescored is not None:
        zen = winner.rescored
        low, high = zen.ci95
        text += (
            f"; zen {zen.score:.2f} by {len(zen.repeats)} Monte Carlo repeats (95 % interval {low:.1f} to {high:.1f})"
        )
    return text


def _costs(winner: Winner) -> Table:
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    for title in ("cost", "found", "budget"):
        table.add_column(title, justify="left" if title == "cost" else "right")
    budgets = {budget.quantity: budget for budget in winner.budgets}
    costs = winner.costs
    for quantity, title, shown in (
        ("params", "params", format_count(costs.params)),
        ("flops", "multiply-adds", format_count(costs.flops)),
        ("layers", "layers", str(costs.layers)),
        ("convolutions", "convolutions", str(costs.convolutions)),
        ("memory", "activations", format_bytes(costs.memory)),
    ):
        budget = str(budgets[quantity]).partition(" ")[2] if quantity in budgets else "-"
        table.add_row(title, shown, budget)
    if costs.latency is not None:
        measured = "" if winner.measured_latency is None else f"; {format_seconds(winner.measured_latency)} measured"
        budget = str(budgets["latency"]).partition(" ")[2] if "latency" in budgets else "-"
        table.add_row("latency", f"{format_seconds(costs.latency)} predicted{measured}", budget)
    return table


def _frontier(result: SearchResult) -> Table:
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("budgets")
    for title in (result.config.score, "zen", "params", "multiply-adds", "layers"):
        table.add_column(title, justify="right")
    for winner in result.winners:
        table.add_row(
            ", ".join(map(str, winner.budgets)),
            f"{winner.score:.2f}",
            f"{winner.rescored.score:.2f}" if winner.rescored else "-",
            format_count(winner.costs.params),
            format_count(winner.costs.flops),
            str(winner.costs.layers),
        )
    return table
