"""The progress bars of a search, and of measuring and learning a device."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zennas.latency.progress import LEARNING, PHASES, Watch, Work
from zennas.runs.run import Progress, Watcher
from zennas.units import format_count, format_seconds

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn

REFRESH_SECONDS = 0.1
AFTER_SEARCH = {
    "rescore": "Monte Carlo repeats, which choose among the best",
    "confirm": "Monte Carlo repeats of the winner",
    "measure": "measurements of the best",
}


def _bar(*columns: "ProgressColumn") -> "Bar | None":
    """A bar between a task's description and its text, with more columns after it; `None` where standard error is no
    terminal."""
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    from zennas.cli.console import console

    screen = console(error=True)
    if not screen.is_terminal:
        return None
    description, text = TextColumn("{task.description}"), TextColumn("{task.fields[text]}")
    return Bar(
        description, BarColumn(bar_width=24), *columns, text, console=screen, refresh_per_second=8, transient=True
    )


@contextmanager
def search_progress(quiet: bool) -> Iterator[Watcher | None]:
    """A watcher that draws iterations/s, scored networks, the best and its costs, and the time left; nothing where
    standard error is no terminal."""
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn

    bar = None if quiet else _bar(MofNCompleteColumn(), TimeRemainingColumn())
    if bar is None:
        yield None
        return
    task = bar.add_task("search", total=None, text="")
    shown, first, phase = 0.0, None, ""

    def watch(progress: Progress) -> None:
        nonlocal shown, first, phase
        now = time.perf_counter()
        bar.start()
        if progress.phase != phase:
            bar.reset(task, description=progress.phase)
            phase, first = progress.phase, (now, progress.done)
        elif now - shown < REFRESH_SECONDS:
            return
        shown = now
        assert first is not None
        best = progress.best
        speed = (progress.done - first[1]) / max(now - first[0], 1e-9)
        text = (
            f"{speed:,.0f}/s  scored {progress.scored:,}  best {best.score:.2f} "
            f"({format_count(best.costs.params)} params, {format_count(best.costs.flops)} multiply-adds, "
            f"{best.costs.layers} layers)"
            if progress.phase == "search"
            else AFTER_SEARCH[progress.phase]
        )
        bar.update(task, completed=progress.done, total=progress.total, text=text)

    try:
        yield watch
    finally:
        if phase:
            bar.stop()


@contextmanager
def measuring_progress(quiet: bool) -> Iterator[Watch | None]:
    """A watcher that draws what was measured or learned, and the time left at the pace so far; nothing where standard
    error is no terminal."""
    bar = None if quiet else _bar()
    if bar is None:
        yield None
        return
    task = bar.add_task("measuring", total=1.0, text="")

    def watch(work: Work) -> None:
        # Started here, so that an error before the first network stands alone on its line.
        bar.start()
        left = "" if work.left is None else f", at most {format_seconds(work.left)} left"
        description = "learning" if work.phase == LEARNING else "measuring"
        text = f"{work.done:.0f}/{work.total} {PHASES[work.phase]}{left}"
        bar.update(task, description=description, completed=work.share, text=text)

    try:
        yield watch
    finally:
        if bar.live.is_started:
            bar.stop()
