"""Images that could not be used, as every command that reads images lists them."""

from collections.abc import Sequence

from zennas.cli.terminal import say


def print_skipped(skipped: Sequence[str]) -> None:
    """Print how many images were skipped, and each with its reason; nothing where there are none."""
    if not skipped:
        return
    say(f"skipped    {len(skipped)} images:")
    for line in skipped:
        say(f"           {line}")
