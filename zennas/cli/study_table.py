"""A study as a table on the terminal."""

from rich.table import Table

from zennas.accuracy.study import Study
from zennas.units import format_count, format_seconds


def study_table(result: Study) -> Table:
    """One row a score, the best first; the last row is what no pick can beat."""
    table = Table(
        title=f"{result.title}: {len(result.networks)} networks",
        header_style="bold",
        show_edge=False,
        pad_edge=False,
        title_justify="left",
    )
    table.add_column("score")
    for title in ("Spearman", "Kendall", "top 10 %"):
        table.add_column(title, justify="right")
    for budget in result.budgets:
        table.add_column(f"pick ≤ {format_count(budget)}", justify="right")
    table.add_column("a network", justify="right")
    table.add_column("refused", justify="right")
    for row in sorted(result.rankings, key=lambda r: -r.spearman):
        table.add_row(
            row.score,
            f"{row.spearman:.3f}",
            f"{row.kendall:.3f}",
            f"{row.top_overlap:.0%}",
            *(f"{pick:.2f}" for pick in row.picks),
            format_seconds(row.seconds),
            str(row.refused or "-"),
        )
    table.add_row("the best there is", "", "", "", *(f"{best:.2f}" for best in result.best), "", "", style="dim")
    return table
