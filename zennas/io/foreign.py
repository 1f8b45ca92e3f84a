"""Parsers that are not ours, on bytes that nobody vouches for."""

from collections.abc import Callable
from typing import TypeVar

from zennas.errors import ZennasError, cut, first_line

Parsed = TypeVar("Parsed")


def parse_foreign(parse: Callable[[], Parsed], refuse: Callable[[str], ZennasError]) -> Parsed:
    """What another library's parser makes of a file that may be damaged.

    Such parsers promise no exceptions: one changed byte makes torch's raise UnicodeDecodeError, IndexError, TypeError,
    AssertionError, struct.error or NotImplementedError, depending on where it is. So every `Exception` of `parse`
    counts as damage. Only the call of the parser belongs in `parse`: what is then done with the result is code of this
    package, whose bugs keep their traceback.

    Args:
        parse: calls the parser, and nothing else.
        refuse: makes the error to raise, from what the parser said in one line.

    Raises:
        ZennasError: as made by `refuse`, or as raised within `parse`.
    """
    try:
        return parse()
    except ZennasError:
        raise
    except Exception as error:
        raise refuse(cut(first_line(error))) from None
