"""The reproductions by name."""

from collections.abc import Callable

from zennas.optional_dependencies import unknown
from zennas.paper import depth_and_width, figures, tables
from zennas.paper.report import Reproduction
from zennas.paper.settings import ReproductionSettings

ENTRIES: dict[str, Callable[[ReproductionSettings], Reproduction]] = {
    "figure1": depth_and_width.figure_1,
    "figure2": depth_and_width.figure_2,
    "table1": tables.table_1,
    "figure6": figures.figure_6,
    "figure7": figures.figure_7,
    "figure8": figures.figure_8,
    "figure9": figures.figure_9,
    "table2": tables.table_2,
    "table4": tables.table_4,
    "table5": tables.table_5,
    "figure10": figures.figure_10,
    "table6": tables.table_6,
    "figure11": figures.figure_11,
}
"""In the paper's order."""


def reproduce(name: str, settings: ReproductionSettings | None = None) -> Reproduction:
    """Compute one table or figure. Raises `UnknownNameError` with the nearest names."""
    if name not in ENTRIES:
        raise unknown("table or figure", name, [*ENTRIES, "all"])
    return ENTRIES[name](settings or ReproductionSettings())
