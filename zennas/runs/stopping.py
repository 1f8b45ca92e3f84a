"""When a search ends before its last iteration."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zennas.searching.rounds import Search
from zennas.searching.settings import SearchConfig

RUNNING = "running"
INTERRUPTED = "interrupted"
FINISHED = "finished"
TIME_LIMIT = "time limit"


def reason_to_stop(search: Search, config: SearchConfig, seconds: float, began: int = 0) -> str:
    """The stopping rule that applies now, or an empty text.

    Args:
        search: what was found so far, and when.
        config: has the rules: `time_limit` in seconds, `patience` in iterations, `target_score`.
        seconds: since the start or resume.
        began: iteration at which the search began, later than 0 where it goes on within other budgets.
    """
    if search.finished:
        return FINISHED
    if config.time_limit is not None and seconds >= config.time_limit:
        return TIME_LIMIT
    if config.patience is not None and search.iteration - max(search.best.iteration, began) >= config.patience:
        return "patience"
    if config.target_score is not None and search.best.score >= config.target_score:
        return "target score"
    return ""


class StopRequest(threading.Event):
    """Set where the user asks to stop.

    Attributes:
        signal: the number of the signal that asked; `None` where none did.
    """

    signal: int | None = None


@contextmanager
def stop_requests(noticed: Callable[[], None] | None = None) -> Iterator[StopRequest]:
    """An event that Ctrl-C or SIGTERM sets, so that a round is finished and committed before the search ends. The
    second signal ends it at once.

    Args:
        noticed: is called at the first signal.
    """
    requested = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield requested
        return

    def stop(number: int, frame: object) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.signal = number
        requested.set()
        if noticed is not None:
            noticed()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
