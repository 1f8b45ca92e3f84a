"""Sizes and times as people write them: `1M`, `4.1G`, `0.5ms`, `20m`."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from zennas.errors import ZennasError, shortened

_QUANTITY = re.compile(r"((?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)\s*([a-zµ]*)", re.IGNORECASE)
_COUNT = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "t": 1e12}
_BYTES = {"": 1.0, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30}
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def _parse(text: str, units: dict[str, float], what: str, examples: str) -> float:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match.group(2).lower() not in units:
        raise ZennasError(f"{shortened(text)} is not {what}; write it like {examples}")
    value = float(match.group(1)) * units[match.group(2).lower()]
    if not math.isfinite(value):
        raise ZennasError(f"{shortened(text)} is too large for {what}; write it like {examples}")
    return value


def parse_count(text: str, what: str = "a count") -> int:
    """`"1M"` → 1_000_000. Suffixes k, M, G (or B), T. Raises `ZennasError`."""
    return round(_parse(text, _COUNT, what, "500k, 1M or 4.1G"))


def parse_bytes(text: str, what: str = "a memory size") -> int:
    """`"8MB"` → 8_000_000, `"8MiB"` → 8_388_608. Raises `ZennasError`."""
    return round(_parse(text, _BYTES, what, "512kB, 8MB or 8MiB"))


def parse_seconds(text: str, what: str = "a time") -> float:
    """`"0.5ms"` → 0.0005 seconds, `"20m"` → 1200 seconds; the unit must be there. Raises `ZennasError`."""
    return _parse(text, _SECONDS, what, "0.5ms, 30s, 20m or 2h")


def parse_number(text: str, what: str = "a number") -> float:
    """`"0.5"` → 0.5. Raises `ZennasError`."""
    return _parse(text, {"": 1.0}, what, "0.5")


Steps = tuple[tuple[float, str], ...]
"""Sizes and the suffix from which on each is used, the largest first."""

COUNT_STEPS: Steps = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
BYTE_STEPS: Steps = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))
SECOND_STEPS: Steps = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"))


def _scaled(value: float, steps: Steps) -> str:
    """Three digits and a suffix; a value that would round up to 1000 takes the next suffix."""
    for size, suffix in steps:
        if abs(value) >= size * 0.9995:
            scaled = value / size
            return f"{scaled:.3g}{suffix}" if abs(scaled) < 999.5 else f"{scaled:.0f}{suffix}"
    return f"{value:.3g}"


def format_count(value: float) -> str:
    """1_234_567 → `"1.23M"`."""
    return _scaled(value, COUNT_STEPS)


def format_bytes(value: float) -> str:
    """1_234_567 → `"1.23MB"`."""
    return _scaled(value, BYTE_STEPS)


def format_seconds(value: float) -> str:
    """0.00123 → `"1.23ms"`; an hour and more as `"1h02m"`."""
    if value >= 3600:
        return f"{int(value // 3600)}h{int(value % 3600 // 60):02d}m"
    if value >= 60:
        return f"{int(value // 60)}m{int(value % 60):02d}s"
    return _scaled(value, SECOND_STEPS) if value else "0s"


@dataclass(frozen=True, slots=True)
class Unit:
    """How values of one kind are written and read.

    Attributes:
        name: the unit of the bare value, e.g. `seconds`; empty for numbers of things.
        parse: value of a text as people write it. Raises `ZennasError`.
        format: a value as text with its suffix.
        steps: sizes and their suffixes, for those who write values elsewhere (the report's page); none for plain
            numbers.
        digits: significant digits that such texts have.
        suffix: what makes a bare number a text that `parse` takes.
    """

    name: str
    parse: Callable[[str], float]
    format: Callable[[float], str]
    steps: Steps = ()
    digits: int = 3
    suffix: str = ""

    def text(self, value: float) -> str:
        """A number in the bare unit as a text that `parse` takes, e.g. 0.0005 seconds as `0.0005s`."""
        return f"{value:.9g}{self.suffix}" if self.suffix else str(value)


COUNT = Unit("", parse_count, format_count, COUNT_STEPS)
"""Numbers so large that they are rounded to three digits: `1.23M`."""
WHOLE = Unit("", parse_count, str, digits=5)
"""Numbers of which every digit counts: `18`."""
NUMBER = Unit("", parse_number, lambda value: f"{value:.3g}")
"""Ratios."""
BYTES = Unit("bytes", parse_bytes, format_bytes, BYTE_STEPS)
SECONDS = Unit("seconds", parse_seconds, format_seconds, SECOND_STEPS, suffix="s")
