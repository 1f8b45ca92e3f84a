"""Telling that memory ran out from the many errors that say so."""

import errno
import sys
from collections.abc import Iterator

_SIGNS = (
    "failed to map segment from shared object",  # the dynamic loader's
    "cannot allocate memory",  # the C library's
    "can't allocate memory",  # torch's
    "cannot map zero-fill pages",
    "can't start new thread",
)


def is_memory_shortage(error: BaseException) -> bool:
    """Whether an error, or one that it came from, says that memory ran out.

    An import does not raise `MemoryError` where a library cannot be mapped: torch's is an `ImportError`, llvmlite's an
    `OSError` that names no reason, which counts where this process's memory is limited.
    """
    return any(
        isinstance(one, MemoryError)
        or (isinstance(one, OSError) and one.errno == errno.ENOMEM)
        or any(sign in str(one).lower() for sign in _SIGNS)
        or (isinstance(one, OSError | ImportError) and "shared object" in str(one) and memory_limit() is not None)
        for one in _causes(error)
    )


def shortage_text(error: BaseException) -> str:
    """The error's first line, and the limit where there is one."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    limit = memory_limit()
    if limit is None:
        return first
    return f"{first}; this process is limited to {limit >> 10} kB (ulimit -v)"


def memory_limit() -> int | None:
    """The bytes of address space that this process may use, or `None` where they are not limited."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        yield one
        one = one.__cause__ or one.__context__
