"""The seam between a search and what decides which networks it tries.

A search asks its algorithm for proposals, a round at a time, and tells it the candidates that came of them. Everything
else is the search's: duplicates, budgets, scoring, workers, failures, what is kept on disk
(`zennas.searching.rounds.Search`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zennas.architecture.model import SuperBlock
from zennas.counting import Costs, count_layers
from zennas.counting.budgets import Budget, depth_within
from zennas.searching.population import Candidate, Population
from zennas.spaces.fitting import fit
from zennas.spaces.mutation import Mutation, applied
from zennas.spaces.operators import draw_offspring
from zennas.spaces.space import SearchSpace

Count = Callable[[tuple[SuperBlock, ...]], Costs]
"""Costs of a network in this search."""


@dataclass(frozen=True)
class Problem:
    """What is searched for.

    Attributes:
        space: which networks there are.
        budget_sets: the budgets within which a best network is wanted; a search has one set, a frontier several.
        count: costs of a network.
        iterations: proposals that are planned in all.
        population_size: candidates that an algorithm with a population keeps for each set of budgets.
    """

    space: SearchSpace
    budget_sets: Sequence[Sequence[Budget]]
    count: Count
    iterations: int
    population_size: int


class Proposal(NamedTuple):
    """A network to try; made by `offspring` or `founder`.

    Attributes:
        parent: the candidate that it was mutated from, if any.
        mutations: how, one after another.
        super_blocks: the network.
        otherwise: makes what is tried in its place where the network was there before or is within no budgets.
    """

    parent: Candidate | None
    mutations: tuple[Mutation, ...]
    super_blocks: tuple[SuperBlock, ...]
    otherwise: "Callable[[], Proposal] | None" = None


def offspring(
    parent: Candidate, mutations: tuple[Mutation, ...], otherwise: Callable[[], Proposal] | None = None
) -> Proposal:
    """The proposal of a parent's network with mutations applied one after another.

    Args:
        parent: a candidate.
        mutations: of its network.
        otherwise: see `Proposal`; by default nothing is tried in its place.
    """
    return Proposal(parent, mutations, applied(mutations, parent.super_blocks), otherwise)


def founder(super_blocks: tuple[SuperBlock, ...]) -> Proposal:
    """The proposal of a network that has no parent."""
    return Proposal(None, (), super_blocks)


@dataclass(frozen=True)
class Round:
    """What an algorithm makes the proposals of one round from.

    Attributes:
        iteration: proposals before this round.
        size: proposals wanted.
        rng: source of the round's randomness, and the only one allowed; it depends on the seed and `iteration` alone.
        populations: the best candidates so far within each set of budgets, in the order of `Problem.budget_sets`.
    """

    iteration: int
    size: int
    rng: np.random.Generator
    populations: Sequence[Population]

    @property
    def iterations(self) -> range:
        """The numbers of the proposals, from 1 in the first round."""
        return range(self.iteration + 1, self.iteration + 1 + self.size)

    def draws(self, count: int) -> list[Iterator[float]]:
        """For each proposal of the round an iterator of `count` uniform numbers in [0, 1)."""
        return [iter(row) for row in self.rng.random((self.size, count)).tolist()]


@dataclass(frozen=True)
class Offspring:
    """The proposals of a round where each is the offspring of a candidate by the mutation operators.

    Attributes:
        parents: of each proposal.
        rho: of each, the probability of a new block type.
        draws: of each try of each, `offspring_draws()` uniform numbers in [0, 1); those of a proposal stand together.
        fits: of each, the number of the set of budgets that it is fitted to (`zennas.spaces.fitting`), or −1; `None`
            where none is.
        fit_draws: of each try, `FIT_DRAWS` more numbers.
        tries: of each proposal: the first network that is new and within budgets is kept.
    """

    parents: Sequence[Candidate]
    rho: Sequence[float]
    draws: npt.NDArray[np.float64]
    fits: npt.NDArray[np.int64] | None = None
    fit_draws: npt.NDArray[np.float64] | None = None
    tries: int = 1

    def proposals(self, problem: Problem) -> Iterator[Proposal]:
        """The networks, one after another.

        Args:
            problem: has the space that they have to stay in, and the budgets that they are fitted to.
        """
        return (self._proposal(problem, number, 0) for number in range(len(self.parents)))

    def _proposal(self, problem: Problem, number: int, before: int) -> Proposal:
        """A proposal after so many tries."""
        parent, place = self.parents[number], number * self.tries + before
        mutations = draw_offspring(
            parent.super_blocks, self.rho[number], problem.space, iter(self.draws[place].tolist())
        )
        if self.fits is not None and self.fit_draws is not None and self.fits[number] >= 0:
            budgets = problem.budget_sets[self.fits[number]]
            changed = applied(mutations, parent.super_blocks)
            # One that is too deep fits with no width.
            if depth_within(count_layers(changed), budgets):
                fitted = fit(changed, problem.space, budgets, problem.count, self.fit_draws[place].tolist())
                mutations = mutations if fitted is None else (*mutations, fitted)
        more = before + 1 < self.tries
        return offspring(parent, mutations, partial(self._proposal, problem, number, before + 1) if more else None)


class Algorithm(ABC):
    """Decides which networks a search tries.

    Two runs of one seed must propose the same, on any number of workers and after a crash: randomness comes from
    `Round.rng` alone, and whatever is remembered from round to round, beside `Round.populations`, is in `state`.

    Attributes:
        problem: what is searched for; an algorithm may have its own way to mutate in the space.
        settles: share of the planned iterations until which it prepares for the last ones; 0 for one that may end at
            any time. A search whose time is over before says so.
    """

    settles: float = 0.0

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def propose(self, round: Round) -> Iterator[Proposal]:
        """The networks to try next, at most `round.size` of them are taken.

        Those that were tried before or do not meet the budgets are dropped by the search; each counts as an iteration.
        """

    def breed(self, round: Round) -> Offspring | None:
        """The same as `propose`, where the whole round is offspring by the mutation operators; else `None`.

        A search takes it in place of `propose` where it has compiled code for all of it. Either of the two is called.
        """
        return None

    def tell(self, candidates: Sequence[Candidate]) -> None:  # noqa: B027  (most algorithms need nothing more)
        """Learn what came of a round: the candidates that were scored, in the order of their proposals.

        The first call has the start of the search. An island is told of each candidate of another one in a call of its
        own, before a round.
        """

    def state(self) -> dict[str, Any]:
        """What is remembered, as JSON values; candidates by their ids."""
        return {}

    def restore(self, state: dict[str, Any], candidates: Sequence[Candidate]) -> None:  # noqa: B027  (as above)
        """Become again what `state` was called on.

        Args:
            state: what `state` returned, as JSON keeps it.
            candidates: all of the run so far; the index is the id.
        """
