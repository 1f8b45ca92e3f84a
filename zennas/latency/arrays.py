"""Arrays of numbers in JSON, and times from their logarithms."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def arrays_to_json(arrays: Sequence[NDArray[np.float64]]) -> list[Any]:
    """Nested lists of numbers with seven significant digits: what float32 learners gave."""
    return [_rounded(array.tolist()) for array in arrays]


def _rounded(value: Any) -> Any:
    return [_rounded(v) for v in value] if isinstance(value, list) else float(f"{value:.7g}")


def arrays_from_json(value: Any, dimensions: int) -> list[NDArray[np.float64]]:
    """Arrays of so many dimensions. Raises `ValueError` or `TypeError` for anything but finite numbers in a grid."""
    arrays = [np.asarray(part, dtype=np.float64) for part in value]
    for array in arrays:
        if array.ndim != dimensions or not np.isfinite(array).all():
            raise ValueError(f"expected arrays of {dimensions} dimensions with finite numbers")
    return arrays


def exponential(logarithm: float) -> float:
    """e to the power of `logarithm`; infinite where that is beyond floats, or `logarithm` is no number."""
    return math.exp(logarithm) if logarithm < 700 else math.inf
