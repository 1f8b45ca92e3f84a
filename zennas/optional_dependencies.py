"""Importing what only an extra installs, and saying which one is missing."""

import difflib
import importlib
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from zennas.errors import MOST_SHOWN, MissingExtraError, UnknownNameError, shortened


def installed(module: str) -> bool:
    """Whether `module` can be imported, found out without importing it."""
    return find_spec(module) is not None


def require(module: str, extra: str, purpose: str) -> Any:
    """Import and return `module`.

    Args:
        module: dotted name.
        extra: of this package that installs it, e.g. `torch`.
        purpose: what needs it, as the message begins.

    Raises:
        MissingExtraError: it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtraError(
            f"{purpose} needs {module}, which is not installed: pip install 'zennas[{extra}]'"
        ) from None


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a name that is not known, with the nearest names first.

    Args:
        kind: what the name should be of, e.g. `block type`.
        name: as it was given.
        known: all that are allowed.
    """
    names = list(known)
    near = difflib.get_close_matches(name[:MOST_SHOWN].lower(), [n.lower() for n in names], n=3, cutoff=0.5)
    nearest = [n for n in names if n.lower() in near]
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"known: {', '.join(names)}"
    return UnknownNameError(f"unknown {kind} {shortened(name)}; {hint}")
