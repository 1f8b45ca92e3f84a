"""One training of a design, as it travels to where it is carried out: a run of `zennas train` in a directory that all
machines see."""

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from zennas.errors import LossError
from zennas.io.settings import CONFIG
from zennas.memory import memory_shortage
from zennas.searching.executors import stopping
from zennas.searching.tasks import Failure
from zennas.threads import AUTO, torch_threads


@dataclass(frozen=True, slots=True)
class TrainTask:
    """A training to be begun or gone on with.

    Attributes:
        directory: of the run.
        settings: fields of `TrainConfig`, for a run that is not there yet.
        until: epoch after which it pauses.
        threads: of torch on the CPU: the last bit of a sum depends on their number. A run that is there keeps its own.
        measured: whether a run that begins takes the fastest number up to `threads`.
    """

    directory: str
    settings: Mapping[str, Any]
    until: int
    threads: int
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that got to its epoch; what it reached is in its directory.

    Attributes:
        epochs: that are over.
    """

    epochs: int


class UnwantedError(Exception):
    """The training is no longer wanted; it goes on from its last checkpoint another time."""


def run_training(task: TrainTask) -> Trained | Failure:
    """Train to the task's epoch in this process.

    A loss that is no number and memory that is too small are failures of this network; any other error is raised, since
    it would meet every network.
    """
    try:
        with torch_threads(task.threads):
            return Trained(_train(task))
    except LossError as error:
        return Failure(str(error).partition(";")[0])
    except Exception as error:
        shortage = memory_shortage(error)
        if shortage is None:
            raise
        return Failure(shortage)
    finally:
        _give_back_memory()


def _give_back_memory() -> None:
    """Of a GPU, which other trainings may share: torch keeps what it has freed, and cycles keep networks until they are
    collected."""
    import torch

    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def _train(task: TrainTask) -> int:
    from zennas.train import resume_training, train

    directory, settings = Path(task.directory), dict(task.settings)
    opened = _opened(settings["data"])
    if (directory / CONFIG).is_file():
        result = resume_training(directory, watch=_end_if_unwanted, until=task.until, opened=opened)
    else:
        settings["threads"] = AUTO if task.measured else task.threads
        result = train(
            settings.pop("model"), directory, watch=_end_if_unwanted, until=task.until, opened=opened, **settings
        )
    return len(result.history)


@lru_cache(maxsize=1)
def _opened(data: str) -> Any:
    """A data set, read once for all the trainings of a process."""
    from zennas.train.datasets import open_data

    return open_data(data)


def _end_if_unwanted(_progress: object) -> None:
    if stopping():
        raise UnwantedError
