"""The block vocabulary: block types by name, open to users' own.

A block type is one function that says which units one layer of a super-block is made of:

    @register_block("Plain")
    def plain(block, in_channels, stride, first):
        conv = Convolution(in_channels, block.out_channels, block.kernel, stride)
        return [Unit((conv,))]

Costs, both scores, the module, search and export work for it from there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ParamSpec, TypeVar, cast

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.layers import Unit
from zennas.errors import ArchitectureError, UnknownNameError
from zennas.optional_dependencies import unknown

LayerFunction = Callable[[SuperBlock, int, int, bool], Sequence[Unit]]


@dataclass(frozen=True)
class BlockType:
    """A registered block type.

    Attributes:
        layer: `(super_block, in_channels, stride, first) -> units` of one layer.
        needs: `SuperBlock` fields that must be positive, e.g. `("bottleneck",)`.
    """

    name: str
    layer: LayerFunction
    needs: tuple[str, ...] = ()


_BLOCK_TYPES: dict[str, BlockType] = {}
_FORGET: list[Callable[[], None]] = []
"""What forgets that which followed from block types as they were."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def kept_by_block(maxsize: int) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """`lru_cache` for what follows from super-blocks, forgotten where a block type is registered.

    Args:
        maxsize: results that are kept.
    """

    def keep(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        kept = lru_cache(maxsize)(function)
        forget_with_blocks(kept.cache_clear)
        return cast("Callable[Arguments, Result]", kept)

    return keep


def forget_with_blocks(forget: Callable[[], None]) -> None:
    """Call a function wherever a block type is registered.

    Args:
        forget: drops what followed from block types as they were.
    """
    _FORGET.append(forget)


def register_block(
    name: str, needs: tuple[str, ...] = (), replace_existing: bool = False
) -> Callable[[LayerFunction], LayerFunction]:
    """Register the decorated function as block type `name`.

    The function is called with the super-block, the channels that come in, the stride (1 except at the
    super-block's first layer) and whether this is the first layer; it returns the layer's units.

    Args:
        name: a plain name of ASCII letters, digits and underscores, as it stands in structure strings.
        needs: fields of `SuperBlock` that must be positive, e.g. `("bottleneck",)`; none by default.
        replace_existing: whether the name may be registered already; by default it may not.

    Raises:
        ArchitectureError: when applied: the name is no plain name, or is registered already.
    """

    def register(layer: LayerFunction) -> LayerFunction:
        if not (name.isidentifier() and name.isascii()):
            raise ArchitectureError(f"block type {name!r} is not a plain name (ASCII letters, digits, underscores)")
        if name in _BLOCK_TYPES and not replace_existing:
            raise ArchitectureError(f"block type {name!r} is registered already; give another name")
        _BLOCK_TYPES[name] = BlockType(name, layer, needs)
        for forget in _FORGET:
            forget()
        return layer

    return register


def block_types() -> dict[str, BlockType]:
    """All registered block types by name."""
    return dict(_BLOCK_TYPES)


def block_type(name: str) -> BlockType:
    """The block type of that name. Raises `UnknownNameError` with the nearest names."""
    try:
        return _BLOCK_TYPES[name]
    except KeyError:
        raise unknown("block type", name, _BLOCK_TYPES) from None


@dataclass(frozen=True, slots=True)
class Expansion:
    """The units of a super-block: those of its first layer, then those of every other layer, `repeats` times."""

    first: tuple[Unit, ...]
    rest: tuple[Unit, ...]
    repeats: int

    def units(self) -> Iterator[Unit]:
        """All units in order."""
        yield from self.first
        for _ in range(self.repeats):
            yield from self.rest


@kept_by_block(maxsize=1 << 16)
def expand(block: SuperBlock) -> Expansion:
    """The units that a super-block stands for.

    Args:
        block: its type, channels, stride and layers decide.

    Raises:
        ArchitectureError: the block type is unknown, or a field that it needs is missing.
    """
    single = block if block.layers == 1 else block.resized(block.in_channels, 1)
    return Expansion(
        _layer_units(single, True), _layer_units(single, False) if block.layers > 1 else (), block.layers - 1
    )


@kept_by_block(maxsize=1 << 16)
def _layer_units(block: SuperBlock, first: bool) -> tuple[Unit, ...]:
    kind = block_type(block.block)
    for field in kind.needs:
        if not getattr(block, field):
            raise ArchitectureError(
                f"{block.block} super-block {block.in_channels}→{block.out_channels}: needs {field}"
            )
    in_channels, stride = (block.in_channels, block.stride) if first else (block.out_channels, 1)
    units = tuple(kind.layer(block, in_channels, stride, first))
    _check_units(units, block, in_channels, stride)
    return units


def _check_units(units: tuple[Unit, ...], block: SuperBlock, in_channels: int, stride: int) -> None:
    channels, strides = in_channels, 1
    for unit in units:
        unit_in, unit_stride = channels, 1
        for layer in unit.main:
            for inner in layer.convolutions:
                if inner.in_channels % inner.groups or inner.out_channels % inner.groups:
                    raise ArchitectureError(
                        f"block type {block.block}: {inner.groups} groups do not divide "
                        f"{inner.in_channels}→{inner.out_channels} channels"
                    )
            if layer.in_channels != channels:
                raise ArchitectureError(
                    f"block type {block.block}: a layer takes {layer.in_channels} channels where {channels} come in"
                )
            channels, unit_stride = layer.out_channels, unit_stride * layer.stride
        _check_shortcut(unit, block, unit_in, channels, unit_stride)
        strides *= unit_stride
    if channels != block.out_channels or strides != stride:
        raise ArchitectureError(
            f"block type {block.block}: a layer {in_channels}→{block.out_channels} with stride {stride} "
            f"came out as {in_channels}→{channels} with stride {strides}"
        )


def _check_shortcut(unit: Unit, block: SuperBlock, in_channels: int, out_channels: int, stride: int) -> None:
    link = unit.shortcut
    if link is None:
        return
    if link == "identity":
        fits = in_channels == out_channels and stride == 1
    else:
        fits = (link.in_channels, link.out_channels, link.stride) == (in_channels, out_channels, stride)
    if not fits:
        raise ArchitectureError(
            f"block type {block.block}: the residual link does not fit its main path "
            f"({in_channels}→{out_channels}, stride {stride})"
        )


def architecture_units(architecture: Architecture) -> Iterator[tuple[int, Unit]]:
    """Every unit with the index of its super-block.

    Raises:
        ArchitectureError: a block type is unknown or incomplete; the message says at which super-block.
    """
    for index, block in enumerate(architecture.super_blocks):
        for unit in expand_at(block, index).units():
            yield index, unit


def expand_at(block: SuperBlock, index: int) -> Expansion:
    """`expand`, with the super-block's number in its errors.

    Args:
        block: the super-block.
        index: its place in the architecture, from 0; errors count from 1.

    Raises:
        ArchitectureError: the block type is incomplete or does not fit itself.
        UnknownNameError: there is no such block type.
    """
    try:
        return expand(block)
    except (ArchitectureError, UnknownNameError) as error:
        raise type(error)(f"super-block {index + 1}: {error}") from None


def validate(architecture: Architecture) -> Architecture:
    """The architecture itself, once every super-block is known to expand. Raises `ArchitectureError`."""
    for index, block in enumerate(architecture.super_blocks):
        expand_at(block, index)
    return architecture
