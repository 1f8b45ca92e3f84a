"""What a search's settings ask for."""

from zennas.counting import count_super_blocks
from zennas.searching.algorithms import Problem
from zennas.searching.settings import SearchConfig, configured_space


def configured_problem(config: SearchConfig) -> Problem:
    """The problem of a search, its costs counted and none of them predicted.

    Args:
        config: its settings.

    Raises:
        ZennasError: the space cannot be used (`configured_space`).
    """
    resolution, classes, dtype = config.resolution, config.num_classes, config.deployed_type
    return Problem(
        configured_space(config),
        config.budget_sets(),
        lambda super_blocks: count_super_blocks(super_blocks, resolution, classes, dtype),
        config.iterations,
        config.population,
    )
