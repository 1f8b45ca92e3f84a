"""Progress in plain text, for notebooks and scripts."""

import math
import sys
import time
from typing import TextIO

from zennas.runs.carrying_out import Progress, Watcher
from zennas.units import format_seconds


def print_progress(stream: TextIO | None = None, every: float = 0.5) -> Watcher:
    """What `zennas.search` takes as its `watch` to show how far it is, in one line that is written anew.

        zennas.search(params="1M", layers=18, watch=zennas.print_progress())

    Args:
        stream: where it is written; standard error by default.
        every: seconds between two writings; the end of each phase is always written, with a line feed.
    """
    out = sys.stderr if stream is None else stream
    phase, began, shown, ended = "", (0.0, 0), -math.inf, False

    def watch(progress: Progress) -> None:
        nonlocal phase, began, shown, ended
        now = time.perf_counter()
        if progress.phase != phase:
            if phase and not ended:
                out.write("\n")
            phase, began, ended = progress.phase, (now, progress.done), False
        whole = progress.done >= progress.total
        if ended or not (whole or now - shown >= every):
            return
        shown, ended = now, whole
        here = progress.done - began[1]
        left = (progress.total - progress.done) * (now - began[0]) / here if here else None
        said = f"{phase} {progress.done:,}/{progress.total:,}, best {progress.best.score:.2f}"
        said += f", {progress.scored:,} networks scored"
        if not whole and left is not None:
            said += f", {format_seconds(left)} left"
        out.write(f"\r{said:<100}" + ("\n" if whole else ""))
        out.flush()

    return watch
