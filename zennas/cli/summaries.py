"""What lists of commands say of each: its first paragraph, whole."""

import inspect

import typer


def summarise(app: typer.Typer) -> None:
    """Let every command and group of an app be listed by the first paragraph of its help, which click would cut.

    Args:
        app: with its commands and groups.
    """
    for command in app.registered_commands:
        if command.callback is not None and command.callback.__doc__:
            command.short_help = _first_paragraph(command.callback.__doc__)
    for group in app.registered_groups:
        inner = group.typer_instance
        if inner is not None and inner.registered_callback is not None and inner.registered_callback.callback:
            group.short_help = _first_paragraph(inner.registered_callback.callback.__doc__ or "")
            summarise(inner)


def _first_paragraph(text: str) -> str:
    return " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())
