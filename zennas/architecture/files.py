"""Architecture files: `.yaml`, `.json`, and `.txt` with a structure string."""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from zennas.architecture.document import format_yaml, parse_json, parse_yaml, to_document
from zennas.architecture.model import Architecture
from zennas.architecture.structure import format_structure, parse_structure
from zennas.errors import ArchitectureError, ZennasError

SUFFIXES = (".yaml", ".yml", ".json", ".txt")


def read_architecture(path: str | os.PathLike[str]) -> Architecture:
    """Read an architecture file by its suffix. Raises `ArchitectureError` with the file's name."""
    path = Path(path)
    text = read_text(path)
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
    """Write an architecture file by its suffix, atomically. `extra` goes on top of a YAML or JSON document."""
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


def read_text(path: Path) -> str:
    """A user's text file, or a one-line `ArchitectureError`."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ArchitectureError(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise ArchitectureError(f"{path}: cannot be read: {error.strerror or error}") from None


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of text in UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write beside the file, flush to the disk, rename: a reader sees the old file or the new, never a half.

    Raises:
        ZennasError: the file cannot be written; what was there before is untouched.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise ZennasError(f"{path}: cannot be written: {error.strerror or error}") from None
