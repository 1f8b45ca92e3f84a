"""Users' modules that register blocks, scores, quantities, spaces, operators and algorithms."""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from zennas.errors import ImportRefusedError, ZennasError, shortened
from zennas.io.imports import HOW_TO_ALLOW, allow_import, users_code


def load_plugins(names: Sequence[str]) -> None:
    """Import the modules that register users' blocks, scores, quantities, spaces, operators and algorithms.

    Args:
        names: dotted names of modules. Those that a file names are checked before, by `check_imports`.

    Raises:
        ZennasError: a name is not one of a module, a module is not found, or would end the process.
    """
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise ZennasError(f"plugin {shortened(name)} is not the dotted name of a module, e.g. my_blocks")
        try:
            with users_code(f"plugin {name!r}"):
                importlib.import_module(name)
            allow_import(name)
        except ModuleNotFoundError as error:
            raise ZennasError(f"plugin {name!r} cannot be imported: {error}; is its folder on PYTHONPATH?") from None


@contextmanager
def plugins_left_out(names: Sequence[str]) -> Iterator[None]:
    """What goes wrong inside may be for want of plugins that were not imported: the error says so.

    Args:
        names: plugins that a run names and that were not imported; errors stay as they are where there are none.

    Raises:
        ImportRefusedError: in the place of any other error, with its message.
    """
    try:
        yield
    except ZennasError as error:
        if not names or isinstance(error, ImportRefusedError):
            raise
        raise ImportRefusedError(
            f"{error} (not imported: plugin {', '.join(names)}, which the run names and which may register it; "
            f"{HOW_TO_ALLOW})"
        ) from None
