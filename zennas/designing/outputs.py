"""What a finished design leaves: the winner, its weights, and a table of everything that was trained."""

from pathlib import Path

from zennas.architecture.files import write_architecture
from zennas.counting import known_costs
from zennas.designing.result import BEST, FINAL, TABLE, WEIGHTS, DesignResult, candidate_rows
from zennas.errors import FileError
from zennas.io.tables import csv_text
from zennas.io.text import write_bytes, write_text


def write_table(result: DesignResult) -> None:
    """Write `candidates.csv` of what is there so far. Raises `ZennasError`."""
    rows = candidate_rows(result)
    write_text(result.directory / TABLE, csv_text(list(rows[0]), [list(row.values()) for row in rows]))


def write_winner(result: DesignResult) -> None:
    """Write the winner's weights and, last, its architecture: where that is, the design is finished.

    Args:
        result: of a design whose winner was trained in full.

    Raises:
        ZennasError: a file cannot be written.
    """
    winner = result.winner
    assert winner is not None
    assert result.test_accuracy is not None
    _copy(result.directory / FINAL / "last.safetensors", result.directory / WEIGHTS)
    extra = {
        "accuracy": {
            "test": 100 * result.test_accuracy,
            "held_out": 100 * winner.accuracies[-1],
            "held_out_epochs": len(winner.accuracies),
            "epochs": result.config.final_epochs,
        },
        "costs": dict(known_costs(result.costs(winner))),
        "budgets": [str(budget) for budgets in result.config.search_config().budget_sets() for budget in budgets],
    }
    write_architecture(result.architecture(winner), result.directory / BEST, extra)


def _copy(source: Path, target: Path) -> None:
    try:
        content = source.read_bytes()
    except OSError as error:
        raise FileError(f"{source}: cannot be read: {error.strerror or error}") from None
    write_bytes(target, content)
