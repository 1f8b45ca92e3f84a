"""Dataclasses of numbers and arrays as plain values, and back, checked: a damaged file is told in one line."""

from dataclasses import fields
from typing import Any

import numpy as np

from zennas.errors import shortened
from zennas.scores.learned.shape import Table

_LARGEST = 1e12
"""Of a number in a file; what is larger overflows in what is computed from it."""


def plain(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, arrays and tuples as lists."""
    found = {}
    for field in fields(value):
        content = getattr(value, field.name)
        found[field.name] = content.tolist() if isinstance(content, np.ndarray) else content
    return found


def number(value: Any, least: float = -_LARGEST) -> float:
    """A finite number. Raises `ValueError` where it is none, or below `least`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= _LARGEST:
        raise ValueError(f"expected a number of at least {least:g}, got {shortened(value)}")
    return float(value)


def array(values: Any, dimensions: int) -> Table:
    """An array of finite numbers. Raises `ValueError` or `TypeError` where it is none, or of other dimensions."""
    found = np.array(values, dtype=np.float64)
    if found.ndim != dimensions or not np.isfinite(found).all() or (found.size and np.abs(found).max() > _LARGEST):
        raise ValueError(f"expected an array of {dimensions} dimensions, all of them finite numbers")
    return found
