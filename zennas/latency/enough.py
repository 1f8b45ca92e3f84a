"""When enough networks were measured: a model that learned from half as many again is no better on held-out networks.

The rule, for measuring that is to take no longer than it pays: after `fewest` networks, and each time that there are
`GROWTH` times as many, a model learns from those that are not held out. It is compared with the model of the time
before on all networks held out so far, which neither has seen; the error is the mean of |log(predicted / measured)|.
Where the new model's is above `WORTH` times the old one's, measuring ends. The measurements alone decide: what comes
of a file is the same whenever it is asked. No torch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from zennas.architecture.model import SuperBlock
from zennas.latency.records import Corrected, Measured

GROWTH = 1.5
WORTH = 0.95
HELD_OUT = 5
"""Every fifth network is held out; it is measured twice."""

Predict = Callable[[tuple[SuperBlock, ...]], float]


def is_held_out(number: int) -> bool:
    """Whether a network is kept from the fit, to tell its error."""
    return number % HELD_OUT == HELD_OUT - 1


@dataclass(frozen=True)
class Check:
    """One look at whether measuring still pays.

    Attributes:
        networks: that were measured.
        older: error of the model of the check before.
        newer: error of the model that learned from all of these networks; both on the same ones.
    """

    networks: int
    older: float
    newer: float

    @property
    def ends(self) -> bool:
        """Whether the error has stopped falling."""
        return self.newer > WORTH * self.older


@dataclass
class Enough:
    """The rule, along a sequence of measurements.

    Attributes:
        fewest: networks before which measuring does not end.
        learn: a prediction learned from the networks of these measurements that are not held out.
        checks: so far.
        latest: what was learned last, and from how many networks.
    """

    fewest: int
    learn: Callable[[Measured], Predict]
    checks: list[Check] = field(default_factory=list)
    latest: tuple[Predict, int] | None = None

    @property
    def ended(self) -> bool:
        """Whether the last check said so."""
        return bool(self.checks) and self.checks[-1].ends

    def __call__(self, measured: Measured, networks: int) -> bool:
        """Whether measuring ends before the network of that number.

        Args:
            measured: has all before it.
            networks: that number.
        """
        if networks < self.fewest or (self.latest is not None and networks < math.ceil(GROWTH * self.latest[1])):
            return False
        before = measured.first(networks)
        corrected = Corrected(before)
        if not any(map(is_held_out, corrected.numbers())):
            return False
        newer = self.learn(before)
        older, self.latest = self.latest, (newer, networks)
        if older is None:
            return False
        self.checks.append(Check(networks, held_out_error(older[0], corrected), held_out_error(newer, corrected)))
        return self.ended


def held_out_error(predict: Predict, measured: Corrected) -> float:
    """Mean of |log(predicted / measured)| over the networks that are held out."""
    errors = [
        abs(math.log(predict(measured.networks[n]) / measured.latency(n))) for n in measured.numbers() if is_held_out(n)
    ]
    return sum(errors) / len(errors)
