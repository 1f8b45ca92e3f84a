"""Telling that memory ran out from the many errors that say so."""

import errno
import sys

if sys.platform != "win32":
    import resource  # now, since nothing can be imported any more once memory has run out

_SIGNS = (
    "failed to map segment from shared object",  # the dynamic loader's
    "cannot allocate memory",  # the C library's
    "can't allocate memory",  # torch's
    "failed to allocate memory",  # onnxruntime's
    "cannot map zero-fill pages",
    "can't start new thread",
)
_SIGNS_OF_A_GPU = ("cuda error: out of memory", "cuda out of memory", "_alloc_failed")
"""The driver's, torch's, and those of its libraries."""


def memory_shortage(error: BaseException) -> str | None:
    """What an error says of memory that ran out, in one line; `None` where it is another error.

    An import does not raise `MemoryError` where a library cannot be mapped: torch's is an `ImportError`, llvmlite's an
    `OSError` that names no reason, and Python itself may lose the error. These count where memory is limited.
    """
    limit = memory_limit()
    said = next((one for one in reversed(_causes(error)) if is_shortage(one, limit is not None)), None)
    if said is None:
        return None
    first = str(said).strip().partition("\n")[0].partition(". ")[0]
    parts = ["not enough memory", f": {first}" if first else ""]
    if _is_of_a_gpu(said):
        parts.append("; a smaller batch size needs less")
    elif limit is not None:
        parts.append(f"; this process is limited to {limit >> 10} kB (ulimit -v)")
    return "".join(parts)


def is_shortage(error: BaseException, limited: bool = False) -> bool:
    """Whether an error says that memory ran out, of the machine or of a GPU.

    Args:
        error: any; what it was raised from is not looked at.
        limited: whether this process may use less memory than there is; then more errors are counted among them.
    """
    text = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or _is_of_a_gpu(error)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        or any(sign in text for sign in _SIGNS)
        or (limited and isinstance(error, OSError | ImportError) and "shared object" in text)
        or (limited and isinstance(error, SystemError))
    )


def _is_of_a_gpu(error: BaseException) -> bool:
    """Whether it is of a GPU's memory; by its name and text, since torch may not be installed."""
    kind, text = type(error), str(error).lower()
    named = kind.__name__ == "OutOfMemoryError" and kind.__module__.partition(".")[0] == "torch"
    return named or (isinstance(error, RuntimeError) and any(sign in text for sign in _SIGNS_OF_A_GPU))


def memory_limit() -> int | None:
    """The bytes of address space that this process may use, or `None` where they are not limited."""
    if sys.platform == "win32":
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def _causes(error: BaseException) -> list[BaseException]:
    """The error, what it was raised from, and so on."""
    causes: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in causes:
        causes.append(one)
        one = one.__cause__ or one.__context__
    return causes
