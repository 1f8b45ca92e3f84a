"""Candidates that compiled code made, as rows of numbers: objects are made of those that somebody asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from zennas.architecture.model import SuperBlock
from zennas.counting import Costs
from zennas.scores.closed_form.state import IntVector, Matrix, Vector
from zennas.searching.population import Candidate
from zennas.spaces.mutation import Mutation

Rows = npt.NDArray[np.int32]
"""Super-blocks or numbers of mutations in little space: all of them are below 2³¹."""
Types = tuple[tuple[Any, ...], ...]
"""Block types in the order of their numbers: block, kernel, and what stands behind a super-block's layers."""


def super_block(types: Types, row: Sequence[int]) -> SuperBlock:
    """A row as a super-block.

    Args:
        types: which the row's TYPE counts.
        row: see the columns of `zennas.searching.compiled.program`.
    """
    kind, in_channels, out_channels, stride, bottleneck, layers = row
    block, kernel, *rest = types[kind]
    return SuperBlock(block, kernel, in_channels, out_channels, stride, bottleneck, layers, *rest)


def counted_costs(row: Sequence[float]) -> Costs:
    """The costs of a row of `count.COSTS`."""
    params, flops, layers, convolutions, memory, effectiveness, weights, peak_memory = row
    return Costs(
        int(params),
        int(flops),
        int(layers),
        int(convolutions),
        int(memory),
        None,
        effectiveness if effectiveness == effectiveness else None,
        int(weights),
        int(peak_memory),
    )


class _Made(NamedTuple):
    """What one candidate is made of."""

    types: Types
    network: Rows
    mutations: int
    places: Rows
    mutated: Rows
    costs: Vector


class BredCandidate(Candidate):
    """A candidate whose network, mutations and costs become objects when they are asked for."""

    __slots__ = ("_made",)
    _made: _Made

    def __getattr__(self, name: str) -> Any:
        """What is not made yet; Python asks here for an attribute that is not set."""
        if name == "super_blocks":
            value: Any = tuple(super_block(self._made.types, row) for row in self._made.network.tolist())
        elif name == "mutations":
            made = self._made
            value = tuple(
                Mutation(index, tuple(super_block(made.types, row) for row in rows[:count]))
                for (index, count), rows in zip(
                    made.places[: made.mutations].tolist(), made.mutated.tolist(), strict=False
                )
            )
        elif name == "costs":
            value = counted_costs(self._made.costs.tolist())
        else:
            raise AttributeError(name)
        object.__setattr__(self, name, value)
        return value


@dataclass(frozen=True, eq=False)
class Bred(Sequence[Candidate]):
    """Candidates with ids one after another. Each becomes an object when it is asked for.

    Attributes:
        types: of super-blocks.
        first: id of the first.
        iterations: when each was proposed.
        parents: ids of those that they are offspring of.
        scores: of each.
        costs: see `count.COSTS`; a row each.
        mutations: how many each has.
        places: of their mutations, the index and the number of parts.
        mutated: the parts of their mutations, and what is of no meaning behind them.
        networks: super-blocks of all of them, one after another.
        ends: last row of each.
    """

    types: Types
    first: int
    iterations: IntVector
    parents: IntVector
    scores: Vector
    costs: Matrix
    mutations: IntVector
    places: Rows
    mutated: Rows
    networks: Rows
    ends: IntVector
    _objects: dict[int, Candidate] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.scores)

    @overload
    def __getitem__(self, place: int) -> Candidate: ...
    @overload
    def __getitem__(self, place: slice) -> list[Candidate]: ...
    def __getitem__(self, place: int | slice) -> Candidate | list[Candidate]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        place = range(len(self.scores))[place]
        found = self._objects.get(place)
        if found is None:
            found = self._objects[place] = self._candidate(place)
        return found

    def _candidate(self, place: int) -> Candidate:
        first = int(self.ends[place - 1]) if place else 0
        # Copies of its own: a candidate may outlive by far the others of its round.
        made = _Made(
            self.types,
            self.networks[first : self.ends[place]].copy(),
            int(self.mutations[place]),
            self.places[place].copy(),
            self.mutated[place].copy(),
            self.costs[place].copy(),
        )
        candidate = BredCandidate.__new__(BredCandidate)
        for name, value in (
            ("id", self.first + place),
            ("iteration", int(self.iterations[place])),
            ("parent", int(self.parents[place])),
            ("score", float(self.scores[place])),
            ("_made", made),
        ):
            object.__setattr__(candidate, name, value)
        return candidate

    def numbered(self, first: int, parents: Sequence[int]) -> "Bred":
        """The same candidates under other ids.

        Args:
            first: id of the first.
            parents: of each.
        """
        return replace(self, first=first, parents=np.array(parents, dtype=np.int64), _objects={})


def iterations_and_scores(candidates: Sequence[Candidate]) -> Iterable[tuple[int, float]]:
    """Iteration and score of each candidate, without objects being made of those that compiled code made."""
    if isinstance(candidates, Bred):
        return zip(candidates.iterations.tolist(), candidates.scores.tolist(), strict=True)
    return ((candidate.iteration, candidate.score) for candidate in candidates)


def joined(parts: Sequence[Bred]) -> Bred:
    """Candidates of one search, one after another.

    Args:
        parts: at least one; the ids go on from that of the first.
    """
    widest = max(part.mutated.shape[2] for part in parts)
    padded = [
        np.pad(part.mutated, ((0, 0), (0, 0), (0, widest - part.mutated.shape[2]), (0, 0)))
        if part.mutated.shape[2] < widest
        else part.mutated
        for part in parts
    ]
    rows = np.cumsum([0, *(len(part.networks) for part in parts)])
    return Bred(
        parts[0].types,
        parts[0].first,
        np.concatenate([part.iterations for part in parts]),
        np.concatenate([part.parents for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.costs for part in parts]),
        np.concatenate([part.mutations for part in parts]),
        np.concatenate([part.places for part in parts]),
        np.concatenate(padded),
        np.concatenate([part.networks for part in parts]),
        np.concatenate([part.ends + before for part, before in zip(parts, rows, strict=False)]),
    )
