"""Sizes of images and of feature maps.

A whole number is the side of a square; `Size` is the height and width of anything else. A square is never a `Size`, so
that what users wrote for square inputs (layers, scores, spaces, quantities) is called with the same numbers as ever.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

from zennas.errors import ArchitectureError, shortened

MAX_RESOLUTION = 1 << 14
_EXAMPLE = "write it like 224, or like 320x192 for height × width"


@dataclass(frozen=True, slots=True)
class Size:
    """A size that is not square.

    Attributes:
        height: in pixels.
        width: in pixels.
    """

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"


Resolution = int | Size
"""A size as everything inside has it: `size_of` makes one of height and width."""
GivenResolution = Resolution | str | Sequence[int]
"""A size as users give it: 224, "224", "320x192" or (320, 192); `read_resolution` reads it."""

RESOLUTION_HELP = "Side of the input, or height and width, e.g. 320x192."


def size_of(height: int, width: int) -> Resolution:
    """The size with that height and width."""
    return height if height == width else Size(height, width)


def read_resolution(given: object) -> Resolution:
    """The size that a user gives: a side, a text such as `"224"` or `"320x192"`, or a pair of height and width.

    Raises:
        ArchitectureError: it is none of those, or a side is below 1 or above `MAX_RESOLUTION`.
    """
    if isinstance(given, Size):
        given = (given.height, given.width)
    if isinstance(given, str):
        found: Sequence[object] = [_whole_number(part) for part in given.lower().replace("×", "x").split("x")]
    elif isinstance(given, Sequence):
        found = given
    else:
        found = [given]
    numbers = [int(number) for number in found if isinstance(number, Integral) and not _is_truth(number)]
    if len(numbers) != len(found) or len(numbers) not in (1, 2):
        raise ArchitectureError(f"resolution {shortened(given)} is no size; {_EXAMPLE}")
    for number in numbers:
        if not 1 <= number <= MAX_RESOLUTION:
            raise ArchitectureError(f"resolution {shortened(number)} is not allowed; use 1 to {MAX_RESOLUTION}")
    return size_of(numbers[0], numbers[-1])


def _is_truth(value: object) -> bool:
    """Whether it is `True` or `False`, which are whole numbers to Python."""
    return isinstance(value, bool)


def _whole_number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def sides(resolution: Resolution) -> tuple[int, int]:
    """Height and width."""
    return (resolution, resolution) if isinstance(resolution, int) else (resolution.height, resolution.width)


def positions(resolution: Resolution) -> int:
    """Pixels: height · width."""
    return resolution * resolution if isinstance(resolution, int) else resolution.height * resolution.width


def mean_side(resolution: Resolution) -> float:
    """Side of the square with as many pixels."""
    return float(resolution) if isinstance(resolution, int) else math.sqrt(resolution.height * resolution.width)


def out_size(resolution: Resolution, stride: int) -> Resolution:
    """Size of the map that a layer with that stride makes of a map of that size: ⌈side / stride⌉ of either side."""
    if isinstance(resolution, int):
        return -(-resolution // stride)
    return size_of(-(-resolution.height // stride), -(-resolution.width // stride))


def shown(resolution: Resolution) -> str:
    """As texts for people have it: `320×192`, and `32×32` of a square."""
    height, width = sides(resolution)
    return f"{height}×{width}"


def plain(resolution: Resolution) -> int | str:
    """As files and JSON have it: the side of a square, else `"320x192"`."""
    return resolution if isinstance(resolution, int) else str(resolution)
