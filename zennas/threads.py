"""How many threads torch computes with on the CPU, in the words that every option and file has for it. Imports torch
only where a number is set."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from zennas.errors import ZennasError, shortened

AUTO: Literal["auto"] = "auto"
"""For trainings: the fastest number, measured at the start."""

AskedThreads = int | Literal["auto"]

THREADS_HELP = "Threads of the CPU that compute; the last bit of a sum depends on their number."
"""Of commands that leave the number to torch where none is given."""
TORCH_DEFAULT = "as many as torch takes"
TRAINING_THREADS_HELP = "Of the CPU: a number, or auto: the fastest, tried at the start."


def read_threads(given: Any) -> AskedThreads:
    """A number of threads for trainings, from what a user wrote: 1 or more, or `auto`. Raises `ZennasError`."""
    if given == AUTO:
        return AUTO
    try:
        count = 0 if isinstance(given, bool | float) else int(given)
    except (TypeError, ValueError):
        count = 0
    if count < 1:
        raise ZennasError(f"threads {shortened(given)} is not allowed; use a number from 1 on, or auto")
    return count


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """So many torch threads inside, and those of before outside.

    The order of float additions, and so the last bit of a result, depends on their number.

    Args:
        count: 1 or more; `None` leaves torch as it is, and does not import it.
    """
    if count is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
