"""One writer a run: a lock that goes with its holder, however that dies."""

import contextlib
import errno
import os
import sys
import time
from pathlib import Path
from types import TracebackType

from zennas.errors import RunError

LOCK = "run.lock"
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""What the system says of a lock that another process holds; anything else is said of its file system."""
_ATTEMPTS = 5
_PAUSE = 0.01


class RunLock:
    """An operating-system lock on `DIR/run.lock`; released when the process ends."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / LOCK
        self._handle: int | None = None

    def __enter__(self) -> "RunLock":
        """Raises `RunError` where another process holds it, or the directory cannot be written to."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunError(f"{self._path}: cannot be written: {error.strerror or error}") from None
        try:
            _lock_patiently(handle)
        except OSError as error:
            holder = ""
            with contextlib.suppress(OSError):
                holder = os.pread(handle, 32, 0).decode(errors="replace").strip()
            os.close(handle)
            if error.errno not in _HELD:
                raise RunError(
                    f"{self._path}: cannot be locked: {error.strerror or error}; the file system has to have locks, or "
                    "two processes could write to one run"
                ) from None
            by = f" (process {holder})" if holder.isdigit() else ""
            raise RunError(
                f"{self._path.parent}: another process{by} is working on this run; wait for it or stop it"
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def is_locked(directory: Path) -> bool:
    """Whether a process works on the run. Nothing is written, and the file may be read-only."""
    try:
        handle = os.open(directory / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        _lock(handle, shared=True)
    except OSError as error:
        return error.errno in _HELD
    else:
        return False
    finally:
        os.close(handle)


def _lock_patiently(handle: int) -> None:
    """Lock for ourselves; whoever just looks whether the run is locked is done in a moment."""
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(OSError):
            _lock(handle)
            return
        time.sleep(_PAUSE)
    _lock(handle)


def _lock(handle: int, shared: bool = False) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
