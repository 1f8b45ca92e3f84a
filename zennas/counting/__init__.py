"""What a network costs, and bounds on it; nothing is built to count."""

from zennas.counting.budgets import Budget, parse_budget
from zennas.counting.count import (
    DEFAULT_CLASSES,
    Costs,
    SuperBlockCosts,
    costs,
    count_layers,
    count_super_block,
    count_super_blocks,
    native_classes,
    native_resolution,
    smallest_resolution,
    super_block_costs,
    total_costs,
)

__all__ = [
    "DEFAULT_CLASSES",
    "Budget",
    "Costs",
    "SuperBlockCosts",
    "costs",
    "count_layers",
    "count_super_block",
    "count_super_blocks",
    "native_classes",
    "native_resolution",
    "parse_budget",
    "smallest_resolution",
    "super_block_costs",
    "total_costs",
]
