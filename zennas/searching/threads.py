"""Tasks carried out on the threads of this process: torch computes outside Python's lock, and is loaded once."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zennas.searching.tasks import Failure, Outcome, ScoreTask, run_task
from zennas.threads import torch_threads

_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")


class Threads:
    """Carries tasks out on threads, each with one torch thread: the same outcomes in the same order as `serial`.

    Only for scores by torch on a CPU. A network that does not fit into memory ends the process.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self, tasks: Sequence[ScoreTask]) -> list[Outcome | Failure]:
        """Outcomes in the order of the tasks."""
        with torch_threads(1), ThreadPoolExecutor(self.count) as pool:
            futures = [pool.submit(run_task, task) for task in tasks]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fitting_threads(task_bytes: float) -> int:
    """Threads that use every core, but together no more than half of the machine's memory.

    Args:
        task_bytes: memory of one task.
    """
    memory = _machine_memory()
    cores = usable_cores()
    return cores if memory is None else max(1, min(cores, int(memory / 2 / max(task_bytes, 1.0))))


def _machine_memory() -> float | None:
    """Bytes of memory, or what a container is allowed of it; `None` where the system does not tell."""
    try:
        memory = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return None
    try:
        return min(memory, float(_MEMORY_LIMIT.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit, which is the word "max"
        return memory
