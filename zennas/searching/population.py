"""Candidates, and the best of them within budgets. The worst goes first, in O(log N)."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from zennas.architecture.model import SuperBlock
from zennas.counting import Costs
from zennas.counting.budgets import Budget, within
from zennas.spaces.mutation import Mutation


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored network.

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


@dataclass
class Population:
    """At most `size` candidates within `budgets`: a heap with the smallest score first.

    Of equal scores the younger goes first, so that a plateau keeps its founders.
    """

    budgets: Sequence[Budget]
    size: int
    heap: list[tuple[float, int, Candidate]] = field(default_factory=list)
    best: Candidate | None = None

    def offer(self, candidate: Candidate) -> bool:
        """Add a candidate that meets the budgets, and drop the worst beyond `size`; whether it improved the best."""
        if not within(candidate.costs, self.budgets):
            return False
        entry = (candidate.score, -candidate.id, candidate)
        if len(self.heap) < self.size:
            heapq.heappush(self.heap, entry)
        else:
            heapq.heappushpop(self.heap, entry)
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
        self.best = best
