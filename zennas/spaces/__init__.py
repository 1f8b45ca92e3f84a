"""Search spaces: which networks there are, where a search starts, and how one becomes another."""

from zennas.spaces.mutation import mutate
from zennas.spaces.space import SPACES, BlockChoice, Range, SearchSpace, search_space

__all__ = ["SPACES", "BlockChoice", "Range", "SearchSpace", "mutate", "search_space"]
