"""Search spaces as YAML files.

A space file says what differs from a registered space:

    name: narrow
    base: resnet
    choices:
      - {block: Btn, kernel: 3}
      - {block: Btn, kernel: 5}
    stage_strides: [1, 2, 2]
    width: {low: 16, high: 256, step: 16}
    layers: {low: 1, high: 8}
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator

from zennas.architecture.model import Architecture, SuperBlock
from zennas.blocks.registry import validate
from zennas.errors import ZennasError
from zennas.input_size import Resolution
from zennas.io.documents import load_yaml
from zennas.io.settings import first_problem
from zennas.io.text import read_text
from zennas.spaces.space import BlockChoice, Range, SearchSpace, search_space, squeeze_excited
from zennas.spaces.start import smallest_of

_LONGEST_NAME = 100


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _RangeDocument(_Strict):
    low: int = Field(ge=1)
    high: int = Field(ge=1)
    step: int = Field(default=1, ge=1)


class _ChoiceDocument(_Strict):
    block: str = Field(max_length=_LONGEST_NAME)
    kernel: int = 3
    expansion: float = 0
    group_width: int = 0
    se: bool = False
    squeeze: int = Field(default=0, ge=0)
    activation: Literal["relu", "relu6", "hardswish", "silu"] = "relu"


class _BlockDocument(_Strict):
    block: str = Field(default="Conv", max_length=_LONGEST_NAME)
    kernel: int = 3
    in_: int = Field(default=3, alias="in", ge=1)
    out: int = Field(default=16, ge=1)
    stride: int = 1
    bottleneck: int = 0
    layers: int = 1


class SpaceDocument(_Strict):
    """What a space file may say; everything has the base space's value by default."""

    name: str = Field(max_length=_LONGEST_NAME)
    base: str = "resnet"
    choices: list[_ChoiceDocument] | None = None
    stage_strides: list[int] | None = None
    stem: _BlockDocument | None = None
    head: _BlockDocument | None = Field(default=None, validation_alias=AliasChoices("head", "last"))
    has_head: bool = Field(default=True, validation_alias=AliasChoices("has_head", "has_last"))
    stem_width: _RangeDocument | None = None
    head_width: _RangeDocument | None = Field(default=None, validation_alias=AliasChoices("head_width", "last_width"))
    width: _RangeDocument | None = None
    bottleneck: _RangeDocument | None = None
    layers: _RangeDocument | None = None
    split_at: int | None = Field(default=None, ge=4)
    growing: bool | None = None
    mutation: tuple[float, float] | None = None
    freeze: list[str] | None = None

    @field_validator("mutation")
    @classmethod
    def _factors(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 < value[0] <= 1 <= value[1] < math.inf:
            raise ValueError("factors below and above 1 are allowed, e.g. [0.5, 2]")
        return value


def named_space(name: str, resolution: Resolution, se: bool = False) -> SearchSpace:
    """The space that a command's `--space` names.

    Args:
        name: a registered name, or the path of a space file, `.yaml` or `.yml`.
        resolution: size of the input in pixels: its side, or height and width.
        se: squeeze-excitation wherever the block types of the space can carry it.

    Raises:
        UnknownNameError: there is no space of that name.
        ZennasError: the file cannot be used, or no block type can carry squeeze-excitation.
    """
    if not name.endswith((".yaml", ".yml")):
        return search_space(name, resolution, se)
    space = read_space(Path(name), resolution)
    return squeeze_excited(space) if se else space


def read_space(path: Path, resolution: Resolution) -> SearchSpace:
    """Read a space file for inputs of that size. Raises `ZennasError` with the file and the key."""
    document = load_yaml(read_text(path), str(path))
    try:
        given = SpaceDocument.model_validate(document)
    except ValidationError as error:
        raise ZennasError(f"{path}: {first_problem(error)}") from None
    changes: dict[str, Any] = {"name": given.name}
    if given.choices is not None:
        changes["choices"] = tuple(BlockChoice(**c.model_dump()) for c in given.choices)
    if given.stage_strides is not None:
        changes["stage_strides"] = tuple(given.stage_strides)
    for key in ("stem_width", "head_width", "width", "bottleneck", "layers"):
        if (bounds := getattr(given, key)) is not None:
            if bounds.low > bounds.high:
                raise ZennasError(f"{path}: {key}: low {bounds.low} is above high {bounds.high}")
            changes[key] = Range(bounds.low, bounds.high, bounds.step)
    for key in ("stem", "head"):
        if (block := getattr(given, key)) is not None:
            changes[key] = _super_block(block)
    if not given.has_head:
        changes["head"] = None
    for key in ("split_at", "growing", "mutation"):
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
