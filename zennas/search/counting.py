"""Costs of bare super-blocks, as the search counts every candidate: no checks, everything remembered."""

from zennas.architecture.model import SuperBlock
from zennas.costs import Costs, SuperBlockCosts, count_super_block, total_costs


def count(super_blocks: tuple[SuperBlock, ...], resolution: int, num_classes: int) -> Costs:
    """Costs with a classifier of `num_classes`."""
    rows: list[SuperBlockCosts] = []
    for block in super_blocks:
        row = count_super_block(block, resolution)
        resolution = row.out_resolution
        rows.append(row)
    return total_costs(rows, super_blocks[-1].out_channels, num_classes)
