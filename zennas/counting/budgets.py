"""Budgets: bounds on what a network may cost, any of them together."""

from collections.abc import Sequence
from dataclasses import dataclass

from zennas.counting.count import FP32
from zennas.counting.deployed import storage
from zennas.counting.quantities import QUANTITIES, Costs, known_quantity
from zennas.errors import BudgetError, shortened


@dataclass(frozen=True, slots=True)
class Budget:
    """`low ≤ quantity ≤ high`; latency in seconds an image, memory in bytes.

    Attributes:
        quantity: what is bounded, by its name.
        high: upper bound.
        low: lower bound.
        implied: whether it follows from another budget, and was not given.
    """

    quantity: str
    high: float = float("inf")
    low: float = 0
    implied: bool = False

    def __post_init__(self) -> None:
        known_quantity(self.quantity, "budget")
        if not self.low <= self.high or self.high <= 0:
            raise BudgetError(f"{self}: the upper bound must be positive and not below the lower one")

    def holds(self, value: float) -> bool:
        """Whether a value lies within the bounds."""
        return self.low <= value <= self.high

    def violation(self, value: float) -> float:
        """How far outside the bounds a value lies, relative to the bound; 0 inside."""
        if value > self.high:
            return value / self.high - 1
        return 1 - value / self.low if value < self.low else 0.0

    def show(self, value: float) -> str:
        """A value of this quantity with its unit."""
        return QUANTITIES[self.quantity].unit.format(value)

    def __str__(self) -> str:
        bounds = []
        if self.low > 0:
            bounds.append(f"≥ {self.show(self.low)}")
        if self.high < float("inf"):
            bounds.append(f"≤ {self.show(self.high)}")
        return f"{self.quantity} {' and '.join(bounds) or 'unbounded'}{' (implied)' if self.implied else ''}"


def parse_budget(quantity: str, text: str) -> Budget:
    """`"1M"` for an upper bound, `"0.5M..1M"` for both, `"0.5M.."` for a lower one alone. Raises `BudgetError`."""
    parse = known_quantity(quantity, "budget").unit.parse
    low, dots, high = text.partition("..")
    if not dots:
        low, high = "", text
    if not (low.strip() or high.strip()):
        raise BudgetError(f"{quantity}: {shortened(text)} has no bound; write it like 1M, 0.5M..1M or 0.5M..")
    try:
        return Budget(quantity, parse(high) if high.strip() else float("inf"), parse(low) if low.strip() else 0)
    except BudgetError:
        raise
    except Exception as error:
        raise type(error)(f"{quantity}: {error}") from None


def implied_flops(budgets: Sequence[Budget], flops_per_param: float, dtype: str = FP32) -> tuple[Budget, ...]:
    """The bound on multiply-adds where nothing but parameters or bytes of weights bound a network, else none.

    A parameter may work at any number of positions, so that parameters alone let a search put all of them on the
    largest maps: 25 M of them at 224×224 became 47 G multiply-adds.

    Args:
        budgets: those that were given.
        flops_per_param: most multiply-adds for each of the most parameters; 0: no bound.
        dtype: number type of the weights.
    """
    bounding = [b for b in budgets if b.high < float("inf") and QUANTITIES[b.quantity].bounds_search]
    if (
        not flops_per_param
        or not bounding
        or not {b.quantity for b in bounding} <= {"params", "weights"}
        or any(b.quantity == "flops" for b in budgets)
    ):
        return ()
    params = min(b.high / (storage(dtype).weight if b.quantity == "weights" else 1) for b in bounding)
    return (Budget("flops", flops_per_param * params, implied=True),)


def within(costs: Costs, budgets: Sequence[Budget]) -> bool:
    """Whether costs meet every budget."""
    return all(budget.low <= getattr(costs, budget.quantity) <= budget.high for budget in budgets)


def depth_within(layers: int, budgets: Sequence[Budget]) -> bool:
    """Whether so many layers meet every budget of layers: what can be told before the costs are counted."""
    return all(budget.low <= layers <= budget.high for budget in budgets if budget.quantity == "layers")


def total_violation(costs: Costs, budgets: Sequence[Budget]) -> float:
    """Sum of the relative violations; 0 where every budget is met."""
    return sum(budget.violation(getattr(costs, budget.quantity)) for budget in budgets)
