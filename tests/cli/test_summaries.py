"""Lists of commands say whole sentences."""

import click
import pytest
import typer

from zennas.cli.main import app

ROOT = typer.main.get_group(app)
GROUPS = [ROOT, *(command for command in ROOT.commands.values() if isinstance(command, click.Group))]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_command_is_listed_by_whole_sentences(group):
    assert group.commands
    for command in group.commands.values():
        assert command.get_short_help_str().endswith("."), command.name
        assert "..." not in command.get_short_help_str(), command.name
