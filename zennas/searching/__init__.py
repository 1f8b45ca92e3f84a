"""The search itself: what is proposed, counted, scored and kept, round by round, wherever it is computed."""

from zennas.searching.algorithms import (
    Algorithm,
    Problem,
    Proposal,
    Round,
    algorithm_names,
    founder,
    offspring,
    register_algorithm,
)
from zennas.searching.executors import Execution
from zennas.searching.population import Candidate, Population
from zennas.searching.rounds import Search
from zennas.searching.settings import SearchConfig

__all__ = [
    "Algorithm",
    "Candidate",
    "Execution",
    "Population",
    "Problem",
    "Proposal",
    "Round",
    "Search",
    "SearchConfig",
    "algorithm_names",
    "founder",
    "offspring",
    "register_algorithm",
]
