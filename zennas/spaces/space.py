"""Search spaces: which super-blocks there may be, and how wide and deep they may get."""

from dataclasses import dataclass, replace

from zennas.architecture.model import SuperBlock
from zennas.errors import ArchitectureError, ZennasError, cut, shortened
from zennas.optional_dependencies import unknown

SMALL_INPUT = 64


@dataclass(frozen=True, slots=True)
class Range:
    """Allowed values from `low` to `high` in steps of `step`."""

    low: int
    high: int
    step: int = 1

    def near(self, value: int, factors: tuple[float, float]) -> range:
        """The allowed values between `value · factors[0]` and `value · factors[1]`; never empty."""
        low = max(self.low, value * factors[0])
        high = min(self.high, value * factors[1])
        first = -(-int(-(-low // 1)) // self.step) * self.step
        last = int(high // self.step) * self.step
        if last < first:
            nearest = min(max(round(value / self.step) * self.step, self.low), self.high)
            return range(nearest, nearest + 1)
        return range(first, last + 1, self.step)

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
        return replace(
            block,
            block=choice.block,
            kernel=choice.kernel,
            expansion=choice.expansion,
            group_width=choice.group_width,
            se=choice.se,
        )

    def split(self, block: SuperBlock) -> tuple[SuperBlock, ...]:
        """The super-block, or what it splits into once it has `split_at` layers or more."""
        parts = []
        while block.layers >= self.split_at:
            parts.append(replace(block, layers=3))
            block = replace(block, layers=block.layers - 3, in_channels=block.out_channels, stride=1)
        return (*parts, block)

    def check_resolution(self, resolution: int) -> None:
        """Raises `ArchitectureError` where the strides leave nothing to halve."""
        halvings = sum(s > 1 for s in (self.stem.stride, *self.stage_strides))
        smallest = 2 ** (halvings - 1) + 1 if halvings else 1
        if resolution < smallest:
            raise ArchitectureError(
                f"resolution {resolution} is too small for the {halvings} strides of the {self.name} space; "
                f"use {smallest} or more"
            )


_KERNELS = (3, 5, 7)
_STEM_STRIDED = SuperBlock("Conv", 3, 3, 16, 2)
_STEM_PLAIN = SuperBlock("Conv", 3, 3, 16, 1)


def _choices(name: str, se: bool) -> tuple[BlockChoice, ...]:
    if name == "resnet":
        return tuple(BlockChoice(block, k) for block in ("Res", "Btn") for k in _KERNELS)
    if name == "mobilenet":
        return tuple(BlockChoice("MB", k, expansion=e, se=se) for e in (1, 2, 4, 6) for k in _KERNELS)
    return tuple(BlockChoice("GBtn", k, group_width=g) for g in (8, 16, 24, 32, 48, 64) for k in _KERNELS)


SPACES = ("resnet", "mobilenet", "regnet")


def search_space(name: str, resolution: int, se: bool = False) -> SearchSpace:
    """A built-in space for inputs of that size.

    `resnet` is the paper's Search Space I, `mobilenet` its Search Space II (with `se`, squeeze-excitation after the
    depthwise convolutions), `regnet` has grouped bottlenecks. Inputs below 64 pixels get four stages and a stem of
    stride 1, larger ones five stages after a strided stem (paper, Section 5).
    """
    if name not in SPACES:
        raise unknown("search space", name, SPACES)
    small = resolution < SMALL_INPUT
    return SearchSpace(
        name,
        _choices(name, se),
        stage_strides=(1, 2, 2, 2) if small else (2, 2, 2, 1, 2),
        stem=_STEM_PLAIN if small else _STEM_STRIDED,
    )
