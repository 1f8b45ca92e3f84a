"""Users' modules that register blocks, scores, quantities, spaces, operators and algorithms."""

import importlib
from collections.abc import Sequence

from zennas.errors import ZennasError


def load_plugins(names: Sequence[str]) -> None:
    """Import the modules that register users' blocks, scores, quantities, spaces, operators and algorithms.

    Args:
        names: dotted names of modules.

    Raises:
        ZennasError: a module is not found.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ZennasError(f"plugin {name!r} cannot be imported: {error}; is its folder on PYTHONPATH?") from None
