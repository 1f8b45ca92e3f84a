"""Search spaces: which super-blocks there may be, and how wide and deep they may get; by name, open to users' own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zennas.architecture.model import TYPE_FIELDS, SuperBlock, smallest_side
from zennas.blocks.registry import expand
from zennas.errors import ArchitectureError, ZennasError, cut, shortened
from zennas.input_size import Resolution, sides
from zennas.optional_dependencies import unknown


@dataclass(frozen=True, slots=True)
class Range:
    """Allowed values from `low` to `high` in steps of `step`."""

    low: int
    high: int
    step: int = 1

    def near(self, value: int, factors: tuple[float, float]) -> range:
        """The allowed values between `value · factors[0]` and `value · factors[1]`; never empty.

        Args:
            value: what is there now; 0 gives the smallest value.
            factors: lower and upper one, e.g. half and double.
        """
        low = max(self.low, value * factors[0])
        high = min(self.high, value * factors[1])
        first = -(-int(-(-low // 1)) // self.step) * self.step
        last = int(high // self.step) * self.step
        if last < first:
            nearest = min(max(round(value / self.step) * self.step, self.low), self.high)
            return range(nearest, nearest + 1)
        return range(first, last + 1, self.step)

    def nearest(self, value: float) -> int:
        """The allowed value nearest to `value`, the larger one of two."""
        return min(max(int(value / self.step + 0.5) * self.step, self.low), self.high)

    def below(self, bound: int) -> range:
        """The allowed values up to `bound`; at least the smallest one."""
        return range(self.low, max(self.low, min(bound, self.high)) + 1, self.step)


@dataclass(frozen=True, slots=True)
class BlockChoice:
    """A basic block type: what Algorithm 3 draws uniformly from."""

    block: str
    kernel: int
    expansion: float = 0
    group_width: int = 0
    se: bool = False
    squeeze: int = 0
    activation: str = "relu"


@dataclass(frozen=True)
class SearchSpace:
    """A stem, one super-block a stage (which may split), and a head, a 1×1 convolution.

    Attributes:
        choices: the basic block types; a mutation draws one uniformly.
        stem: the first super-block; its width is searched in `stem_width`.
        head: the last super-block; its width is searched in `head_width`.
        stage_strides: stride of each stage's first super-block.
        width: output channels of the stages' super-blocks.
        bottleneck: inner channels.
        layers: layers of a super-block before it splits.
        split_at: a super-block that reaches so many layers becomes two, of 3 and the rest.
        mutation: factors between which a mutation moves widths and depths.
        frozen: parts that no mutation touches: `stem`, `head`.
        start: super-blocks to start from instead of a random small network.
        growing: whether no super-block of the stages is narrower than the one before it, as in published networks.
        together: share of the mutations of a width or a bottleneck, and of the widths that are fitted to a budget, in
            which both change and keep their proportion.
    """

    name: str
    choices: tuple[BlockChoice, ...]
    stage_strides: tuple[int, ...]
    stem: SuperBlock = SuperBlock("Conv", 3, 3, 16)
    head: SuperBlock | None = SuperBlock("Conv", 1, 16, 128)
    stem_width: Range = Range(8, 256, 8)
    head_width: Range = Range(64, 8192, 8)
    width: Range = Range(8, 4096, 8)
    bottleneck: Range = Range(8, 4096, 8)
    layers: Range = Range(1, 10)
    split_at: int = 6
    mutation: tuple[float, float] = (0.5, 2.0)
    frozen: frozenset[str] = frozenset()
    start: tuple[SuperBlock, ...] = ()
    growing: bool = False
    together: float = 0.0

    def __post_init__(self) -> None:
        if not self.choices:
            raise ZennasError(f"search space {shortened(self.name)}: choices is empty; give at least one block type")
        if not self.stage_strides:
            raise ZennasError(f"search space {shortened(self.name)}: stage_strides is empty; give at least one stage")
        wrong = self.frozen - {"stem", "head"}
        if wrong:
            raise ZennasError(f"cannot freeze {cut(', '.join(sorted(wrong)))}; allowed are stem and head")

    def with_choice(self, block: SuperBlock, choice: BlockChoice) -> SuperBlock:
        """`block` as another basic block type, its widths kept."""
        return replace(block, **{name: getattr(choice, name) for name in TYPE_FIELDS})

    def widths_at(self, super_blocks: Sequence[SuperBlock], index: int) -> Range:
        """The output channels that a super-block of the stages may have, the others as they are.

        Args:
            super_blocks: the network.
            index: of the super-block, neither the stem's nor the head's.
        """
        if not self.growing:
            return self.width
        before = super_blocks[index - 1].out_channels if index > 1 else self.width.low
        last = len(super_blocks) - 1 - (self.head is not None)
        after = super_blocks[index + 1].out_channels if index < last else self.width.high
        return Range(max(self.width.low, before), min(self.width.high, after), self.width.step)

    def split(self, block: SuperBlock) -> tuple[SuperBlock, ...]:
        """The super-block, or what it splits into once it has `split_at` layers or more."""
        if block.layers < self.split_at:
            return (block,)
        parts = []
        while block.layers >= self.split_at:
            parts.append(replace(block, layers=3))
            block = replace(block, layers=block.layers - 3, in_channels=block.out_channels, stride=1)
        return (*parts, block)

    def with_channels(self, channels: int | None) -> "SearchSpace":
        """The same space for images of that many channels; `None` leaves it as it is."""
        return self if channels is None else replace(self, stem=self.stem.resized(channels, self.stem.layers))

    def check_resolution(self, resolution: Resolution) -> None:
        """Raises `ArchitectureError` where the strides leave nothing to halve."""
        strides = [s for s in (self.stem.stride, *self.stage_strides) if s > 1]
        smallest = smallest_side(strides)
        if min(sides(resolution)) < smallest:
            raise ArchitectureError(
                f"resolution {resolution} is too small for the {len(strides)} strides of the {self.name} space; "
                f"use {smallest} or more"
            )


SpaceFunction = Callable[[Any], SearchSpace]
"""Makes a space for inputs of a size: a number of pixels for a square, else a `zennas.input_size.Size`."""

_SPACES: dict[str, SpaceFunction] = {}


def register_space(name: str, replace_existing: bool = False) -> Callable[[SpaceFunction], SpaceFunction]:
    """Register the decorated function `(resolution) -> SearchSpace` as the search space `name`.

        @register_space("thin")
        def thin(resolution):
            return replace(search_space("resnet", resolution), name="thin", width=Range(8, 64, 8))

    Args:
        name: what `--space`, `zennas.search` and the `base` of a space file call it; letters, digits, `_` and `-`.
        replace_existing: whether a space of that name may be there already.

    Raises:
        ZennasError: the name is not a plain one, or is taken.
    """

    def register(function: SpaceFunction) -> SpaceFunction:
        if not name.replace("-", "_").isidentifier():
            raise ZennasError(f"search space {name!r} is not a plain name; use letters, digits, _ and -")
        if name in _SPACES and not replace_existing:
            raise ZennasError(f"search space {name!r} is registered already; give another name")
        _SPACES[name] = function
        return function

    return register


def space_names() -> list[str]:
    """Names of all registered search spaces."""
    return list(_SPACES)


def search_space(name: str, resolution: Resolution, se: bool = False) -> SearchSpace:
    """A registered space for inputs of that size.

    Args:
        name: `resnet` (the paper's Search Space I), `mobilenet` (its Search Space II), `regnet` (grouped bottlenecks),
            `inverted` (inverted residuals), or what `register_space` has added.
        resolution: size of the input in pixels: its side, or height and width.
        se: squeeze-excitation wherever the block types of the space can carry it (`squeeze_excited`).

    Raises:
        UnknownNameError: there is no such space; the message has the nearest names.
        ZennasError: `se` is asked for, and no block type of the space can carry it.
    """
    if name not in _SPACES:
        raise unknown("search space", name, _SPACES)
    space = _SPACES[name](resolution)
    return squeeze_excited(space) if se else space


def squeeze_excited(space: SearchSpace) -> SearchSpace:
    """The space with squeeze-excitation in every block type that can carry it: whose layers differ with it.

    Raises:
        ZennasError: there is no such block type, so that asking for it must be a mistake.
    """
    choices = tuple(replace(choice, se=_takes_se(space, choice)) for choice in space.choices)
    if not any(choice.se for choice in choices):
        blocks = ", ".join(dict.fromkeys(choice.block for choice in choices))
        raise ZennasError(
            f"the {space.name} space has no block type that can carry squeeze-excitation (it has {blocks}); "
            "leave se out, or search a space with MB blocks"
        )
    return replace(space, choices=choices)


def _takes_se(space: SearchSpace, choice: BlockChoice) -> bool:
    width = space.width.low
    plain = space.with_choice(SuperBlock("", 1, width, width, 1, space.bottleneck.low), choice)
    return expand(replace(plain, se=True)) != expand(replace(plain, se=False))
