"""The rich console of every command: tables, progress bars, and lines with a style."""

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from zennas.cli.terminal import encodable, printable

WIDTH = 140
"""Of tables where standard output is no terminal: every column fits."""


def console(*, error: bool = False) -> Console:
    """A rich console; wide enough for every column where it is no terminal.

    Args:
        error: write on standard error.
    """
    file = sys.stderr if error else sys.stdout
    plain = _PrintableConsole(file=file, stderr=error, emoji=False)
    return plain if plain.is_terminal else _PrintableConsole(file=file, stderr=error, emoji=False, width=WIDTH)


class _PrintableConsole(Console):
    """A console that shows text as `printable`, in the characters of its stream."""

    def render_str(self, text: str, **options: Any) -> Text:
        """The text as rich measures and draws it: replaced before that, so that columns stay aligned."""
        return super().render_str(encodable(printable(text), self.encoding), **options)
