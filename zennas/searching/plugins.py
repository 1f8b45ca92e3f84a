"""Users' modules that register blocks, scores and quantities."""

import importlib
from collections.abc import Sequence

from zennas.errors import ZennasError


def load_plugins(names: Sequence[str]) -> None:
    """Import the modules that register users' blocks, scores and quantities. Raises `ZennasError`."""
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ZennasError(f"plugin {name!r} cannot be imported: {error}; is its folder on PYTHONPATH?") from None
