"""Candidates, and the best of them within budgets. The worst goes first, in O(log N)."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter

from zennas.architecture.model import SuperBlock
from zennas.counting import Costs
from zennas.counting.budgets import Budget, within
from zennas.spaces.mutation import Mutation


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A scored network. What compiled code made is a subclass, and equal to the same made by hand.

    Attributes:
        id: its number in the run, from 0 in the order of scoring.
        iteration: when it was proposed; 0 is the start.
        parent: id of the network that it was mutated from; −1 for a start and for a random network.
        mutations: what was mutated, in order; nothing without a parent.
        super_blocks: the network.
        score: the value of the score that the search maximises.
        costs: what the network costs.
    """

    id: int
    iteration: int
    parent: int
    mutations: tuple[Mutation, ...]
    super_blocks: tuple[SuperBlock, ...]
    score: float
    costs: Costs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Candidate) and _VALUES(self) == _VALUES(other)

    def __hash__(self) -> int:
        return hash((self.id, self.iteration, self.parent, self.score))


_VALUES = attrgetter(*(field.name for field in fields(Candidate)))


@dataclass
class Population:
    """At most `size` candidates within `budgets`: a heap with the smallest score first.

    Of equal scores the younger goes first, so that a plateau keeps its founders.

    Attributes:
        heap: score, −id and candidate of each.
        best: the highest score of all that were offered.
        members: ids of those in the heap.
    """

    budgets: Sequence[Budget]
    size: int
    heap: list[tuple[float, int, Candidate]] = field(default_factory=list)
    best: Candidate | None = None
    members: set[int] = field(default_factory=set, init=False)

    def offer(self, candidate: Candidate) -> bool:
        """Add a candidate that meets the budgets, and drop the worst beyond `size`; whether it improved the best."""
        if not within(candidate.costs, self.budgets):
            return False
        return self.enter(candidate)

    def offer_each(self, candidates: Sequence[Candidate], scores: Sequence[float], places: Iterable[int]) -> None:
        """Offer several candidates in order. Only those that enter are taken out of `candidates`.

        Args:
            candidates: of a round.
            scores: of all of them.
            places: of those that meet the budgets.
        """
        for place in places:
            if self.would_enter(scores[place]):
                self.enter(candidates[place])

    @property
    def full(self) -> bool:
        """Whether one has to go for each that enters."""
        return len(self.heap) == self.size

    def would_enter(self, score: float) -> bool:
        """Whether a candidate of that score, younger than all others and within the budgets, enters."""
        return not self.full or score > self.heap[0][0] or self.best is None

    def enter(self, candidate: Candidate) -> bool:
        """`offer` for a candidate that is known to meet the budgets."""
        entry = (candidate.score, -candidate.id, candidate)
        self.members.add(candidate.id)
        if self.full:
            self.members.discard(heapq.heappushpop(self.heap, entry)[2].id)
        else:
            heapq.heappush(self.heap, entry)
        if self.best is None or candidate.score > self.best.score:
            self.best = candidate
            return True
        return False

    def pick(self, u: float) -> Candidate:
        """The parent for a uniform draw `u` in [0, 1)."""
        return self.heap[int(u * len(self.heap))][2]

    def ranked(self) -> list[Candidate]:
        """All candidates, the best first."""
        return [entry[2] for entry in sorted(self.heap, reverse=True)]

    def ids(self) -> list[int]:
        """The candidates' ids in heap order: with the candidates, all that is needed to restore it."""
        return [entry[2].id for entry in self.heap]

    def restore(self, candidates: Iterable[Candidate], best: Candidate | None) -> None:
        """Take over candidates in heap order."""
        self.heap = [(c.score, -c.id, c) for c in candidates]
        self.members = {entry[2].id for entry in self.heap}
        self.best = best


def members(populations: Sequence[Population]) -> set[int]:
    """Ids of all candidates in any of the populations."""
    return populations[0].members if len(populations) == 1 else set().union(*(p.members for p in populations))
