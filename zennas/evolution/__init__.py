"""The search: spaces, mutation, budgets, evolution, and runs on disk."""

from zennas.evolution.api import search
from zennas.evolution.budgets import Budget, parse_budget
from zennas.evolution.mutate import mutate
from zennas.evolution.reading import read_run
from zennas.evolution.result import SearchResult, Winner
from zennas.evolution.run import resume_run
from zennas.evolution.space import SPACES, BlockChoice, Range, SearchSpace, search_space

__all__ = [
    "SPACES",
    "BlockChoice",
    "Budget",
    "Range",
    "SearchResult",
    "SearchSpace",
    "Winner",
    "mutate",
    "parse_budget",
    "read_run",
    "resume_run",
    "search",
    "search_space",
]
