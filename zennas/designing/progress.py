"""Where a design is, and how long it will still take by what was measured so far."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from zennas.designing.halving import planned_epochs, rungs
from zennas.designing.result import DesignResult, read_design
from zennas.errors import ZennasError

LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class DesignProgress:
    """What a watcher is shown.

    Attributes:
        what: is going on, in a few words.
        done: epochs of candidates and of the winner that are over.
        total: of them in all.
        left: seconds that are left, by what was measured; `None` before a candidate's epoch is over.
        best: the best candidate so far: its name and its accuracy on the held-out images.
        threads: of torch in the winner's training, once it has begun; `None` as in `DesignResult.final_threads`.
    """

    what: str
    done: int
    total: int
    left: float | None
    best: tuple[str, float] | None
    threads: int | None = None


Watcher = Callable[[DesignProgress], None]


def progress(result: DesignResult, what: str, slots: int) -> DesignProgress:
    """Where a design is.

    Args:
        result: as it is on disk.
        what: is going on.
        slots: candidates that are trained at the same time.
    """
    config = result.config
    done, left = _epochs(result)
    best = result.best
    return DesignProgress(
        what,
        done + len(result.final),
        done + left + config.final_epochs,
        seconds_left(result, slots),
        None if best is None else (best.plan.name, best.accuracies[-1]),
        result.final_threads,
    )


def seconds_left(result: DesignResult, slots: int) -> float | None:
    """Seconds until the end, without searches; `None` before a candidate's epoch is over.

    An epoch of a candidate takes as long as the mean of those so far. One of the winner takes as long as the best
    candidate's, on all images, until it has epochs of its own.

    Args:
        result: as it is on disk.
        slots: candidates that are trained at the same time.
    """
    done, left = _epochs(result)
    best = result.best
    if not done or best is None:
        return None
    config = result.config
    candidates = left * sum(c.seconds for c in result.candidates) / done / slots
    epoch = best.seconds / len(best.accuracies) / (1 - config.holdout)
    if result.final:
        epoch = result.final_seconds / len(result.final)
    return candidates + epoch * (config.final_epochs - len(result.final))


def _epochs(result: DesignResult) -> tuple[int, int]:
    """Epochs of candidates that are over, and that are left."""
    config = result.config
    if result.final_begun:
        return sum(len(c.accuracies) for c in result.candidates), 0
    steps, left = rungs(config.epochs, config.halvings), 0
    for number, count in enumerate(config.round_sizes()):
        there = result.rounds[number].candidates if number < len(result.rounds) else ()
        left += max(0, planned_epochs(len(there) or count, steps) - sum(len(c.accuracies) for c in there))
    return sum(len(c.accuracies) for c in result.candidates), left


@contextmanager
def watched(directory: Path, what: str, slots: int, watch: Watcher | None) -> Iterator[None]:
    """Show the progress now and then while the block works: what processes and machines write is looked at.

    Args:
        directory: of the design.
        what: is going on.
        slots: candidates that are trained at the same time.
        watch: is shown the progress, from a thread of its own; `None`: nobody.
    """
    if watch is None:
        yield
        return
    ended = threading.Event()

    def look() -> None:
        # A file that cannot be read is told where the work is done.
        with suppress(ZennasError):
            while not ended.is_set():
                watch(progress(read_design(directory), what, slots))
                ended.wait(LOOK_SECONDS)
            watch(progress(read_design(directory), what, slots))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
