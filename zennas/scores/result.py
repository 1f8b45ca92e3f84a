"""What a score comes as: a mean over repeats with its uncertainty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from zennas.errors import ScoreError

# 97.5 % quantiles of Student's t at 1 to 30 degrees of freedom; the tail follows from its expansion in 1/df.
_T_975 = (
    12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139,
    2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963,
    2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.045230, 2.042272,
)  # fmt: skip


def t_quantile_975(degrees: int) -> float:
    """The 97.5 % quantile of Student's t distribution."""
    if degrees <= len(_T_975):
        return _T_975[degrees - 1]
    z = 1.959963985
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + math.fsum(term / degrees**power for power, term in enumerate(terms, start=1))


@dataclass(frozen=True)
class Score:
    """A network's score.

    Attributes:
        score: the mean over repeats.
        std_error: standard error of that mean; of a deterministic score, its measured model error.
        ci95: 95 % interval (Student's t over the repeats).
        seconds: wall time of the computation.
        repeats: the single values, in order; empty for a deterministic score.
        name: name of the score.
        contributions: ½·log σ² of each convolution on the main path, in order, where the score has them.
    """

    score: float
    std_error: float
    ci95: tuple[float, float]
    seconds: float
    repeats: tuple[float, ...] = ()
    name: str = ""
    contributions: tuple[float, ...] = field(default=(), repr=False)

    def as_json(self) -> dict[str, object]:
        """The keys of the command line's `--json`."""
        interval = [None if math.isinf(bound) else bound for bound in self.ci95]
        error = None if math.isinf(self.std_error) else self.std_error
        return {
            "score": self.score,
            "std_error": error,
            "ci95": interval,
            "seconds": self.seconds,
            "name": self.name,
            "repeats": list(self.repeats),
        }


def check_counts(batch_size: int, repeats: int) -> None:
    """Refuse what a Monte Carlo score cannot be computed from.

    Args:
        batch_size: images of a repeat.
        repeats: independent draws.

    Raises:
        ScoreError: fewer than two images, or no repeat.
    """
    if batch_size < 2:
        raise ScoreError(f"batch size {batch_size} is not allowed; batch statistics need 2 images or more")
    if repeats < 1:
        raise ScoreError(f"{repeats} repeats are not allowed; use 1 or more")


def score_from_repeats(
    name: str, values: Sequence[float], seconds: float, contributions: Sequence[float] = ()
) -> Score:
    """Mean, standard error and interval of independent repeats; of one repeat the error is infinite.

    Args:
        name: of the score.
        values: one a repeat.
        seconds: wall time of all of them.
        contributions: ½·log σ² of each convolution on the main path, where the score has them.

    Raises:
        ScoreError: a value is not a finite number.
    """
    for value in values:
        if not math.isfinite(value):
            raise ScoreError(f"the {name} score came out as {value}: numerically meaningless for this network")
    mean = fmean(values)
    if len(values) == 1:
        return Score(mean, math.inf, (-math.inf, math.inf), seconds, tuple(values), name, tuple(contributions))
    error = stdev(values) / math.sqrt(len(values))
    half = t_quantile_975(len(values) - 1) * error
    return Score(mean, error, (mean - half, mean + half), seconds, tuple(values), name, tuple(contributions))
