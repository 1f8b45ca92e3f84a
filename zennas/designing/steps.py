"""A design, step after step. What a step does follows from the files that are there, and each file is written whole:
a design that is killed anywhere goes on where it was, and ends as if nothing had happened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zennas.designing.halving import next_rung, rungs
from zennas.designing.outputs import write_table, write_winner
from zennas.designing.plans import read_plan, write_plan
from zennas.designing.progress import Watcher, watched
from zennas.designing.proposing import propose
from zennas.designing.result import CANDIDATES, FAILED, FINAL, DesignResult, DesignRound, read_design
from zennas.designing.training import Trained, TrainTask
from zennas.errors import TrainingError
from zennas.io.text import write_text
from zennas.runs.carrying_out import RunContext
from zennas.searching.tasks import Failure

Train = Callable[[Sequence[TrainTask]], "list[Trained | Failure]"]
"""Carries trainings out, anywhere, and returns their outcomes in the order of the tasks."""


@dataclass(frozen=True)
class DesignContext:
    """What a design is carried out with.

    Attributes:
        train: carries trainings out.
        slots: trainings at the same time.
        threads: of torch, for the training of the winner; those of candidates have one.
        measured: whether that training takes the fastest number up to `threads`.
        search: of its searches.
        watch: is shown the progress.
    """

    train: Train
    slots: int = 1
    threads: int = 1
    measured: bool = False
    search: RunContext = field(default_factory=RunContext)
    watch: Watcher | None = None


def go_on(directory: Path, context: DesignContext) -> DesignResult:
    """Take all steps that are left.

    Args:
        directory: of the design, locked by this process.
        context: where trainings are carried out; on a CPU the result does not depend on it.

    Raises:
        TrainingError: all candidates of a round failed, or the winner's training did.
        ZennasError: a file is damaged, or the data cannot be used.
    """
    result = read_design(directory)
    for number in range(1, result.config.rounds + 1):
        _plan(directory, number, context)
        while _train_to_next_rung(directory, number, context):
            write_table(read_design(directory))
    write_table(read_design(directory))
    _train_winner(directory, context)
    result = read_design(directory)
    write_winner(result)
    return result


def _plan(directory: Path, number: int, context: DesignContext) -> None:
    if read_plan(directory, number) is not None:
        return
    with watched(directory, f"round {number}: searching", context.slots, context.watch):
        write_plan(propose(read_design(directory), number, context.search), directory, number)


def _train_to_next_rung(directory: Path, number: int, context: DesignContext) -> bool:
    """Train the candidates of a round that are still in to where they are compared next; whether there was any."""
    result = read_design(directory)
    config, round = result.config, result.rounds[number - 1]
    failed = {c.plan.name for c in round.candidates if c.failed}
    histories = {c.plan.name: c.accuracies for c in round.candidates}
    rung = next_rung(histories, failed, rungs(config.epochs, config.halvings))
    if rung is None:
        _check_some_left(round, config.epochs)
        return False
    networks = {c.plan.name: c.plan.structure for c in round.candidates}
    tasks = []
    for name in rung.names:
        training = config.train_config(
            networks[name], config.epochs, {"holdout": config.holdout, "holdout_seed": config.seed}
        )
        place = directory / CANDIDATES / name
        tasks.append(TrainTask(str(place), training.model_dump(), rung.epochs, 1))
    what = f"round {number}: {len(tasks)} candidate{'s' * (len(tasks) > 1)} to epoch {rung.epochs}"
    with watched(directory, what, context.slots, context.watch):
        outcomes = context.train(tasks)
    for task, outcome in zip(tasks, outcomes, strict=True):
        if isinstance(outcome, Failure):
            write_text(Path(task.directory) / FAILED, outcome.reason + "\n")
    return True


def _check_some_left(round: DesignRound, epochs: int) -> None:
    if round.candidates and not any(len(c.accuracies) >= epochs for c in round.candidates):
        first = next(c for c in round.candidates if c.failed)
        raise TrainingError(
            f"no candidate of round {round.number} could be trained to its end; {first.plan.name}: {first.failed}"
        )


def _train_winner(directory: Path, context: DesignContext) -> None:
    result = read_design(directory)
    if result.test_accuracy is not None:
        return
    config, winner = result.config, result.best
    assert winner is not None
    training = config.train_config(winner.plan.structure, config.final_epochs, {"evaluate": "end"})
    task = TrainTask(
        str(directory / FINAL),
        training.model_dump(),
        config.final_epochs,
        context.threads,
        context.measured,
    )
    what = f"training {winner.plan.name} in full"
    with watched(directory, what, 1, context.watch):
        outcome = context.train([task])[0]
    if isinstance(outcome, Failure):
        raise TrainingError(f"{directory / FINAL}: {outcome.reason}")
