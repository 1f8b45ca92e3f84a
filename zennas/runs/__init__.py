"""A search as a run: started, resumed, kept on disk, read again."""

from zennas.runs.api import search
from zennas.runs.reading import read_run
from zennas.runs.result import SearchResult, Winner
from zennas.runs.run import resume_run

__all__ = ["SearchResult", "Winner", "read_run", "resume_run", "search"]
