"""The quantities a network costs: one table that budgets, options, files, tables, pages and figures iterate.

A quantity of your own is one entry and the function that counts it:

    def widest(super_blocks, resolution, num_classes):
        return max(block.out_channels for block in super_blocks)

    register_quantity(Quantity("widest", "widest map", WHOLE, "channels of the widest feature map", count=widest))

From there it is a budget (`zennas search --widest 64`, `zennas.search(widest=64)`), a column of `run.db`, of the CSV
files and of the tables, an axis of the report and of `plot_frontier`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from zennas.architecture.model import SuperBlock
from zennas.errors import BudgetError
from zennas.io.html import html_table
from zennas.optional_dependencies import unknown
from zennas.units import BYTES, COUNT, NUMBER, SECONDS, WHOLE, Unit

CountFunction = Callable[[tuple[SuperBlock, ...], Any, int], float]
"""Counts one quantity of super-blocks on an input of the given size, with so many classes; a size is a number of pixels
for a square, else a `zennas.input_size.Size`."""

COUNTED_ALONE: dict[str, CountFunction] = {}
"""Quantities with a function of their own, by name; the rest is counted in one pass over the super-blocks."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of one image through a network.

    Attributes:
        params: learnable values.
        flops: multiply-adds of convolutions and the classifier (the paper's FLOPs).
        layers: sum of the super-blocks' layers (the paper's depth).
        convolutions: convolutions, with projections and squeeze-excitation, without the classifier.
        memory: bytes of activations that are alive at once, at worst, in inference, a link's projection computed before
            the main path.
        latency: seconds an image, where a latency predictor was asked.
        effectiveness: ρ = L / w̄ of the main path's L convolutions, w̄ the geometric mean of their widths c_in·k²/groups
            (Shen et al. 2023, DeepMAD): deep and narrow networks have a large one.
        weights: bytes of weights, biases and scales as deployed (`zennas.counting.deployed`); `None` where a run is
            older than the quantity.
        peak_memory: bytes of activations that are alive at once, at worst, where operators run one by one in the order
            of an exported file, as in TensorFlow Lite Micro's arena: an operator's input and output, and the input of a
            residual unit until its link is added, element-wise operators in place, pooling and classifier too. `None`
            likewise.
        others: values of registered quantities (`zennas.counting.register_quantity`), by name. They are attributes too:
            `costs.widest`, `None` where the quantity was registered after the network was counted.
    """

    params: int
    flops: int
    layers: int
    convolutions: int
    memory: int
    latency: float | None = None
    effectiveness: float | None = None
    weights: int | None = None
    peak_memory: int | None = None
    others: tuple[tuple[str, float], ...] = ()

    if not TYPE_CHECKING:  # a type checker still reports fields that do not exist

        def __getattr__(self, name: str) -> float | None:
            # An instance that is being copied has no fields yet, nor `others`.
            for other, value in self.others if name != "others" else ():
                if other == name:
                    return value
            if name in COUNTED_ALONE:
                return None
            raise AttributeError(f"costs have no {name!r}")

    def _repr_html_(self) -> str:
        """A row for each known cost, for notebooks."""
        known = known_in([self])
        return html_table(["cost", "value"], [[quantity.title, quantity.show(self)] for quantity in known])


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing that a network costs.

    Attributes:
        name: what it is called in budgets, settings, files and JSON, e.g. `flops`.
        title: what tables call it, e.g. `multiply-adds`.
        unit: how its values are read and written.
        what: what it is, in a few words that go after "most", or after "largest" where it is no whole number.
        example: a budget as a user writes it, e.g. `1M`.
        option: the name of its option without dashes, where that is not its own.
        bounds_search: whether an upper bound on it keeps a search's networks from growing without end.
        least_in_smallest: whether the smallest network of a space has the least of it, so that a budget below that is
            known to be out of reach.
        integer: whether its values are whole numbers.
        predicted: whether it is predicted for a device, and known only where a predictor was asked; else it is counted.
        aside: whether a table with a column for each quantity has it only where there is a budget of it.
        count: counts it from the super-blocks, the side of the input and the number of classes; `None` for the fields
            of `Costs`, which are counted together in one pass.
    """

    name: str
    title: str
    unit: Unit
    what: str
    example: str = ""
    option: str = ""
    bounds_search: bool = True
    least_in_smallest: bool = True
    integer: bool = True
    predicted: bool = False
    aside: bool = False
    count: CountFunction | None = None

    @property
    def help(self) -> str:
        """What its option says."""
        text = f"{'Most' if self.integer else 'Largest'} {self.what}"
        return f"{text}, e.g. {self.example}." if self.example else f"{text}."

    def show(self, costs: Costs) -> str:
        """Its value in some costs with its unit, or `-` where it is not known."""
        value = getattr(costs, self.name)
        return "-" if value is None else self.unit.format(value)

    @property
    def column_type(self) -> str:
        """Its type in SQL."""
        return "INTEGER" if self.integer else "REAL"


QUANTITIES: dict[str, Quantity] = {}
"""All quantities by name, in the order in which they are listed everywhere."""


def register_quantity(quantity: Quantity) -> Quantity:
    """Add a quantity to the table.

    Args:
        quantity: has a `count` function, unless it is a field of `Costs`.

    Raises:
        BudgetError: its name is taken or no plain name, or nothing counts it.
    """
    name = quantity.name
    if not name.isidentifier() or name.startswith("_"):
        raise BudgetError(f"quantity {name!r} is not a plain name")
    if name in QUANTITIES:
        raise BudgetError(f"quantity {name!r} is registered already; give another name")
    is_field = name in {field.name for field in fields(Costs)}
    if is_field == (quantity.count is not None):
        raise BudgetError(
            f"quantity {name!r} is counted with the others; give another name"
            if is_field
            else f"quantity {name!r} needs a function that counts it: Quantity(…, count=…)"
        )
    QUANTITIES[name] = quantity
    if quantity.count is not None:
        COUNTED_ALONE[name] = quantity.count
    return quantity


def known_quantity(name: str, kind: str = "quantity") -> Quantity:
    """The quantity of that name.

    Args:
        name: as in the table.
        kind: what the error's message calls it.

    Raises:
        UnknownNameError: there is none; the message has the nearest names.
    """
    if name not in QUANTITIES:
        raise unknown(kind, name, QUANTITIES)
    return QUANTITIES[name]


def known_costs(costs: Costs) -> Mapping[str, float]:
    """The costs that are known, by name, in the table's order."""
    found = {name: getattr(costs, name) for name in QUANTITIES}
    return {name: value for name, value in found.items() if value is not None}


def known_in(many: Iterable[Costs]) -> list[Quantity]:
    """The quantities that at least one of several networks knows, in the table's order: the columns of their table."""
    costs = list(many)
    return [q for q in QUANTITIES.values() if any(getattr(c, q.name) is not None for c in costs)]


for _quantity in (
    Quantity("params", "params", COUNT, "parameters", "1M; 0.5M..1M for a range"),
    Quantity("flops", "multiply-adds", COUNT, "multiply-adds", "400M"),
    Quantity("layers", "layers", WHOLE, "layers", "18"),
    Quantity("convolutions", "convolutions", WHOLE, "convolutions, with projections and squeeze-excitation", "40"),
    Quantity("memory", "activation memory", BYTES, "bytes of activations an image, in --dtype", "8MB"),
    Quantity("latency", "latency", SECONDS, "time an image on a device", "0.5ms", integer=False, predicted=True),
    Quantity(
        "effectiveness", "effectiveness", NUMBER, "depth/width ratio ρ (DeepMAD)", "0.5", "max_effectiveness",
        bounds_search=False, least_in_smallest=False, integer=False,
    ),
    Quantity("weights", "weights", BYTES, "bytes of weights as deployed in --dtype", "250kB", aside=True),
    Quantity(
        "peak_memory", "peak memory", BYTES, "bytes of activations, operator by operator, in --dtype", "200kB",
        aside=True,
    ),
):  # fmt: skip
    register_quantity(_quantity)
