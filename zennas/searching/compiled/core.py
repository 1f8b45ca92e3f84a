"""The rows of a search's candidates, and rounds that are carried out on them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.counting import count_super_block
from zennas.counting.budgets import Budget
from zennas.counting.count import FP32
from zennas.counting.deployed import storage
from zennas.counting.quantities import COUNTED_ALONE
from zennas.input_size import Resolution, sides
from zennas.optional_dependencies import installed
from zennas.scores.chains import COLUMNS, CountedChains
from zennas.scores.closed_form.state import IntMatrix, IntVector, Matrix, Vector
from zennas.searching.algorithms.algorithm import Offspring, Problem
from zennas.searching.compiled.bred import Bred, Rows, Types, super_block
from zennas.searching.compiled.count import COSTS, FLOPS, PARAMS, Counted
from zennas.searching.compiled.fitting import Bounds, Room
from zennas.searching.compiled.mutation import MOST_MUTATIONS, Numbers, most_parts, numbers_of, type_key
from zennas.searching.compiled.parts import Parts, nothing_known
from zennas.searching.compiled.program import FIELDS, Program, compiled_types
from zennas.searching.compiled.round import propose_round
from zennas.searching.compiled.seen import copy, see
from zennas.spaces.fitting import FIT_DRAWS

Integers = TypeVar("Integers", IntMatrix, Rows)
_CHAIN_ROWS = 1 << 13
_SPARE = 8
_ANY_RESOLUTION = 64


class Batch(NamedTuple):
    """The networks of a round that are new and within budgets, in order; one entry of every array each.

    Attributes:
        numbers: of the proposals in the round, from 0.
        parents: ids of the candidates that they are offspring of.
        mutations: how many there were.
        places: of the mutations, the index and the number of parts.
        mutated: rows of the parts of the mutations.
        costs: see `count.COSTS`.
        networks: super-blocks, and what is of no meaning behind them.
        lengths: super-blocks of each.
    """

    numbers: IntVector
    parents: IntVector
    mutations: IntVector
    places: IntMatrix
    mutated: IntMatrix
    costs: Matrix
    networks: IntMatrix
    lengths: IntVector


class Core:
    """Rows and hashes of all candidates of a search, and what makes new ones of them."""

    def __init__(self, problem: Problem, setting: Counted) -> None:
        """The core of a search that `core_of` found to have one."""
        self._problem, self._setting = problem, setting
        self._examples: list[SuperBlock] = []
        self._types: Types = ()
        self._numbers_of_types: dict[tuple[Any, ...], int] = {}
        self._program: Program | None = None
        self._numbers: Numbers | None = None
        self._convolve = np.empty(0, dtype=np.int64)
        self._bounds = _bounds(problem)
        self._rows: Rows = np.empty((1 << 10, FIELDS), dtype=np.int32)
        self._ends = np.zeros(1 << 8, dtype=np.int64)
        self._candidates = 0
        self._longest = 0
        self._parts = most_parts(problem.space, [])
        self._seen = np.zeros(1 << 12, dtype=np.uint64)
        self._count = 0
        self._room: Room | None = None
        self._chain_rows = _CHAIN_ROWS

    def take_types(self, blocks: Iterable[SuperBlock]) -> bool:
        """Take in the block types of super-blocks; whether all of them can be compiled."""
        examples = {type_key(block): block for block in blocks}
        new = [block for key, block in examples.items() if key not in self._numbers_of_types]
        if not new:
            return True
        self._examples += new
        program = compiled_types(self._examples)
        if program is None:
            return False
        self._program = program
        self._types = tuple(type_key(block) for block in self._examples)
        self._numbers_of_types = {key: number for number, key in enumerate(self._types)}
        counted = [count_super_block(block, _ANY_RESOLUTION).layers > 0 for block in self._examples]
        self._convolve = np.array(counted, dtype=np.int64)
        self._numbers = numbers_of(self._problem.space, self._numbers_of_types)
        return self._numbers is not None

    def _rows_of(self, networks: Sequence[tuple[SuperBlock, ...]]) -> tuple[IntMatrix, IntVector]:
        types = self._numbers_of_types
        rows = [
            (types[type_key(b)], b.in_channels, b.out_channels, b.stride, b.bottleneck, b.layers)
            for network in networks
            for b in network
        ]
        return np.array(rows, dtype=np.int64), np.cumsum([len(network) for network in networks])

    def add_candidates(self, networks: Sequence[tuple[SuperBlock, ...]]) -> None:
        """Take in the networks of candidates, in the order of their ids."""
        rows, ends = self._rows_of(networks)
        self._append(rows, np.diff(ends, prepend=0))
        self._parts = max(self._parts, most_parts(self._problem.space, networks))

    def see(self, networks: Sequence[tuple[SuperBlock, ...]]) -> int:
        """Remember networks; how many of them are new."""
        self._grow_seen(len(networks))
        added = see(self._seen, *self._rows_of(networks))
        self._count += added
        return added

    def _grow_seen(self, more: int) -> None:
        needed = 2 * (self._count + more)
        if needed > len(self._seen):
            larger = np.zeros(2 << needed.bit_length(), dtype=np.uint64)
            copy(self._seen, larger)
            self._seen = larger

    def _append(self, rows: IntMatrix, lengths: IntVector) -> None:
        first, before = self._candidates, int(self._ends[self._candidates])
        last, used = first + len(lengths), before + len(rows)
        self._rows, self._ends = _with_room(self._rows, used), _with_room(self._ends, last + 1)
        self._rows[before:used] = rows
        self._ends[first + 1 : last + 1] = before + np.cumsum(lengths)
        self._candidates = last
        self._longest = max(self._longest, int(lengths.max(initial=0)))

    def network(self, number: int) -> tuple[SuperBlock, ...]:
        """The network of a candidate."""
        rows = self._rows[self._ends[number] : self._ends[number + 1]].tolist()
        return tuple(super_block(self._types, row) for row in rows)

    def networks(self, batch: Batch) -> list[tuple[SuperBlock, ...]]:
        """The networks of the last round."""
        return [
            tuple(super_block(self._types, row) for row in rows[:length])
            for rows, length in zip(batch.networks.tolist(), batch.lengths.tolist(), strict=True)
        ]

    def propose(self, offspring: Offspring) -> tuple[Batch, CountedChains]:
        """The networks of a round that are new and within budgets, in order; the next round overwrites them.

        Args:
            offspring: parents, the probability ρ of each, and draws.
        """
        parents = offspring.parents
        ids = np.array([parent.id for parent in parents], dtype=np.int64)
        spans = np.stack([self._ends[ids], self._ends[ids + 1]], axis=1)
        # A single row of a larger array would be of a type of its own, for which all would be compiled again.
        rho, draws = np.array(offspring.rho), np.ascontiguousarray(offspring.draws)
        fits, fit_draws = offspring.fits, offspring.fit_draws
        if fits is None or fit_draws is None:
            fits, fit_draws = np.full(len(parents), -1), np.empty((len(draws), FIT_DRAWS))
        self._grow_seen(len(parents))
        assert self._program is not None
        assert self._numbers is not None
        while True:
            room = self._enough_room(len(parents))
            kept = propose_round(
                self._program,
                self._numbers,
                self._bounds,
                self._convolve,
                self._setting,
                self._rows,
                spans,
                rho,
                draws,
                fits,
                fit_draws,
                offspring.tries,
                self._seen,
                room,
            )
            if kept >= 0:
                break
            self._chain_rows *= 2
        self._count += kept
        longest = int(room.lengths[:kept].max(initial=0))
        numbers, places, mutations = room.iterations[:kept], room.places[:kept], room.mutations[:kept]
        ids = ids[numbers]
        made = np.arange(MOST_MUTATIONS) < mutations[:, None]
        costs = room.costs[:kept]
        chains = CountedChains(
            room.chain[: room.starts[kept]],
            room.starts[: kept + 1],
            np.ascontiguousarray(room.ends[:kept, :longest]),
            room.lengths[:kept],
            ids,
            np.where(made, places[:, :, 0], room.networks.shape[1]).min(axis=1),
            np.ascontiguousarray(costs[:, PARAMS]),
            np.ascontiguousarray(costs[:, FLOPS]),
        )
        batch = Batch(
            numbers,
            ids,
            mutations,
            places,
            room.mutated[:kept],
            costs,
            room.networks[:kept],
            room.lengths[:kept],
        )
        return batch, chains

    def keep(self, batch: Batch, places: IntVector, before: int, scores: Vector) -> Bred:
        """Take in the networks of the last round that became candidates.

        Args:
            batch: what `propose` returned.
            places: theirs in it.
            before: iterations before the round.
            scores: of each of them.
        """
        first = self._candidates
        networks, lengths = batch.networks[places], batch.lengths[places]
        rows = networks[np.arange(networks.shape[1]) < lengths[:, None]]
        self._append(rows, lengths)
        mutations, changes = batch.mutations[places], batch.places[places]
        made = np.arange(MOST_MUTATIONS) < mutations[:, None]
        widest = int(changes[:, :, 1].max(initial=1, where=made))
        parts = batch.mutated.shape[1] // MOST_MUTATIONS
        mutated = batch.mutated.reshape(-1, MOST_MUTATIONS, parts, FIELDS)
        return Bred(
            self._types,
            first,
            before + 1 + batch.numbers[places],
            batch.parents[places],
            scores,
            batch.costs[places],
            mutations,
            changes.astype(np.int32),
            mutated[:, :, :widest][places].astype(np.int32),
            rows.astype(np.int32),
            np.cumsum(lengths),
        )

    def within(self, costs: Matrix) -> list[IntVector]:
        """For each set of budgets the places of those that meet it.

        Args:
            costs: of networks that meet one of them; a row each.
        """
        bounds = self._bounds
        if len(bounds.sets) == 1:
            return [np.arange(len(costs))]
        values = costs[:, bounds.quantities]
        met = (bounds.low <= values) & (values <= bounds.high)
        return [np.flatnonzero(met[:, first:last].all(axis=1)) for first, last in bounds.sets]

    def _enough_room(self, size: int) -> Room:
        """Room for a round of so many proposals, the former one where it is enough."""
        longest, old = self._longest + MOST_MUTATIONS * self._parts, self._room
        shape = (size, self._chain_rows, MOST_MUTATIONS * self._parts)
        if (
            old is not None
            and (len(old.networks), len(old.chain), old.mutated.shape[1]) == shape
            and longest <= old.networks.shape[1]
        ):
            return old
        assert self._program is not None
        longest += _SPARE
        self._room = Room(
            np.empty(size, dtype=np.int64),
            np.empty((size, longest, FIELDS), dtype=np.int64),
            np.empty(size, dtype=np.int64),
            np.empty(size, dtype=np.int64),
            np.empty((size, MOST_MUTATIONS, 2), dtype=np.int64),
            np.empty((size, MOST_MUTATIONS * self._parts, FIELDS), dtype=np.int64),
            np.empty((size, len(COSTS))),
            np.empty((self._chain_rows, COLUMNS), dtype=np.int64),
            np.empty(size + 1, dtype=np.int64),
            np.empty((size, longest), dtype=np.int64),
            np.empty(size, dtype=np.int64),
            np.empty(self._program.places),
            Parts(
                np.empty((longest, len(COSTS)), dtype=np.int64),
                np.empty(longest),
                np.empty((longest + 1, 2), dtype=np.int64),
            ),
            nothing_known(self._program),
        )
        return self._room


def core_of(problem: Problem, resolution: Resolution, num_classes: int, dtype: str = FP32) -> Core | None:
    """The compiled core of a search; `None` where something of it has no compiled form: numba is missing, a block type
    cannot be traced, or there are mutation operators or quantities of a user's own.

    Args:
        problem: what is searched for; its costs are counted, none of them is predicted.
        resolution: size of the input.
        num_classes: outputs of the classifier.
        dtype: number type in which networks are deployed.
    """
    quantities = {budget.quantity for budgets in problem.budget_sets for budget in budgets}
    if not installed("numba") or COUNTED_ALONE or not quantities <= set(COSTS):
        return None
    space = problem.space
    ends = [space.stem] if space.head is None else [space.stem, space.head]
    stored = storage(dtype)
    setting = Counted(*sides(resolution), num_classes, stored.activation, stored.weight, stored.output)
    core = Core(problem, setting)
    plain = SuperBlock("", 1, 8, 8, 1, 8)
    whole = core.take_types([*(space.with_choice(plain, choice) for choice in space.choices), *ends, *space.start])
    return core if whole else None


def _with_room(array: Integers, needed: int) -> Integers:
    """An array with so many rows at least: twice as many as there were, where they are too few."""
    if needed <= len(array):
        return array
    more = np.empty((needed, *array.shape[1:]), dtype=array.dtype)
    return np.concatenate([array, more])


def _bounds(problem: Problem) -> Bounds:
    sets: list[tuple[int, int]] = []
    all_budgets: list[Budget] = []
    for budgets in problem.budget_sets:
        sets.append((len(all_budgets), len(all_budgets) + len(budgets)))
        all_budgets += budgets
    return Bounds(
        np.array(sets, dtype=np.int64),
        np.array([COSTS.index(budget.quantity) for budget in all_budgets], dtype=np.int64),
        np.array([budget.low for budget in all_budgets], dtype=np.float64),
        np.array([budget.high for budget in all_budgets], dtype=np.float64),
    )
