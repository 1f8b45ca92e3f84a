"""Text files: read with one-line errors, written so that a reader never sees a half."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from zennas.errors import FileError

_FOR_ALL = 0o644
"""Who may read a new file: everybody. One that is there keeps its permissions."""


def read_text(path: Path) -> str:
    """A user's text file, or a one-line `FileError`."""
    if "\0" in str(path):
        raise FileError(f"{str(path)!r}: no path: it holds a zero byte")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FileError(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from None


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of text in UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write beside the file, flush to the disk, rename: a reader sees the old file or the new, never a half. A link is
    followed, and a device or pipe written to.

    Args:
        path: of the file; the directories above it are made where they are missing.
        content: all of it.

    Raises:
        FileError: the file cannot be written; what was there before is untouched.
    """
    temporary: str | None = None
    if "\0" in str(path):
        raise FileError(f"{str(path)!r}: no path: it holds a zero byte")
    try:
        place = Path(os.path.realpath(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        before = place.stat() if place.exists() else None
        if before is not None and not stat.S_ISREG(before.st_mode):
            with place.open("wb") as file:
                file.write(content)
            return
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _FOR_ALL if before is None else stat.S_IMODE(before.st_mode))
        os.replace(temporary, place)
        temporary = None
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
