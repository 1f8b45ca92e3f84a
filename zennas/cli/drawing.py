"""A network drawn on the terminal."""

import math

from rich.text import Text

from zennas.architecture.model import Architecture
from zennas.counting import super_block_costs
from zennas.input_size import Resolution, shown
from zennas.report.run_summary import block_text

WIDTH = 44


def draw_architecture(architecture: Architecture, resolution: Resolution) -> Text:
    """One bar a super-block, as long as the logarithm of its channels, under the size of its feature map."""
    rows = super_block_costs(architecture, resolution)
    widest = max(math.log2(b.out_channels + 1) for b in architecture.super_blocks)
    text, previous = Text(), None
    for block, row in zip(architecture.super_blocks, rows, strict=True):
        if row.out_resolution != previous:
            text.append(f"{shown(row.out_resolution)}\n", style="dim")
            previous = row.out_resolution
        length = max(1, round(WIDTH * math.log2(block.out_channels + 1) / widest))
        text.append(
            "  " + "█" * length + " " * (WIDTH - length + 1), style="default" if block.block == "Conv" else "cyan"
        )
        text.append(f"{block_text(block)}\n")
    text.rstrip()
    return text
