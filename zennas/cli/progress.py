"""The progress bars of a search, and of measuring and learning a device.

A line has the width of the terminal: what is under way, how much of it, and the time left are always there, from 60
columns on; of the rest as much as there is room for, the most important first.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zennas.latency.progress import LEARNING, PHASES, Watch, Work
from zennas.runs.carrying_out import Progress, Watcher
from zennas.units import format_count, format_seconds

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn

REFRESH_SECONDS = 0.1
AFTER_SEARCH = {
    "rescore": ("Monte Carlo repeats", "which choose among the best"),
    "confirm": ("Monte Carlo repeats", "of the winner"),
    "measure": ("measurements", "of the best"),
}
BAR_WIDTHS = ((100, 24), (70, 12), (0, 6))
"""From which width of the terminal on a bar has how many columns."""
TIME_LEFT = len("0:00:00")
STOPPING = "interrupted: what is under way is finished and kept; a second interrupt ends it at once"


@dataclass(frozen=True)
class SearchWatch:
    """What the command line does while a search runs.

    Attributes:
        progress: draws the progress; `None` where it is not drawn.
        interrupted: says that an interrupt was noticed.
    """

    progress: Watcher | None
    interrupted: Callable[[], None]


def fitted(parts: Sequence[str], room: int, separator: str = "  ") -> str:
    """The first parts that fit into a line; one that does not ends it.

    Args:
        parts: the most important first.
        room: columns.
        separator: between two parts.
    """
    text = ""
    for part in parts:
        longer = f"{text}{separator}{part}" if text else part
        if len(longer) > room:
            break
        text = longer
    return text


def bar_width(columns: int) -> int:
    """Columns of a bar on a terminal of so many columns."""
    return next(width for least, width in BAR_WIDTHS if columns >= least)


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
    drawn = BarColumn(bar_width=bar_width(screen.width))
    return Bar(description, drawn, *columns, text, console=screen, refresh_per_second=8, transient=True)


def _room(bar: "Bar", description: str, *others: int) -> int:
    """Columns that are left for the text beside a description, the bar and other columns of these widths."""
    columns = bar.console.width
    return columns - len(description) - bar_width(columns) - sum(others) - len(others) - 2


@contextmanager
def search_progress(quiet: bool) -> Iterator[SearchWatch]:
    """Draws how far a search is, the time left, the best so far with its costs, and iterations/s; nothing where
    standard error is no terminal."""
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn

    from zennas.cli.terminal import say

    bar = None if quiet else _bar(MofNCompleteColumn(), TimeRemainingColumn())
    if bar is None:
        yield SearchWatch(None, lambda: say(f"zennas: {STOPPING}", error=True))
        return
    task = bar.add_task("search", total=None, text="")
    shown, first, phase = 0.0, None, ""

    def watch(progress: Progress) -> None:
        nonlocal shown, first, phase
        now = time.perf_counter()
        bar.start()
        if progress.phase != phase:
            bar.reset(task, description=progress.phase, total=progress.total, text="")
            phase, first = progress.phase, (now, progress.done)
        elif now - shown < REFRESH_SECONDS:
            return
        shown = now
        assert first is not None
        speed = (progress.done - first[1]) / max(now - first[0], 1e-9)
        room = _room(bar, phase, 2 * len(str(progress.total)) + 1, TIME_LEFT)
        parts = _found(progress, speed) if phase == "search" else AFTER_SEARCH[phase]
        text = fitted(parts, room, "  " if phase == "search" else ", ")
        bar.update(task, completed=progress.done, total=progress.total, text=text)

    try:
        yield SearchWatch(watch, lambda: bar.console.print(STOPPING, highlight=False))
    finally:
        if phase:
            bar.stop()


def _found(progress: Progress, speed: float) -> list[str]:
    costs = progress.best.costs
    return [
        f"best {progress.best.score:.2f}",
        f"{format_count(costs.params)} params",
        f"{format_count(costs.flops)} multiply-adds",
        f"{costs.layers} layers",
        f"{speed:,.0f}/s",
        f"{progress.scored:,} scored",
    ]


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
        description = "learning" if work.phase == LEARNING else "measuring"
        counted = f"{work.done:.0f}/{work.total} {PHASES[work.phase]}"
        left = [] if work.left is None else [f"at most {format_seconds(work.left)} left"]
        text = fitted([counted, *left], _room(bar, description), ", ")
        bar.update(task, description=description, completed=work.share, text=text)

    try:
        yield watch
    finally:
        if bar.live.is_started:
            bar.stop()
