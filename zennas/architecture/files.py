"""Architecture files: `.yaml`, `.json`, and `.txt` with a structure string."""

import json
import os
from pathlib import Path
from typing import Any

from zennas.architecture.document import parse_json, parse_yaml, to_document
from zennas.architecture.model import Architecture
from zennas.architecture.structure import format_structure, parse_structure
from zennas.errors import ArchitectureError, FileError
from zennas.io.documents import format_yaml
from zennas.io.text import read_text, write_text

SUFFIXES = (".yaml", ".yml", ".json", ".txt")


def read_architecture(path: str | os.PathLike[str]) -> Architecture:
    """Read an architecture file by its suffix. Raises `ArchitectureError` with the file's name."""
    path = Path(path)
    try:
        text = read_text(path)
    except FileError as error:
        raise ArchitectureError(str(error)) from None
    if path.suffix in (".yaml", ".yml"):
        return parse_yaml(text, str(path))
    if path.suffix == ".json":
        return parse_json(text, str(path))
    if path.suffix == ".txt":
        try:
            return parse_structure(text)
        except ArchitectureError as error:
            raise ArchitectureError(f"{path}: {error}") from None
    raise ArchitectureError(f"{path}: unknown kind of file; an architecture file ends in {', '.join(SUFFIXES)}")


def write_architecture(
    architecture: Architecture, path: str | os.PathLike[str], extra: dict[str, Any] | None = None
) -> None:
    """Write an architecture file by its suffix, atomically.

    Args:
        architecture: what is written.
        path: `.yaml`, `.yml`, `.json`, or `.txt` for a structure string.
        extra: plain values that a YAML or JSON document has before the architecture's own keys; nothing by default.

    Raises:
        ArchitectureError: another suffix.
        ZennasError: the file cannot be written.
    """
    path = Path(path)
    document = {**(extra or {}), **to_document(architecture)}
    if path.suffix in (".yaml", ".yml"):
        text = format_yaml(document)
    elif path.suffix == ".json":
        text = json.dumps(document, indent=2) + "\n"
    elif path.suffix == ".txt":
        text = format_structure(architecture) + "\n"
    else:
        raise ArchitectureError(f"{path}: unknown kind of file; an architecture file ends in {', '.join(SUFFIXES)}")
    write_text(path, text)
