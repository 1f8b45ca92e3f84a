"""Search algorithms: what is proposed next, by name, open to users' own."""

import zennas.searching.algorithms.annealing
import zennas.searching.algorithms.evolution
import zennas.searching.algorithms.local
import zennas.searching.algorithms.random
import zennas.searching.algorithms.regularized  # noqa: F401  (all of them register algorithms)
from zennas.searching.algorithms.algorithm import (
    Algorithm,
    Count,
    Offspring,
    Problem,
    Proposal,
    Round,
    founder,
    offspring,
)
from zennas.searching.algorithms.registry import algorithm_names, make_algorithm, register_algorithm

__all__ = [
    "Algorithm",
    "Count",
    "Offspring",
    "Problem",
    "Proposal",
    "Round",
    "algorithm_names",
    "founder",
    "make_algorithm",
    "offspring",
    "register_algorithm",
]
