"""What a network costs, and bounds on it; nothing is built to count."""

from zennas.counting.budgets import Budget, parse_budget
from zennas.counting.count import (
    DEFAULT_CLASSES,
    SuperBlockCosts,
    classifier_costs,
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
from zennas.counting.deployed import DEPLOYED_TYPES
from zennas.counting.quantities import (
    QUANTITIES,
    Costs,
    Quantity,
    known_costs,
    known_in,
    known_quantity,
    register_quantity,
)

__all__ = [
    "DEFAULT_CLASSES",
    "DEPLOYED_TYPES",
    "QUANTITIES",
    "Budget",
    "Costs",
    "Quantity",
    "SuperBlockCosts",
    "classifier_costs",
    "costs",
    "count_layers",
    "count_super_block",
    "count_super_blocks",
    "known_costs",
    "known_in",
    "known_quantity",
    "native_classes",
    "native_resolution",
    "parse_budget",
    "register_quantity",
    "smallest_resolution",
    "super_block_costs",
    "total_costs",
]
