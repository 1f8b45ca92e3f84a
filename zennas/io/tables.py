"""Tables as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV, with a line for each row.

    A text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return gets an apostrophe before it: spreadsheets
    would take it for a formula, and names come from users. Carriage returns become spaces. Numbers are written as they
    are, floats so that they read back as they were, `None` as an empty cell.

    Args:
        header: names of the columns.
        rows: cells in the order of the columns.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in (header, *rows):
        writer.writerow([_escaped(cell) for cell in row])
    return text.getvalue()


def _escaped(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    # Python's csv leaves a carriage return unquoted, and readers take it for the end of the row.
    return ("'" if cell.startswith(_FORMULA) else "") + cell.replace("\r", " ")
