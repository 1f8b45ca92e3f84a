"""Where tasks are carried out: in this process, in worker processes, or on a Ray cluster.

All of them give the same outcomes in the same order; a search cannot tell them apart.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process

from zennas.allocator import keep_freed_memory
from zennas.errors import ZennasError
from zennas.searching.tasks import Execute, Failure, Outcome, ScoreTask, run_task

MAX_ATTEMPTS = 3
"""A network that kills its worker so many times is recorded as failed."""


@dataclass(frozen=True)
class Execution:
    """Where a search scores its networks. The result does not depend on it.

    Attributes:
        workers: processes on this machine; by default one, and for re-scoring as many threads as there are cores.
        ray: `auto` or the address of a Ray cluster, instead of processes.
        cpus: CPUs that a Ray task takes.
        gpus: GPUs that a Ray task takes; 0.25 lets four share one.
    """

    workers: int | None = None
    ray: str | None = None
    cpus: float = 1
    gpus: float = 0

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise ZennasError(f"{self.workers} workers are not allowed; use 1 or more")


@contextmanager
def executor(execution: Execution) -> Iterator[Execute]:
    """Open what carries tasks out, and close it afterwards."""
    if execution.ray is not None:
        from zennas.searching.ray_executor import ray_executor

        with ray_executor(execution.ray, execution.cpus, execution.gpus) as execute:
            yield execute
    elif execution.workers is None or execution.workers == 1:
        yield serial
    else:
        processes = Processes(execution.workers)
        try:
            yield processes
        finally:
            processes.close()


def serial(tasks: Sequence[ScoreTask]) -> list[Outcome | Failure]:
    """Carry tasks out one after another in this process."""
    return [run_task(task) for task in tasks]


class Processes:
    """A pool of worker processes that outlives the death of its workers."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __call__(self, tasks: Sequence[ScoreTask]) -> list[Outcome | Failure]:
        """Outcomes in the order of the tasks."""
        outcomes: list[Outcome | Failure | None] = [None] * len(tasks)
        futures = [self._open().submit(run_task, task) for task in tasks]
        for index, future in enumerate(futures):
            with contextlib.suppress(BrokenProcessPool):
                outcomes[index] = future.result()
        # A dead worker takes the whole pool along; alone, a task shows whether it is the one that kills.
        return [self._alone(task) if done is None else done for task, done in zip(tasks, outcomes, strict=True)]

    def _alone(self, task: ScoreTask) -> Outcome | Failure:
        for _ in range(MAX_ATTEMPTS):
            self.close()
            try:
                return self._open().submit(run_task, task).result()
            except BrokenProcessPool:
                continue
        self.close()
        return Failure(f"killed its worker {MAX_ATTEMPTS} times")

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Workers are spawned: a forked child of a process that has run torch can hang in its thread pools.
            self._pool = ProcessPoolExecutor(self._workers, get_context("spawn"), _begin_worker)
        return self._pool

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _begin_worker() -> None:
    """Ctrl-C at a terminal reaches the whole process group, and only the parent is to answer it. A parent that was
    killed tells its workers nothing: each watches for its end itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
