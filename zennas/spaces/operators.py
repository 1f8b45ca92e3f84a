"""Mutation operators: what makes a search's offspring, in a weighted table that users can add to.

At a full budget most changes of one super-block do not fit, and those that do make the network smaller. Offspring
therefore also have two super-blocks changed at once, or layers moved from one to another (measured in
docs/benchmarks.md).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from zennas.architecture.model import SuperBlock
from zennas.errors import ZennasError
from zennas.spaces.mutation import DRAWS, Mutation, applied, draw_mutation
from zennas.spaces.space import SearchSpace
from zennas.spaces.weighted import WeightedTable

CHANGE = "change super-block"
"""The operator that stands in for one that does not apply to a network."""
MOST_MOVED = 2
"""Layers that a move takes at most."""

OperatorFunction = Callable[[tuple[SuperBlock, ...], float, SearchSpace, Iterator[float]], tuple[Mutation, ...]]
"""`(super_blocks, rho, space, draws) -> mutations`, to be applied one after another; none where it does not apply."""


@dataclass(frozen=True)
class Operator:
    """A way to make offspring.

    Attributes:
        name: what it is called.
        function: makes the mutations.
        weight: how often it is taken, relative to the weights of the others.
        again: share of its offspring to which it is applied a second time.
        draws: uniform numbers in [0, 1) that it consumes at most.
    """

    name: str
    function: OperatorFunction
    weight: float
    again: float = 0.0
    draws: int = DRAWS

    @property
    def draws_in_all(self) -> int:
        """Draws that an offspring of it takes at most."""
        return 2 * self.draws + 1 if self.again else self.draws


_OPERATORS: dict[str, Operator] = {}
_table: WeightedTable[Operator] | None = None


def register_operator(
    name: str, weight: float, again: float = 0.0, draws: int = DRAWS, replace_existing: bool = False
) -> Callable[[OperatorFunction], OperatorFunction]:
    """Register the decorated function as a mutation operator.

    It is called with the super-blocks, the probability ρ of a new block type, the space and an iterator of uniform
    numbers in [0, 1), from which alone its randomness may come. It returns mutations that keep the network in the
    space, or none where it does not apply: then one super-block is changed instead.

    Args:
        name: what the operator is called.
        weight: how often it is taken, relative to the others' (`mutation_operators()`); 0 switches it off.
        again: share of its offspring, 0 to 1, to which it is applied a second time.
        draws: numbers that the function takes from the iterator at most.
        replace_existing: whether an operator of that name may be there already.

    Raises:
        ZennasError: the name is taken, or a number is out of its range.
    """

    def register(function: OperatorFunction) -> OperatorFunction:
        global _table
        if name in _OPERATORS and not replace_existing:
            raise ZennasError(f"operator {name!r} is registered already; give another name")
        if not 0 <= weight < float("inf") or not 0 <= again <= 1 or draws < 0:
            raise ZennasError(
                f"operator {name!r}: weight {weight}, again {again}, draws {draws} are not allowed; use a weight and "
                "draws of 0 or more, and 0 to 1 for again"
            )
        _OPERATORS[name] = Operator(name, function, weight, again, draws)
        _table = None
        return function

    return register


def mutation_operators() -> dict[str, Operator]:
    """All registered operators by name."""
    return dict(_OPERATORS)


def offspring_draws() -> int:
    """Uniform numbers in [0, 1) that `draw_offspring` consumes at most."""
    others = [operator.draws_in_all for operator in _OPERATORS.values() if operator.name != CHANGE]
    return 1 + max(others, default=0) + _OPERATORS[CHANGE].draws_in_all


def draw_offspring(
    super_blocks: tuple[SuperBlock, ...], rho: float, space: SearchSpace, draws: Iterator[float]
) -> tuple[Mutation, ...]:
    """Draw the mutations that make a search's offspring, to be applied one after another.

    An operator is drawn from the table; `change super-block` stands in for one that does not apply to this network.

    Args:
        super_blocks: the parent.
        rho: probability of a new block type.
        space: what the offspring has to stay in.
        draws: uniform numbers in [0, 1), of which at most `offspring_draws()` are consumed.

    Raises:
        ZennasError: a user's operator takes more draws than it was registered with.
    """
    operator = (_table or _weighed()).pick(next(draws))
    try:
        mutations = operator.function(super_blocks, rho, space, draws)
        if not mutations:
            operator = _OPERATORS[CHANGE]
            mutations = operator.function(super_blocks, rho, space, draws)
        if operator.again and next(draws) < operator.again:
            mutations += operator.function(applied(mutations, super_blocks), rho, space, draws)
    except StopIteration:
        raise ZennasError(
            f"mutation operators took more draws than they were registered with, the last of them {operator.name!r} "
            f"({operator.draws}); give register_operator as many draws as the function takes at most"
        ) from None
    return mutations


def _weighed() -> WeightedTable[Operator]:
    global _table
    if not any(operator.weight for operator in _OPERATORS.values()):
        raise ZennasError("every mutation operator has weight 0; register one with a weight above it")
    _table = WeightedTable((operator, operator.weight) for operator in _OPERATORS.values())
    return _table


@register_operator("move layers", weight=0.2, draws=3)
def move_layers(
    super_blocks: tuple[SuperBlock, ...], rho: float, space: SearchSpace, draws: Iterator[float]
) -> tuple[Mutation, ...]:
    """One or two layers go from one stage's super-block to another's; the depth stays.

    Args:
        super_blocks: the parent.
        rho: not used: block types stay.
        space: bounds of a super-block's layers.
        draws: uniform numbers in [0, 1), of which at most three are consumed.
    """
    inner = len(super_blocks) - 1 - (space.head is not None)
    if inner < 2:
        return ()
    giver, taker = (1 + int(next(draws) * inner) for _ in range(2))
    count = 1 + int(next(draws) * MOST_MOVED)
    given, taken = super_blocks[giver], super_blocks[taker]
    if giver == taker or given.layers - count < space.layers.low or taken.layers + count > space.layers.high:
        return ()
    less = given.resized(given.in_channels, given.layers - count)
    more = taken.resized(taken.in_channels, taken.layers + count)
    return Mutation(giver, (less,)), Mutation(taker, space.split(more))


@register_operator(CHANGE, weight=0.8, again=0.5)
def change_super_block(
    super_blocks: tuple[SuperBlock, ...], rho: float, space: SearchSpace, draws: Iterator[float]
) -> tuple[Mutation, ...]:
    """One super-block gets another type, width, bottleneck or depth (`draw_mutation`, Algorithm 3).

    Args:
        super_blocks: the parent.
        rho: probability of a new block type.
        space: the block types, widths and depths to draw from.
        draws: uniform numbers in [0, 1), of which at most `DRAWS` are consumed.
    """
    return (draw_mutation(super_blocks, rho, space, draws),)
