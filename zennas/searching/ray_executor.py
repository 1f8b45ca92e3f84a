"""Tasks on a Ray cluster: for a search, structure strings out and numbers back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from zennas.errors import ZennasError
from zennas.optional_dependencies import require
from zennas.searching.tasks import Failure

Task = TypeVar("Task")
Done = TypeVar("Done")
Submit = Callable[[Sequence[Any]], Any]
"""Hands tasks to the cluster as one of its own; what comes back stands for their outcomes."""

MAX_CRASHES = 3
"""A network that kills its worker so many times is recorded as failed."""
MAX_CHUNK = 8
"""Networks of one Ray task at most."""
MAX_LOSSES = 100
"""Resubmissions of a task whose node went away; those are not the network's fault."""


@contextmanager
def ray_executor(
    address: str, cpus: float, gpus: float, run: Callable[[Task], Done | Failure], most: int = MAX_CHUNK
) -> Iterator[Callable[[Sequence[Task]], list[Done | Failure]]]:
    """Connect to a cluster.

    Args:
        address: of the cluster; `auto` is the running one, else a new one on this machine.
        cpus: CPUs that a task takes.
        gpus: GPUs that a task takes.
        run: carries one of the tasks out that are given to what is yielded.
        most: of those tasks that share one of Ray's.

    Raises:
        MissingExtraError: Ray is not installed.
        ZennasError: no cluster answers at the address.
    """
    ray = require("ray", "ray", "--ray")
    joined = not ray.is_initialized()
    if joined:
        _connect(ray, address)
    # Retries are counted here, not by Ray: only here a network's crash can be told from a node's end.
    remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(_run_all)

    def submit(chunk: Sequence[Task]) -> Any:
        return remote.remote(run, list(chunk))

    slots = max(1.0, ray.cluster_resources().get("CPU", 1.0) / max(cpus, 0.01))

    def execute(tasks: Sequence[Task]) -> list[Done | Failure]:
        # A Ray task costs its driver about a millisecond: several networks share one where enough are left for all.
        size = max(1, min(most, int(len(tasks) / (4 * slots))))
        chunks = [tasks[start : start + size] for start in range(0, len(tasks), size)]
        references = [submit(chunk) for chunk in chunks]
        outcomes: list[Done | Failure] = []
        for chunk, reference in zip(chunks, references, strict=True):
            outcomes += _outcomes(ray, submit, chunk, reference)
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


def _run_all(run: Callable[[Any], Any], tasks: list[Any]) -> list[Any]:
    return [run(task) for task in tasks]


def _outcomes(ray: Any, submit: Submit, chunk: Sequence[Any], reference: Any) -> list[Any]:
    if len(chunk) > 1:
        try:
            outcomes: list[Any] = ray.get(reference)
            return outcomes
        except _lost(ray):
            # Alone, a network shows whether it is the one that kills.
            references = [submit([task]) for task in chunk]
            return [_outcome(ray, submit, task, ref) for task, ref in zip(chunk, references, strict=True)]
    return [_outcome(ray, submit, chunk[0], reference)]


def _lost(ray: Any) -> tuple[type[Exception], ...]:
    errors = ray.exceptions
    return errors.NodeDiedError, errors.WorkerCrashedError, errors.OutOfMemoryError, errors.ObjectLostError


def _outcome(ray: Any, submit: Submit, task: Any, reference: Any) -> Any:
    crashes = losses = 0
    while crashes < MAX_CRASHES and losses < MAX_LOSSES:
        try:
            return ray.get(reference)[0]
        except ray.exceptions.NodeDiedError:
            losses += 1
        except ray.exceptions.WorkerCrashedError:
            crashes += 1
        except ray.exceptions.OutOfMemoryError:
            return Failure("out of memory")
        except ray.exceptions.ObjectLostError:
            losses += 1
        reference = submit([task])
    return Failure(f"killed its worker {crashes} times" if crashes else f"its node went away {losses} times")
