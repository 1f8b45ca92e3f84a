"""Standard output and standard error: what may be written there, and what happens where it cannot be.

Text that comes from files and arguments (names of networks, paths, messages) reaches a terminal without its control
characters. What the stream's encoding lacks is written in ASCII. A stream that cannot be written raises `OutputLost`.
"""

import codecs
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

FALLBACK = "zennas-ascii"
"""The codec error handler that writes ASCII for what an encoding lacks."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# Line and paragraph separators, changes of direction and the halves of undecodable bytes are among them.

_IN_ASCII = {
    "×": "x", "·": "*", "≤": "<=", "≥": ">=", "≈": "~", "±": "+-", "−": "-", "–": "-", "—": "-", "…": "...",
    "→": "->", "←": "<-", "∞": "inf", "½": "1/2", "²": "^2", "³": "^3", "µ": "u", "μ": "u", "√": "sqrt",
    "α": "alpha", "γ": "gamma", "ε": "eps", "θ": "theta", "ρ": "rho", "σ": "sigma", "Σ": "sum", "Φ": "phi",
    "Δ": "delta", "‘": "'", "’": "'", "“": '"', "”": '"', "•": "*", "█": "#",
}  # fmt: skip


def printable(text: str) -> str:
    r"""Text in which control characters but line feeds and tabs are written as `\x1b` or `\u202e`."""
    return _CONTROL.sub(lambda match: _escaped(match.group()), text)


def encodable(text: str, encoding: str) -> str:
    """Text with ASCII for the characters that an encoding lacks, e.g. `<=` for `≤` where it is `ascii`."""
    return text.encode(encoding, FALLBACK).decode(encoding)


def say(text: str = "", *, error: bool = False) -> None:
    """Print lines on standard output, with control characters made visible.

    Args:
        text: without the last line feed.
        error: print on standard error.
    """
    print(printable(text), file=sys.stderr if error else sys.stdout)


class OutputLost(Exception):  # noqa: N818
    """Standard output or standard error cannot be written.

    An error of its own: command-line libraries take a broken pipe for theirs, and end with a code of their own.

    Attributes:
        reader_gone: whether the reader at the other end of a pipe went away, as `head` does when it has enough.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.reader_gone = isinstance(error, BrokenPipeError)


def guard_streams() -> None:
    """Let this process's standard output and error fall back to ASCII, and raise `OutputLost` where they cannot be
    written."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, _Guarded):
            continue
        if stream is None:  # closed by the caller, as by `>&-`
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=FALLBACK)
        setattr(sys, name, cast(TextIO, _Guarded(stream)))


def drop_output() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OutputLost, OSError):
            os.dup2(nowhere, stream.fileno())


class _Guarded:
    """A text stream whose errors of writing are `OutputLost`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with _lost():
            return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        with _lost():
            self._stream.writelines(lines)

    def flush(self) -> None:
        with _lost():
            self._stream.flush()


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputLost(error) from None


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """The error handler `FALLBACK`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_replacement, error.object[error.start : error.end])), error.end


def _replacement(character: str) -> str:
    if character in _IN_ASCII:
        return _IN_ASCII[character]
    if "\u2500" <= character <= "\u257f":  # lines of tables and boxes
        return "-" if character in "─━╌╍═╸╺╴╶" else "|" if character in "│┃╎╏║╹╻" else "+"
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or _escaped(character)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


codecs.register_error(FALLBACK, _in_ascii)
