"""Architectures as YAML and JSON documents, in the columns of the paper's tables.

name: zennet-cifar-1.0M
resolution: 32
num_classes: 10
super_blocks:
  - {block: Conv, kernel: 3, in: 3, out: 88, stride: 1, layers: 1}
  - {block: Btn, kernel: 7, in: 88, out: 120, stride: 1, bottleneck: 16, layers: 1}
"""

from collections.abc import Callable
from typing import Any

from zennas.architecture.model import Architecture, SuperBlock
from zennas.errors import MOST_SHOWN, ArchitectureError, FileError, shortened
from zennas.io.documents import load_json, load_yaml

_FIELDS = {
    "block": "block",
    "kernel": "kernel",
    "in": "in_channels",
    "out": "out_channels",
    "stride": "stride",
    "bottleneck": "bottleneck",
    "expansion": "expansion",
    "group_width": "group_width",
    "se": "se",
    "squeeze": "squeeze",
    "activation": "activation",
    "layers": "layers",
}
_REQUIRED = ("block", "kernel", "in", "out")


def to_document(architecture: Architecture) -> dict[str, Any]:
    """A mapping of plain values; fields at their defaults are left out, except stride and layers."""
    document: dict[str, Any] = {}
    if architecture.name:
        document["name"] = architecture.name
    if architecture.resolution is not None:
        document["resolution"] = architecture.resolution
    if architecture.num_classes is not None:
        document["num_classes"] = architecture.num_classes
    document["super_blocks"] = [_row(block) for block in architecture.super_blocks]
    return document


def _row(block: SuperBlock) -> dict[str, Any]:
    row = {key: getattr(block, field) for key, field in _FIELDS.items()}
    plain = SuperBlock("", 1, 1, 1).activation
    return {
        key: value
        for key, value in row.items()
        if (value or key in _REQUIRED) and (key, value) != ("activation", plain)
    }


def from_document(document: Any, where: str = "document") -> Architecture:
    """Read what `to_document` writes; other keys are left to others.

    Raises:
        ArchitectureError: with the super-block and key of what is wrong.
    """
    if not isinstance(document, dict):
        raise ArchitectureError(f"{where}: expected a mapping with the key super_blocks, got {_kind(document)}")
    rows = document.get("super_blocks")
    if not isinstance(rows, list):
        raise ArchitectureError(f"{where}: super_blocks must be a list of super-blocks, got {_kind(rows)}")
    name = document.get("name", "")
    if not isinstance(name, str):
        raise ArchitectureError(f"{where}: name must be text, got {_kind(name)}")
    for key in ("resolution", "num_classes"):
        if document.get(key) is not None and not _is_int(document[key]):
            raise ArchitectureError(f"{where}: {key} must be a whole number, got {shortened(document[key])}")
    blocks = tuple(_super_block(row, f"{where}: super-block {number}") for number, row in enumerate(rows, start=1))
    try:
        return Architecture(blocks, name, document.get("resolution"), document.get("num_classes"))
    except ArchitectureError as error:
        raise ArchitectureError(f"{where}: {error}") from None


def _super_block(row: Any, where: str) -> SuperBlock:
    if not isinstance(row, dict):
        raise ArchitectureError(f"{where}: expected a mapping, got {_kind(row)}")
    for key in row:
        if key not in _FIELDS:
            raise ArchitectureError(f"{where}: unknown key {shortened(key)}; allowed are {', '.join(_FIELDS)}")
    for key in _REQUIRED:
        if key not in row:
            raise ArchitectureError(f"{where}: the key {key!r} is missing")
    values: dict[str, Any] = {}
    for key, value in row.items():
        values[_FIELDS[key]] = _value(key, value, where)
    return SuperBlock(**values)


def _value(key: str, value: Any, where: str) -> Any:
    if key == "block":
        if not isinstance(value, str) or len(value) > MOST_SHOWN or not value.isidentifier():
            raise ArchitectureError(f"{where}: block must be the name of a block type, got {shortened(value)}")
        return value
    if key == "activation":
        if not isinstance(value, str):
            raise ArchitectureError(f"{where}: activation must be text, got {shortened(value)}")
        return value
    if key == "se":
        if not isinstance(value, bool):
            raise ArchitectureError(f"{where}: se must be true or false, got {shortened(value)}")
        return value
    if key == "expansion" and isinstance(value, float) and value == value:
        if not 0 <= value <= 100:
            raise ArchitectureError(f"{where}: expansion {value} is not allowed; use 0 to 100")
        return int(value) if value == int(value) else round(value, 6)
    if not _is_int(value):
        raise ArchitectureError(f"{where}: {key} must be a whole number, got {shortened(value)}")
    return value


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__


def parse_json(text: str, where: str = "JSON") -> Architecture:
    """Read a JSON document. Raises `ArchitectureError`."""
    return from_document(_loaded(load_json, text, where), where)


def parse_yaml(text: str, where: str = "YAML") -> Architecture:
    """Read a YAML document (safe-loaded). Raises `ArchitectureError`."""
    return from_document(_loaded(load_yaml, text, where), where)


def _loaded(load: Callable[[str, str], Any], text: str, where: str) -> Any:
    try:
        return load(text, where)
    except FileError as error:
        raise ArchitectureError(str(error)) from None
