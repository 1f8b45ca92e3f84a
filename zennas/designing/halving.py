"""Successive halving (Jamieson and Talwalkar 2016) over the epochs of a round's candidates, so that little time goes
into those that lose.

All of a round are trained to the first rung, the better half of them to the second, and so on to the last epoch. The
rungs are decided when all candidates are there: decisions that came in the order in which trainings end (Optuna's
pruners, ASHA) would depend on the number of workers, and a resumed design would be another one.

A candidate that was given up on has no accuracy at the last epoch. For the model that learns from them it gets what it
had at its last rung, and what those that went on gained from there on the average.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


def rungs(epochs: int, halvings: int) -> list[int]:
    """Epochs after which candidates are compared, the last one being that of all epochs.

    Args:
        epochs: of a candidate that is trained to its end.
        halvings: how often half of them is given up on; fewer where there are not so many epochs.
    """
    return sorted({max(1, -(-epochs // 2**power)) for power in range(halvings + 1)})


def survivors(accuracies: Mapping[str, float]) -> list[str]:
    """The better half, rounded up, the best first.

    Args:
        accuracies: by name; of equal ones the first named is the better.
    """
    ranked = sorted(accuracies, key=lambda name: -accuracies[name])
    return ranked[: -(-len(ranked) // 2)]


@dataclass(frozen=True)
class Rung:
    """What is to be trained next.

    Attributes:
        epochs: to which.
        names: of the candidates that are not there yet.
    """

    epochs: int
    names: tuple[str, ...]


def next_rung(histories: Mapping[str, Sequence[float]], failed: Collection[str], steps: Sequence[int]) -> Rung | None:
    """The next step of a round, or `None` where it is over: a function of what was measured alone.

    Args:
        histories: accuracies of the epochs so far, by name, in order.
        failed: names of those that cannot be trained any further.
        steps: the rungs.
    """
    names = list(histories)
    for epochs in steps:
        there = {name: histories[name][epochs - 1] for name in names if len(histories[name]) >= epochs}
        missing = tuple(name for name in names if name not in there and name not in failed)
        if missing:
            return Rung(epochs, missing)
        names = survivors(there)
    return None


def planned_epochs(count: int, steps: Sequence[int]) -> int:
    """Epochs of a round in which nothing fails.

    Args:
        count: candidates.
        steps: the rungs.
    """
    total = before = 0
    for epochs in steps:
        total, before = total + count * (epochs - before), epochs
        count = -(-count // 2)
    return total


def extrapolated(histories: Sequence[Sequence[float]], epochs: int) -> list[float]:
    """The accuracy of each candidate at the last epoch: its own, or an estimate where it was given up on.

    Args:
        histories: accuracies of each candidate's epochs; none is empty.
        epochs: of a candidate that is trained to its end.
    """
    finished = [history for history in histories if len(history) >= epochs]
    estimates = []
    for history in histories:
        reached = len(history)
        gains = [other[epochs - 1] - other[reached - 1] for other in finished] if reached < epochs else []
        gain = sum(gains) / len(gains) if gains else 0.0
        estimates.append(min(1.0, history[min(reached, epochs) - 1] + gain))
    return estimates
