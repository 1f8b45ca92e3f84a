"""Tasks on a Ray cluster: structure strings out, numbers back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from zennas.errors import ZennasError
from zennas.optional_dependencies import require
from zennas.searching.tasks import Execute, Failure, Outcome, ScoreTask, run_task

MAX_CRASHES = 3
"""A network that kills its worker so many times is recorded as failed."""
MAX_CHUNK = 8
"""Networks of one Ray task at most."""
MAX_LOSSES = 100
"""Resubmissions of a task whose node went away; those are not the network's fault."""


@contextmanager
def ray_executor(address: str, cpus: float, gpus: float) -> Iterator[Execute]:
    """Connect to a cluster.

    Args:
        address: of the cluster; `auto` is the running one, else a new one on this machine.
        cpus: CPUs that a task takes.
        gpus: GPUs that a task takes.

    Raises:
        MissingExtraError: Ray is not installed.
        ZennasError: no cluster answers at the address.
    """
    ray = require("ray", "ray", "--ray")
    joined = not ray.is_initialized()
    if joined:
        _connect(ray, address)
    # Retries are counted here, not by Ray: only here a network's crash can be told from a node's end.
    remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(_run_tasks_remotely)
    slots = max(1.0, ray.cluster_resources().get("CPU", 1.0) / max(cpus, 0.01))

    def execute(tasks: Sequence[ScoreTask]) -> list[Outcome | Failure]:
        # A Ray task costs its driver about a millisecond: several networks share one where enough are left for all.
        size = max(1, min(MAX_CHUNK, int(len(tasks) / (4 * slots))))
        chunks = [list(tasks[start : start + size]) for start in range(0, len(tasks), size)]
        references = [remote.remote(chunk) for chunk in chunks]
        outcomes: list[Outcome | Failure] = []
        for chunk, reference in zip(chunks, references, strict=True):
            outcomes += _outcomes(ray, remote, chunk, reference)
        return outcomes

    try:
        yield execute
    finally:
        if joined:
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    try:
        ray.init(address=address, **options)
    except ConnectionError:
        if address != "auto":
            raise ZennasError(f"no Ray cluster answers at {address}; start one with `ray start --head`") from None
        ray.init(include_dashboard=False, **options)
    except (RuntimeError, ValueError) as error:
        raise ZennasError(f"cannot join the Ray cluster at {address}: {error}") from None


def _run_tasks_remotely(tasks: list[ScoreTask]) -> list[Outcome | Failure]:
    return [run_task(task) for task in tasks]


def _outcomes(ray: Any, remote: Any, chunk: list[ScoreTask], reference: Any) -> list[Outcome | Failure]:
    if len(chunk) > 1:
        try:
            outcomes: list[Outcome | Failure] = ray.get(reference)
            return outcomes
        except _lost(ray):
            # Alone, a network shows whether it is the one that kills.
            references = [remote.remote([task]) for task in chunk]
            return [_outcome(ray, remote, task, ref) for task, ref in zip(chunk, references, strict=True)]
    return [_outcome(ray, remote, chunk[0], reference)]


def _lost(ray: Any) -> tuple[type[Exception], ...]:
    errors = ray.exceptions
    return errors.NodeDiedError, errors.WorkerCrashedError, errors.OutOfMemoryError, errors.ObjectLostError


def _outcome(ray: Any, remote: Any, task: ScoreTask, reference: Any) -> Outcome | Failure:
    crashes = losses = 0
    while crashes < MAX_CRASHES and losses < MAX_LOSSES:
        try:
            outcome: Outcome | Failure = ray.get(reference)[0]
            return outcome
        except ray.exceptions.NodeDiedError:
            losses += 1
        except ray.exceptions.WorkerCrashedError:
            crashes += 1
        except ray.exceptions.OutOfMemoryError:
            return Failure("out of memory")
        except ray.exceptions.ObjectLostError:
            losses += 1
        reference = remote.remote([task])
    return Failure(f"killed its worker {crashes} times" if crashes else f"its node went away {losses} times")
