"""Search spaces: which networks there are, where a search starts, and how one becomes another."""

import zennas.spaces.builtin  # noqa: F401  (registers the spaces)
from zennas.spaces.mutation import Mutation, mutate
from zennas.spaces.operators import Operator, draw_offspring, mutation_operators, offspring_draws, register_operator
from zennas.spaces.space import (
    BlockChoice,
    Range,
    SearchSpace,
    register_space,
    search_space,
    space_names,
    squeeze_excited,
)

__all__ = [
    "BlockChoice",
    "Mutation",
    "Operator",
    "Range",
    "SearchSpace",
    "draw_offspring",
    "mutate",
    "mutation_operators",
    "offspring_draws",
    "register_operator",
    "register_space",
    "search_space",
    "space_names",
    "squeeze_excited",
]
