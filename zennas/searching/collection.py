"""Garbage collection, put off where a search makes a great many objects that refer to each other in no circle."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_put_off() -> Iterator[None]:
    """No collection of circles inside: it looks at all candidates of a run again and again, and finds nothing.

    Objects that nothing refers to are freed as ever.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
