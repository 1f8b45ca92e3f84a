"""Which networks to train, so that accuracy is learned best from them: choices by name, made without any accuracy."""

from collections.abc import Callable

import numpy as np

from zennas.accuracy.examples import Examples
from zennas.accuracy.learner import scaled
from zennas.accuracy.measures import Indices, Values
from zennas.errors import ZennasError
from zennas.optional_dependencies import unknown

Choice = Callable[[Examples, int, np.random.Generator], Indices]
"""Called with the networks that could be trained, how many will be, and what draws; returns places."""


FEW = 3
"""Candidates of each part, of which the one is taken that differs most from those taken before."""


def spread(pool: Examples, count: int, rng: np.random.Generator) -> Indices:
    """One network of each of `count` parts of equal size, from the lowest zero-shot score to the highest; of `FEW` that
    are drawn, the one whose features differ most from those of the networks taken before.

    More candidates a part would take the corners of a space, where no network is that anybody wants.

    Args:
        pool: the networks that could be trained.
        count: how many will be.
        rng: draws the candidates.
    """
    features, _ = scaled(pool.networks).standardised(pool.networks)
    parts = np.array_split(np.argsort(pool.networks.log_score, kind="stable"), count)
    taken: list[int] = []
    for part in (parts[place] for place in rng.permutation(count)):
        candidates = rng.choice(part, min(FEW, len(part)), replace=False)
        differences = features[candidates][:, None] - features[taken][None]
        distances = (differences**2).sum(axis=2).min(axis=1, initial=np.inf)
        taken.append(int(candidates[distances.argmax()]))
    return np.array(taken)


def by_score(pool: Examples, count: int, rng: np.random.Generator) -> Indices:
    """One network of each of `count` parts of equal size, from the lowest zero-shot score to the highest.

    Args:
        pool: the networks that could be trained.
        count: how many will be.
        rng: draws the one of each part.
    """
    return _one_of_each(pool.networks.log_score, count, rng)


def by_cost(pool: Examples, count: int, rng: np.random.Generator) -> Indices:
    """One network of each of `count` parts of equal size, from the fewest multiply-adds to the most.

    Args:
        pool: the networks that could be trained.
        count: how many will be.
        rng: draws the one of each part.
    """
    return _one_of_each(pool.flops, count, rng)


def _one_of_each(values: Values, count: int, rng: np.random.Generator) -> Indices:
    parts = np.array_split(np.argsort(values, kind="stable"), count)
    return np.array([rng.choice(part) for part in parts])


def at_random(pool: Examples, count: int, rng: np.random.Generator) -> Indices:
    """Any of them.

    Args:
        pool: the networks that could be trained.
        count: how many will be.
        rng: draws them.
    """
    return rng.choice(len(pool), count, replace=False)


CHOICES: dict[str, Choice] = {"spread": spread, "score": by_score, "cost": by_cost, "random": at_random}
"""The choices by name, the preferred one first."""
PREFERRED = "spread"


def choose(pool: Examples, count: int, rng: np.random.Generator, choice: str = PREFERRED) -> Indices:
    """Places of the networks to train.

    Args:
        pool: the networks that could be trained; their accuracies are not looked at.
        count: how many will be.
        rng: draws them.
        choice: of `CHOICES`.

    Raises:
        UnknownNameError: there is no such choice.
        ZennasError: there are fewer networks.
    """
    if choice not in CHOICES:
        raise unknown("choice of networks", choice, CHOICES)
    if count > len(pool):
        raise ZennasError(f"{count} networks cannot be chosen of {len(pool)}")
    return np.sort(CHOICES[choice](pool, count, rng))
