"""Options made from a settings model."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from zennas.cli.from_settings import Given, add_command
from zennas.cli.options import option
from zennas.io.options import Option, settings_of
from zennas.units import parse_seconds


class Recipe(BaseModel):
    epochs: Annotated[int, Field(ge=1), Option("Passes over the images.", "Recipe", shown="30, folders 480")]
    lr: Annotated[float, Field(gt=0), Option("Learning rate.", "Recipe")] = 0.1
    augment: Annotated[bool, Option("Augment.", "Recipe")] = True
    quick: Annotated[bool, Option("Be quick.", "Recipe")] = False
    precision: Annotated[Literal["fp32", "bf16"], Option("Number type.", "Machine")] = "fp32"
    teacher_weights: Annotated[Path | None, Option("Weights.", "Machine", name="weights")] = None
    limit: Annotated[float | None, Option("Stop after that long.", "Machine", parse=parse_seconds)] = None
    sizes: Annotated[str | list[str] | None, Option("A size, or several.", "Machine")] = None
    parts: Annotated[list[str], Option("Parts.", "Machine")] = []
    plugins: Annotated[list[str], Option("Modules.", "Machine", name="plugin", repeated=True)] = []
    internal: int = 0


@pytest.fixture
def called():
    return []


@pytest.fixture
def app(called):
    made = typer.Typer(add_completion=False)

    def train(model: str, given: Given, out: Annotated[Path | None, option("Run", "Where to.")] = None) -> None:
        """Train a network."""
        called.append((model, dict(given), out))

    add_command(made, train, lambda: settings_of(Recipe))
    made.command()(lambda: None)
    return made


def invoke(app, *words):
    return CliRunner().invoke(app, ["train", *words], catch_exceptions=False, env={"COLUMNS": "120"})


def test_only_what_was_given_arrives(app, called):
    assert invoke(app, "net").exit_code == 0
    assert invoke(app, "net", "--lr", "0.2", "--no-augment", "--quick", "--weights", "w", "--out", "o").exit_code == 0
    assert called == [
        ("net", {}, None),
        ("net", {"lr": 0.2, "augment": False, "quick": True, "teacher_weights": Path("w")}, Path("o")),
    ]


def test_texts_become_values(app, called):
    invoke(app, "net", "--limit", "20m", "--sizes", "1M", "--parts", "stem", "--plugin", "a", "--plugin", "b,c")
    invoke(app, "net", "--sizes", "1M, 2M", "--parts", "stem,head", "--precision", "bf16")
    assert [given for _, given, _ in called] == [
        {"limit": 1200.0, "sizes": "1M", "parts": ["stem"], "plugins": ["a", "b,c"]},
        {"sizes": ["1M", "2M"], "parts": ["stem", "head"], "precision": "bf16"},
    ]


def test_the_help_shows_defaults_and_panels(app):
    shown = invoke(app, "--help").stdout
    for text in (
        "Train a network",
        "Recipe",
        "Machine",
        "30, folders 480",
        "(0.1)",
        "--no-augment",
        "(fp32)",
        "--weights",
    ):
        assert text in shown
    assert "--no-quick" not in shown
    assert "internal" not in shown


def test_wrong_options_are_refused(app):
    assert invoke(app, "net", "--lrr", "1").exit_code == 2
    assert invoke(app, "net", "--epochs", "many").exit_code == 2


def test_words_repeat_what_was_given(app, called):
    values = {"lr": 0.2, "augment": False, "sizes": ["1M", "2M"], "plugins": ["a", "b"], "teacher_weights": Path("w")}
    words = [
        word
        for setting in settings_of(Recipe)
        if setting.name in values
        for word in setting.words(values[setting.name])
    ]
    invoke(app, "net", *words)
    assert called[0][1] == values


def test_options_are_made_when_the_command_is_used():
    asked = []
    made = typer.Typer(add_completion=False)

    def settings():
        asked.append(True)
        return settings_of(Recipe)

    def train(given: Given) -> None:
        """Train a network."""

    add_command(made, train, settings, prepare=lambda words: asked.append(list(words)))
    made.command("other")(lambda: None)
    assert "Train a network" in CliRunner().invoke(made, ["--help"]).stdout
    assert CliRunner().invoke(made, ["other"]).exit_code == 0
    assert asked == []
    assert CliRunner().invoke(made, ["train", "--quick"]).exit_code == 0
    assert asked == [["--quick"], True]
