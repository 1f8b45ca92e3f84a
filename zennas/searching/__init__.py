"""The search itself: what is proposed, counted, scored and kept, round by round, wherever it is computed."""

from zennas.searching.executors import Execution
from zennas.searching.population import Candidate, Population
from zennas.searching.settings import SearchConfig

__all__ = ["Candidate", "Execution", "Population", "SearchConfig"]
