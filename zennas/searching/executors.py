"""Where tasks are carried out: in this process, in worker processes, or on a Ray cluster.

All of them give the same outcomes in the same order; whoever has work done cannot tell them apart. A task is anything
that can be pickled, and `run` a function of a module that carries one out.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import Generic, TypeVar

from zennas.allocator import keep_freed_memory
from zennas.errors import ZennasError
from zennas.searching.tasks import Execute, Failure, Outcome, ScoreTask, run_task

MAX_ATTEMPTS = 3
"""A network that kills its worker so many times is recorded as failed."""

Task = TypeVar("Task")
Done = TypeVar("Done")

_stop: Event | None = None


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
        for name, amount in (("CPUs", self.cpus), ("GPUs", self.gpus)):
            if not 0 <= amount < float("inf"):
                raise ZennasError(f"{amount:g} {name} of a Ray task are not allowed; use 0 or more")


@contextmanager
def executor(execution: Execution) -> Iterator[Execute]:
    """Open what carries score tasks out, and close it afterwards."""
    if execution.ray is None and execution.workers in (None, 1):
        yield serial
        return
    with spread(execution, run_task) as execute:
        yield execute


@contextmanager
def spread(
    execution: Execution, run: Callable[[Task], Done | Failure], chunk: int | None = None, cards: Sequence[str] = ()
) -> Iterator[Callable[[Sequence[Task]], list[Done | Failure]]]:
    """Open worker processes or a Ray cluster for tasks of any kind, and close it afterwards.

    Args:
        execution: where; by default one process.
        run: carries one task out, in another process; what it returns is not `None`.
        chunk: tasks that may share a task of Ray's at most; by default as many as is good for short ones.
        cards: GPUs of this machine, as `CUDA_VISIBLE_DEVICES` names them, to be shared out among the processes; on a
            cluster Ray does that.
    """
    if execution.ray is not None:
        from zennas.searching.ray_executor import MAX_CHUNK, ray_executor

        with ray_executor(execution.ray, execution.cpus, execution.gpus, run, chunk or MAX_CHUNK) as execute:
            yield execute
        return
    processes = Processes(execution.workers or 1, run, cards)
    try:
        yield processes
    finally:
        processes.close()


def serial(tasks: Sequence[ScoreTask]) -> list[Outcome | Failure]:
    """Carry tasks out one after another in this process."""
    return [run_task(task) for task in tasks]


class Processes(Generic[Task, Done]):
    """A pool of worker processes that outlives the death of its workers.

    Args:
        workers: number of processes.
        run: carries one task out; what it returns is not `None`.
        cards: GPUs, as `CUDA_VISIBLE_DEVICES` names them; each worker sees one of them, in turn.
    """

    def __init__(self, workers: int, run: Callable[[Task], Done | Failure], cards: Sequence[str] = ()) -> None:
        self._workers, self._run, self._cards = workers, run, tuple(cards)
        self._pool: ProcessPoolExecutor | None = None
        self._stop: Event | None = None

    def __call__(self, tasks: Sequence[Task]) -> list[Done | Failure]:
        """Outcomes in the order of the tasks."""
        outcomes: list[Done | Failure | None] = [None] * len(tasks)
        futures = []
        with contextlib.suppress(BrokenProcessPool):  # one may have died while nothing was asked of it
            for task in tasks:
                futures.append(self._open().submit(self._run, task))
        for index, future in enumerate(futures):
            with contextlib.suppress(BrokenProcessPool):
                outcomes[index] = future.result()
        # A dead worker takes the whole pool along; alone, a task shows whether it is the one that kills.
        return [self._alone(task) if done is None else done for task, done in zip(tasks, outcomes, strict=True)]

    def _alone(self, task: Task) -> Done | Failure:
        for _ in range(MAX_ATTEMPTS):
            self.close()
            try:
                return self._open().submit(self._run, task).result()
            except BrokenProcessPool:
                continue
        self.close()
        return Failure(f"killed its worker {MAX_ATTEMPTS} times")

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Workers are spawned: a forked child of a process that has run torch can hang in its thread pools.
            spawned = get_context("spawn")
            self._stop = spawned.Event()
            begin = self._stop, spawned.Value("i", 0), self._cards
            self._pool = ProcessPoolExecutor(self._workers, spawned, _begin_worker, begin)
        return self._pool

    def close(self) -> None:
        """End the workers, after the tasks that they are at unless these look at `stopping`."""
        if self._pool is not None and self._stop is not None:
            self._stop.set()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def stopping() -> bool:
    """Whether the task that this worker process is at is no longer wanted: one that takes minutes looks at times."""
    return _stop is not None and _stop.is_set()


def _begin_worker(stop: Event, begun: "Synchronized[int]", cards: tuple[str, ...]) -> None:
    """Ctrl-C at a terminal reaches the whole process group, and only the parent is to answer it. A parent that was
    killed tells its workers nothing: each watches for its end itself."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    if cards:
        with begun.get_lock():
            number, begun.value = begun.value, begun.value + 1
        os.environ["CUDA_VISIBLE_DEVICES"] = cards[number % len(cards)]
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
