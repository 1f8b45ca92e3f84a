"""Networks as tables on the terminal."""

from rich.markup import escape
from rich.table import Table

from zennas.architecture.model import Architecture, SuperBlock
from zennas.counting import Costs, known_in, super_block_costs
from zennas.units import format_count

_PLAIN = SuperBlock("", 1, 1, 1)
_EXTRA = (
    ("expansion", "expansion"), ("group", "group_width"), ("SE", "se"), ("squeezed", "squeeze"),
    ("activation", "activation"),
)  # fmt: skip
"""Columns that a table has where a super-block needs them."""


def architecture_table(architecture: Architecture, resolution: int, num_classes: int) -> Table:
    """One row a super-block, then the classifier.

    Args:
        architecture: the network.
        resolution: side of the square input in pixels.
        num_classes: outputs of the classifier; 0 for none, which leaves its row out.
    """
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    extra = [
        (title, field)
        for title, field in _EXTRA
        if any(getattr(block, field) != getattr(_PLAIN, field) for block in architecture.super_blocks)
    ]
    table.add_column("type")
    for title in ("kernel", "in", "out", "stride", "bottleneck", *(t for t, _ in extra), "layers", "output"):
        table.add_column(title, justify="right")
    for title in ("params", "multiply-adds"):
        table.add_column(title, justify="right")
    for block, row in zip(architecture.super_blocks, super_block_costs(architecture, resolution), strict=True):
        size = row.out_resolution
        table.add_row(
            escape(block.block),
            str(block.kernel),
            str(block.in_channels),
            str(block.out_channels),
            str(block.stride),
            str(block.bottleneck or "-"),
            *(_cell(getattr(block, field)) for _, field in extra),
            str(block.layers),
            f"{size}×{size}",
            format_count(row.params),
            format_count(row.flops),
        )
    if num_classes:
        width = architecture.out_channels
        table.add_row(
            "Linear", "-", str(width), str(num_classes), "-", "-", *("-" for _ in extra), "-", "1×1",
            format_count((width + 1) * num_classes), format_count(width * num_classes),
        )  # fmt: skip
    return table


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "-"
    return str(value or "-")


def costs_line(costs: Costs) -> str:
    """Costs in one line."""
    return ", ".join(f"{quantity.show(costs)} {quantity.title}" for quantity in known_in([costs]))
