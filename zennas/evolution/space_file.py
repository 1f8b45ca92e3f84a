"""Search spaces as YAML files, and the space that a search's settings ask for.

A space file says what differs from a built-in space:

    name: narrow
    base: resnet
    choices:
      - {block: Btn, kernel: 3}
      - {block: Btn, kernel: 5}
    stage_strides: [1, 2, 2]
    width: {low: 16, high: 256, step: 16}
    layers: {low: 1, high: 8}
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zennas.architecture.document import load_yaml
from zennas.architecture.files import read_text
from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.registry import validate
from zennas.errors import ArchitectureError, ZennasError
from zennas.evolution.config import SearchConfig
from zennas.evolution.space import BlockChoice, Range, SearchSpace, search_space
from zennas.evolution.start import smallest_of
from zennas.loading import load


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _RangeDocument(_Strict):
    low: int = Field(ge=1)
    high: int = Field(ge=1)
    step: int = Field(default=1, ge=1)


class _ChoiceDocument(_Strict):
    block: str
    kernel: int = 3
    expansion: float = 0
    group_width: int = 0
    se: bool = False


class _BlockDocument(_Strict):
    block: str = "Conv"
    kernel: int = 3
    in_: int = Field(default=3, alias="in", ge=1)
    out: int = Field(default=16, ge=1)
    stride: int = 1
    bottleneck: int = 0
    layers: int = 1


class SpaceDocument(_Strict):
    """What a space file may say; everything has the base space's value by default."""

    name: str
    base: str = "resnet"
    choices: list[_ChoiceDocument] | None = None
    stage_strides: list[int] | None = None
    stem: _BlockDocument | None = None
    last: _BlockDocument | None = None
    has_last: bool = True
    stem_width: _RangeDocument | None = None
    last_width: _RangeDocument | None = None
    width: _RangeDocument | None = None
    bottleneck: _RangeDocument | None = None
    layers: _RangeDocument | None = None
    split_at: int | None = Field(default=None, ge=4)
    mutation: tuple[float, float] | None = None
    freeze: list[str] | None = None


def configured_space(config: SearchConfig) -> SearchSpace:
    """The space of a search: built in or from a file, with its start and its frozen parts.

    Raises:
        ZennasError: the file is unreadable or says something that is not allowed.
        ArchitectureError: the resolution is too small, or the start does not fit.
    """
    is_file = config.space.endswith((".yaml", ".yml"))
    space = (
        read_space(Path(config.space), config.resolution)
        if is_file
        else search_space(config.space, config.resolution, config.se)
    )
    if config.freeze:
        space = replace(space, frozen=frozenset(config.freeze))
    if config.start is not None:
        space = _started(space, config.start)
    space.check_resolution(config.resolution)
    return space


def read_space(path: Path, resolution: int) -> SearchSpace:
    """Read a space file for inputs of that size. Raises `ZennasError` with the file and the key."""
    document = load_yaml(read_text(path), str(path))
    try:
        given = SpaceDocument.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise ZennasError(f"{path}: {where}: {first['msg']} (given: {first['input']!r})") from None
    changes: dict[str, Any] = {"name": given.name}
    if given.choices is not None:
        changes["choices"] = tuple(BlockChoice(**c.model_dump()) for c in given.choices)
    if given.stage_strides is not None:
        changes["stage_strides"] = tuple(given.stage_strides)
    for key in ("stem_width", "last_width", "width", "bottleneck", "layers"):
        if (bounds := getattr(given, key)) is not None:
            if bounds.low > bounds.high:
                raise ZennasError(f"{path}: {key}: low {bounds.low} is above high {bounds.high}")
            changes[key] = Range(bounds.low, bounds.high, bounds.step)
    for key in ("stem", "last"):
        if (block := getattr(given, key)) is not None:
            changes[key] = _super_block(block)
    if not given.has_last:
        changes["last"] = None
    for key in ("split_at", "mutation"):
        if (value := getattr(given, key)) is not None:
            changes[key] = value
    if given.freeze is not None:
        changes["frozen"] = frozenset(given.freeze)
    space = replace(search_space(given.base, resolution), **changes)
    _check_choices(space, path)
    return space


def _super_block(block: _BlockDocument) -> SuperBlock:
    return SuperBlock(
        block.block, block.kernel, block.in_, block.out, block.stride, block.bottleneck, layers=block.layers
    )


def _check_choices(space: SearchSpace, path: Path) -> None:
    """Every choice must expand at the smallest widths, before a search meets it."""
    for number, choice in enumerate(space.choices, start=1):
        try:
            validate(Architecture(smallest_of(space, choice)))
        except ZennasError as error:
            raise ZennasError(f"{path}: choices.{number} ({choice.block}): {error}") from None


def _started(space: SearchSpace, start: str) -> SearchSpace:
    blocks = load(start).super_blocks
    if len(blocks) < 2 + (space.last is not None):
        raise ArchitectureError(
            f"the start {start!r} has {len(blocks)} super-blocks; a stem, a stage and a head are needed"
        )
    return replace(space, start=blocks)
