"""Processes that begin in hundredths of a second: a server loads what they need once, and they are forked from it.

It is Python's own fork server, which other code of the same program may use as well. It ends with the process that
began it and with those that were forked from it. Where there is none, every process loads what it needs itself.
"""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_all_start_methods, get_context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

# On macOS libraries of the system do not survive a fork.
FORKED = sys.platform != "darwin" and "forkserver" in get_all_start_methods()
"""Whether this system has a fork server that can be used."""

ISLAND_READY = "zennas.searching.island_ready"
"""The module that loads what an island needs."""


def begin_fork_server(modules: Sequence[str]) -> None:
    """Let the server load modules from now on, beside what this process does. One that runs already stays as it is.

    Args:
        modules: their names; one that cannot be imported is left to the processes that need it. A module that takes
            long to load is to do so inside `loading`.
    """
    if not FORKED:
        return
    from multiprocessing import forkserver, resource_tracker

    context().set_forkserver_preload(list(modules))
    # The server begins it where it does not run, which ends with letting interrupts through again.
    resource_tracker.ensure_running()
    # Ctrl-C at a terminal reaches the whole process group: the server is to ignore it from its first moment on.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def context() -> "ForkServerContext | SpawnContext":
    """What makes processes that are forked from the server, or spawned where there is none."""
    return get_context("forkserver") if FORKED else get_context("spawn")


@contextmanager
def loading() -> Iterator[None]:
    """For what the server loads: an interrupt of the program does not reach it inside."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One that was held back is dropped.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
