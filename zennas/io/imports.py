"""Modules of a user's own: when a name in a file may become an import, and so run code.

A file is data. Where only a file names a module (a run's `config.yaml`, a study's CSV), it is refused unless the user
allows it. What the user names, on the command line or as an argument in Python, is allowed; so is what this process
has imported or called for its user already.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from zennas.errors import ImportRefusedError, ZennasError, cut, shortened

OPTION = "--allow-imports"
HOW_TO_ALLOW = f"give {OPTION} (in Python allow_imports=True) if you trust it"

_named_by_user: set[str] = set()


def allow_import(name: str) -> None:
    """Take note that the user has named a module, `package.module`, or a factory, `package.module:factory`."""
    _named_by_user.add(name)


def may_import(name: str, allow_imports: bool) -> bool:
    """Whether code that a file names may run.

    Args:
        name: `package.module`, or `package.module:factory`.
        allow_imports: whether the user allows everything that the file names.
    """
    module, _, factory = name.partition(":")
    if allow_imports or name in _named_by_user or module in _named_by_user:
        return True
    # To import a module once more runs nothing; to call a function in it does.
    return not factory and module in sys.modules


def check_import(name: str, where: str, allow_imports: bool) -> None:
    """Refuse to run code that a file alone names.

    Args:
        name: `package.module`, or `package.module:factory`.
        where: the place in the file, for the message, e.g. the file's name and the setting.
        allow_imports: whether the user allows everything that the file names.

    Raises:
        ImportRefusedError: nobody allowed it; the message says how to.
    """
    if not may_import(name, allow_imports):
        raise ImportRefusedError(
            f"{where}: {shortened(name)} is code of its own, which a file alone does not get to run; {HOW_TO_ALLOW}"
        )


@contextmanager
def users_code(name: str) -> Iterator[None]:
    """Around the import of a user's module or the call of a factory: they must not end this process without a word.

    Args:
        name: what is imported or called, for the message.

    Raises:
        ZennasError: the code raised `SystemExit` or its like.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        said = f": {cut(str(error))}" if str(error) else ""
        raise ZennasError(f"{name} raised {type(error).__name__}{said}; it would have ended the process") from error
