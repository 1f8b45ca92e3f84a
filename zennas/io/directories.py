"""Places for runs."""

from pathlib import Path

from zennas.errors import FileError


def next_directory(parent: Path, kind: str = "search") -> Path:
    """The first `<kind>-<n>` below `parent` that does not exist."""
    number = 1
    while (parent / f"{kind}-{number}").exists():
        number += 1
    return parent / f"{kind}-{number}"


def make_directory(directory: Path) -> None:
    """Make a directory and those above it where they are missing. Raises `FileError`."""
    if "\0" in str(directory):
        raise FileError(f"{str(directory)!r}: no path: it holds a zero byte")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{directory}: cannot be created: {error.strerror or error}") from None
