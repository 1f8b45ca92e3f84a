"""The networks of a search by a hash of their rows, in one array: a set that compiled code asks and adds to."""

from typing import Any

import numpy as np
import numpy.typing as npt

from zennas.compiled import compiled_and_kept, compiled_apart
from zennas.scores.closed_form.state import IntMatrix, IntVector

Hashes = npt.NDArray[np.uint64]
"""A table of hashes with open addressing; 0 is free. Its length is a power of 2, and half of it stays free."""

_FIRST = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_MIX_AGAIN = np.uint64(0x94D049BB133111EB)
_THIRTY, _THIRTY_ONE, _ONE, _NONE = np.uint64(30), np.uint64(31), np.uint64(1), np.uint64(0)


@compiled_apart
def hash_of(network: IntMatrix) -> Any:
    """64 bits of a network's rows (the mixing step of SplitMix64, Steele et al. 2014, over all numbers), not 0.

    Among a million networks two have the same with a probability of 3·10⁻⁸; the later one would not be scored.

    Args:
        network: a row a super-block.
    """
    value = np.uint64(len(network))
    for row in range(len(network)):
        for column in range(network.shape[1]):
            value = (value + np.uint64(network[row, column])) * _MIX + _FIRST
            value = (value ^ (value >> _THIRTY)) * _MIX_AGAIN
            value = value ^ (value >> _THIRTY_ONE)
    return value if value != _NONE else _ONE


@compiled_apart
def place_of(seen: Hashes, key: Any) -> Any:
    """Where a hash stands, or the free place where it belongs.

    Args:
        seen: the table.
        key: the hash.
    """
    mask = np.uint64(len(seen) - 1)
    place = key & mask
    while seen[place] != _NONE and seen[place] != key:
        place = (place + _ONE) & mask
    return np.int64(place)


@compiled_and_kept
def see(seen: Hashes, rows: IntMatrix, ends: IntVector) -> int:
    """Add networks; returns how many of them are new.

    Args:
        seen: the table, with room for them.
        rows: of all networks, one after another.
        ends: last row of each.
    """
    first = added = 0
    for end in ends:
        key = hash_of(rows[first:end])
        place = place_of(seen, key)
        added += seen[place] == _NONE
        seen[place] = key
        first = end
    return added


@compiled_and_kept
def copy(seen: Hashes, larger: Hashes) -> None:
    """Fill a larger table.

    Args:
        seen: the one that got too small.
        larger: an empty one.
    """
    for key in seen:
        if key != _NONE:
            larger[place_of(larger, key)] = key
