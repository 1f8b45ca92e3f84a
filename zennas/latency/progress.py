"""How far the measuring and learning of a device is, and the time left by the pace so far. No torch."""

from collections.abc import Callable
from dataclasses import dataclass

LAYOUT, NETWORKS, AGAIN, LEARNING = "layout", "networks", "again", "learning"
PHASES = {
    LAYOUT: "networks in both layouts",
    NETWORKS: "networks",
    AGAIN: "held-out networks again",
    LEARNING: "models",
}
"""The phases in their order, and what is counted in each."""


@dataclass(frozen=True, slots=True)
class Work:
    """Where a phase stands.

    Attributes:
        phase: one of `PHASES`.
        done: of what the phase counts; of a model that learns a part.
        total: of it, at most.
        left: seconds that the rest takes at most, at the pace of what was done; `None` before anything was.
        share: of the phase that is over, by what was done or by the time that it may take.
    """

    phase: str
    done: float
    total: int
    left: float | None
    share: float = 0.0


Watch = Callable[[Work], None]


def work(phase: str, done: float, total: int, seconds: float, limit: float | None = None, before: int = 0) -> Work:
    """Where a phase stands after so many seconds.

    Args:
        phase: one of `PHASES`.
        done: of what it counts, with those before.
        total: of it, at most.
        seconds: since the phase began or was gone on with.
        limit: seconds that it may take.
        before: of what is done, those that were there already.
    """
    here = done - before
    left = None if here <= 0 else seconds / here * (total - done)
    if left is not None and limit is not None:
        left = min(left, limit - seconds)
    share = max(done / max(1, total), 0.0 if not limit else seconds / limit)
    return Work(phase, done, total, None if left is None else max(0.0, left), min(1.0, share))
