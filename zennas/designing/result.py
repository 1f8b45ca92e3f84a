"""What a design has found so far: all of it is read from its directory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zennas.architecture.model import Architecture
from zennas.counting import Costs, costs
from zennas.designing.halving import extrapolated
from zennas.designing.plans import Planned, read_plan
from zennas.designing.settings import DesignConfig, read_design_config
from zennas.errors import RunError, ZennasError
from zennas.io.settings import CONFIG, read_settings
from zennas.io.text import read_text
from zennas.train.metrics import evaluated_rows, read_metrics

CANDIDATES, FINAL, SEARCHES = "candidates", "final", "searches"
FAILED = "failed.txt"
BEST, WEIGHTS, TABLE = "best.yaml", "best.safetensors", "candidates.csv"


@dataclass(frozen=True)
class DesignCandidate:
    """A network that was trained for a short time.

    Attributes:
        plan: what it is and why it was chosen.
        round: from 1.
        accuracies: on the held-out images, of each epoch so far.
        seconds: of its optimiser steps.
        failed: why it could not be trained, or empty.
    """

    plan: Planned
    round: int
    accuracies: tuple[float, ...]
    seconds: float
    failed: str = ""

    @property
    def accuracy(self) -> float | None:
        """On the held-out images after its last epoch so far."""
        return self.accuracies[-1] if self.accuracies else None


@dataclass(frozen=True)
class DesignRound:
    """A round.

    Attributes:
        note: what its candidates were chosen by.
    """

    number: int
    note: str
    candidates: tuple[DesignCandidate, ...]


@dataclass(frozen=True)
class DesignResult:
    """A design, finished or not.

    Attributes:
        rounds: those that were begun.
        final: rows of metrics of the winner's training in full.
        final_begun: whether that has begun.
        final_threads: of torch in it, once it has begun; `None` where it leaves them to torch, as on a GPU.
    """

    directory: Path
    config: DesignConfig
    rounds: tuple[DesignRound, ...]
    final: tuple[dict[str, float], ...]
    final_begun: bool
    final_threads: int | None = None

    @property
    def candidates(self) -> list[DesignCandidate]:
        """Those of all rounds."""
        return [candidate for round in self.rounds for candidate in round.candidates]

    @property
    def best(self) -> DesignCandidate | None:
        """The candidate of the highest accuracy among those that were trained to the end, or, before one was, among
        those of the most epochs; `None` before anything is measured."""
        measured = [c for c in self.candidates if c.accuracies and not c.failed]
        most = max((len(c.accuracies) for c in measured), default=0)
        return max((c for c in measured if len(c.accuracies) == most), key=lambda c: c.accuracies[-1], default=None)

    @property
    def winner(self) -> DesignCandidate | None:
        """The candidate that is trained in full; `None` before that begins."""
        return self.best if self.final_begun else None

    @property
    def test_accuracy(self) -> float | None:
        """Of the winner, trained in full on all training images, on the test images; `None` before that is over."""
        if len(self.final) < self.config.final_epochs:
            return None
        return self.final[-1]["accuracy"]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to be done."""
        return self.test_accuracy is not None and (self.directory / BEST).is_file()

    @cached_property
    def estimates(self) -> dict[str, float]:
        """The accuracy of each measured candidate at the last epoch by name, estimated where it was given up on."""
        found: dict[str, float] = {}
        for round in self.rounds:
            measured = [c for c in round.candidates if c.accuracies and not c.failed]
            values = extrapolated([c.accuracies for c in measured], self.config.epochs)
            found |= {c.plan.name: value for c, value in zip(measured, values, strict=True)}
        return found

    @property
    def seconds(self) -> float:
        """Of the optimiser steps of all trainings."""
        return sum(c.seconds for c in self.candidates) + self.final_seconds

    @property
    def final_seconds(self) -> float:
        """Of the optimiser steps of the winner's training in full."""
        return training_seconds(self.final, self.config.images or 0)

    def architecture(self, candidate: DesignCandidate) -> Architecture:
        """A candidate's network, for the data's images and classes."""
        blocks = candidate.plan.architecture.super_blocks
        return Architecture(blocks, candidate.plan.name, self.config.resolution, self.config.num_classes)

    def costs(self, candidate: DesignCandidate) -> Costs:
        """What a candidate's network costs."""
        return costs(self.architecture(candidate))


def training_seconds(rows: Sequence[dict[str, float]], images: float) -> float:
    """Seconds of a training's optimiser steps.

    Args:
        rows: of its metrics.
        images: of an epoch.
    """
    return sum(images / row["images_per_second"] for row in rows)


def is_design(directory: Path) -> bool:
    """Whether a directory is that of a design; damaged settings are told by whoever reads them."""
    try:
        return "final_epochs" in read_settings(directory, "design", RunError)
    except ZennasError:
        return False


def read_design(directory: str | os.PathLike[str]) -> DesignResult:
    """A design as it is on disk, finished or not. Nothing is written.

    Args:
        directory: of the design.

    Raises:
        RunError: there is no design.
        ZennasError: a file of it is damaged.
    """
    place = Path(directory)
    config = read_design_config(place)
    rounds = []
    for number in range(1, config.rounds + 1):
        plan = read_plan(place, number)
        if plan is None:
            break
        found = tuple(_candidate(place, config, number, planned) for planned in plan.candidates)
        rounds.append(DesignRound(number, plan.note, found))
    final = tuple(read_metrics(place / FINAL))
    begun = (place / FINAL / CONFIG).is_file()
    return DesignResult(place, config, tuple(rounds), final, begun, _final_threads(place) if begun else None)


def _final_threads(directory: Path) -> int | None:
    threads = read_settings(directory / FINAL, "training run", RunError).get("threads")
    return threads if isinstance(threads, int) else None


def _candidate(directory: Path, config: DesignConfig, number: int, planned: Planned) -> DesignCandidate:
    place = directory / CANDIDATES / planned.name
    rows = read_metrics(place)
    failed = read_text(place / FAILED).strip() if (place / FAILED).is_file() else ""
    learned = (1 - config.holdout) * (config.images or 0)
    accuracies = tuple(row["accuracy"] for row in evaluated_rows(rows))
    return DesignCandidate(planned, number, accuracies, training_seconds(rows, learned), failed)


def candidate_rows(result: DesignResult) -> list[dict[str, Any]]:
    """The rows of `candidates.csv`: what was trained, what was expected and what came out, in the order of training."""
    rows = []
    for candidate in result.candidates:
        plan, counted = candidate.plan, result.costs(candidate)
        estimate = result.estimates.get(plan.name)
        rows.append(
            {
                "name": plan.name,
                "round": candidate.round,
                "why": plan.why,
                "score": plan.score,
                "predicted": plan.predicted,
                "std": plan.std,
                "improvement": plan.improvement,
                "epochs": len(candidate.accuracies),
                "accuracy": None if candidate.accuracy is None else 100 * candidate.accuracy,
                "estimated": None if estimate is None else 100 * estimate,
                "failed": candidate.failed or None,
                "params": counted.params,
                "flops": counted.flops,
                "layers": counted.layers,
                "convolutions": counted.convolutions,
                "seconds": round(candidate.seconds, 3),
                "structure": plan.structure,
            }
        )
    return rows
