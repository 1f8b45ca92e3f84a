"""The metrics of a training run: a row an epoch, in `metrics.csv`."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zennas.errors import TrainingError
from zennas.io.tables import csv_text
from zennas.io.text import read_text, write_text

METRICS = "metrics.csv"


def write_metrics(history: Sequence[dict[str, Any]], directory: Path) -> None:
    """Write `metrics.csv`; floats are written so that they read back as they are."""
    header = list(history[0])
    write_text(directory / METRICS, csv_text(header, [[row[name] for name in header] for row in history]))


def read_metrics(directory: Path) -> list[dict[str, float]]:
    """The rows of a run's `metrics.csv`, empty where no epoch of it is over.

    Args:
        directory: of the run; it may be missing.

    Raises:
        TrainingError: the file is damaged.
    """
    path = directory / METRICS
    if not path.is_file():
        return []
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
        history = [{name: float(value) for name, value in row.items()} for row in rows]
        if [row["epoch"] for row in history] != list(range(1, len(history) + 1)):
            raise ValueError("epochs")
        if not all(is_accuracy(row["accuracy"]) and row["images_per_second"] > 0 for row in history):
            raise ValueError("accuracies")
    except (csv.Error, KeyError, TypeError, ValueError):
        raise TrainingError(f"{path}: damaged: expected a row an epoch with accuracy and images_per_second") from None
    return history


def is_accuracy(value: float) -> bool:
    """Whether it is a fraction of images, or NaN for an epoch that was not evaluated."""
    return math.isnan(value) or 0 <= value <= 1


def evaluated_rows(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of those epochs after which the network was evaluated."""
    return [row for row in history if not math.isnan(row["accuracy"])]
