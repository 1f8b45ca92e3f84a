"""Places for new runs."""

from pathlib import Path


def next_directory(parent: Path, kind: str = "search") -> Path:
    """The first `<kind>-<n>` below `parent` that does not exist."""
    number = 1
    while (parent / f"{kind}-{number}").exists():
        number += 1
    return parent / f"{kind}-{number}"
