"""One network to be scored, as it travels to where it is scored, and what comes back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zennas.architecture.structure import parse_structure
from zennas.errors import ScoreError
from zennas.input_size import Resolution
from zennas.memory import is_shortage
from zennas.scores.registry import ScoreSettings, compute_score, registered_score
from zennas.searching.plugins import load_plugins
from zennas.threads import torch_threads


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a network could not be scored."""

    reason: str


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """A network as its structure string, and how to score it.

    Attributes:
        plugins: modules to import first; they register users' blocks and scores.
    """

    score: str
    structure: str
    resolution: Resolution
    settings: ScoreSettings
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A score and its single repeats."""

    score: float
    repeats: tuple[float, ...] = ()


Execute = Callable[[Sequence[ScoreTask]], "list[Outcome | Failure]"]
"""Carries tasks out, anywhere, and returns their outcomes in the order of the tasks."""


def run_task(task: ScoreTask) -> Outcome | Failure:
    """Score one network in this process, on one thread, so that the result is the same wherever it runs.

    A network that the score refuses, or that does not fit into memory, is a failure with its reason: an error is
    never a score. Any other exception is a bug and is raised.
    """
    load_plugins(task.plugins)
    architecture = parse_structure(task.structure)
    with torch_threads(1 if registered_score(task.score).needs_torch else None):
        try:
            result = compute_score(task.score, architecture, task.resolution, task.settings)
        except ScoreError as error:
            return Failure(str(error))
        except (MemoryError, RuntimeError) as error:
            if not is_shortage(error):
                raise
            return Failure("out of memory")
    return Outcome(result.score, result.repeats)
