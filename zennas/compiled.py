"""Compiling with numba where it is installed; the same code runs without it, some hundred times slower.

What is compiled stands in the folders `FOLDERS`: the closed form of the Zen-score and the core of a search.

Only the functions that the package calls from Python are kept on disk. numba looks at the file of such a function
alone to find out whether what it kept is still valid, while most of the code stands in the files beside it: so the
folder's name holds a checksum of them all.
"""

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from zennas.optional_dependencies import installed

Function = TypeVar("Function", bound=Callable[..., Any])

HERE = Path(__file__).parent
FOLDERS = ("scores/closed_form", "searching/compiled")
"""Where the compiled code stands, inside the package."""
WITHOUT_ARRAYS = ("zennas.searching.compiled", "zennas.scores.weighted")
"""Modules whose compiled code makes no arrays. numba need not count who refers to those that it gets, which would take
it as long as all the rest."""
CONSTANTS = ("compiled.py", "blocks/symbols.py", "blocks/tracing.py", "scores/chains.py", "spaces/operators.py")
"""Files elsewhere whose constants and options are compiled into it."""


def compiled(function: Function) -> Function:
    """Compile a function that other compiled functions call; they take it in, so that arguments cost nothing."""
    return _compiled(function, forceinline=True)


def compiled_apart(function: Function) -> Function:
    """Like `compiled`, of a function that is seldom called: it is not taken in, which takes less time to compile."""
    return _compiled(function)


def compiled_in_place(function: Function) -> Function:
    """Like `compiled`, of a large function with a single caller, which is compiled together with it: in less time."""
    return _compiled(function, inline="always")


def _compiled(function: Function, **options: Any) -> Function:
    if not installed("numba"):
        return function
    import numba

    # No fastmath: reordered sums would depend on where arrays lie in memory, and a search must repeat to the bit.
    result: Function = numba.njit(error_model="numpy", **_references(function), **options)(function)
    return result


def _references(function: Function) -> dict[str, bool]:
    """numba's option not to count references, where a function can do without and this version of numba has it."""
    from numba.core.options import DefaultOptions

    without = function.__module__.startswith(WITHOUT_ARRAYS) and hasattr(DefaultOptions, "_nrt")
    return {"_nrt": False} if without else {}


def compiled_for_threads(function: Function) -> Function:
    """Like `compiled_and_kept`, of a function during which other threads of Python run."""
    return compiled_and_kept(function, nogil=True)


def compiled_and_kept(function: Function, *, nogil: bool = False) -> Function:
    """Compile a function that Python calls, and keep the result on disk for the next start.

    It is kept beside the code; where that cannot be written, in the user's cache folder; where that cannot be written
    either, in the temporary folder, or nowhere, which a line on standard error says. `NUMBA_CACHE_DIR` chooses another
    folder.

    Args:
        function: to be compiled.
        nogil: whether other threads of Python run meanwhile.
    """
    if not installed("numba"):
        return function
    import numba

    chosen = numba.config.CACHE_DIR
    try:
        for folder, note in _folders(chosen):
            numba.config.CACHE_DIR = str(folder)
            try:
                options = {"nogil": nogil, **_references(function)}
                result: Function = numba.njit(cache=True, error_model="numpy", **options)(function)
            except RuntimeError:  # what numba raises for a folder that it cannot write
                continue
            if note:
                _say(f"compiled code is kept in {folder.parent}, since {_UNWRITABLE}")
            return result
    finally:
        numba.config.CACHE_DIR = chosen
    _say(f"the closed form is compiled anew at every start (some 10 s), since {_UNWRITABLE}, nor a temporary one")
    return _compiled(function, nogil=nogil)


_UNWRITABLE = "neither the package's folder nor the user's cache folder can be written (NUMBA_CACHE_DIR names another)"
_said: set[str] = set()


def _say(note: str) -> None:
    """Print a note once; worker processes leave it to the process that started them."""
    from multiprocessing import parent_process

    if not _said and parent_process() is None:
        print(f"zennas: {note}", file=sys.stderr)
    _said.add(note)


def leave_notes() -> None:
    """Leave notes to the process that began this one, which is no worker of its own."""
    _said.add("")


def _folders(chosen: str) -> Iterator[tuple[Path, bool]]:
    """Where compiled code may be kept, best first, and whether using it is worth a note."""
    name = f"compiled-{_checksum()}"
    if chosen:
        yield Path(chosen) / name, False
    yield HERE / "__pycache__" / name, False
    for user in _user_caches():
        yield user / "zennas" / name, False
    temporary = _private_temporary_folder()
    if temporary:
        yield temporary / name, True


def _checksum() -> str:
    digest = hashlib.sha256()
    paths = [path for folder in FOLDERS for path in sorted((HERE / folder).glob("*.py"))]
    for path in (*paths, *(HERE / name for name in CONSTANTS)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _user_caches() -> Iterator[Path]:
    if os.environ.get("XDG_CACHE_HOME"):
        yield Path(os.environ["XDG_CACHE_HOME"])
    if os.environ.get("LOCALAPPDATA"):
        yield Path(os.environ["LOCALAPPDATA"])
    try:
        yield Path.home() / ".cache"
    except RuntimeError:  # no HOME, and the user is in no list of users
        return


def _private_temporary_folder() -> Path | None:
    """A folder in the temporary one that nobody else can write: what numba reads from it is run."""
    try:
        if not hasattr(os, "getuid"):  # Windows: every user has a temporary folder
            return Path(tempfile.gettempdir()) / "zennas"
        folder = Path(tempfile.gettempdir()) / f"zennas-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if mine else None
