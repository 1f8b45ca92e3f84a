"""Commands whose options are the fields of a settings model.

A command is written with its own parameters, and `given` in the place of the settings:

    def search(given: Given, out: Annotated[Path | None, option(RUN, "Directory for the run.")] = None) -> None: ...

    add_command(app, search, search_settings)

It is called with the settings that the user gave by their names, and with its own parameters.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from zennas.cli.options import option

if TYPE_CHECKING:
    from zennas.io.options import Setting

Given = Mapping[str, Any]
"""Settings that the user gave, by name; those with their defaults are not in it."""


def add_command(
    app: typer.Typer,
    function: Callable[..., None],
    settings: "Callable[[], Sequence[Setting]]",
    prepare: Callable[[Sequence[str]], None] | None = None,
) -> None:
    """Register a function as a command with an option for each setting.

    Args:
        app: the command line that gets the command.
        function: the command; its parameter `given` stands where the settings' options come, its docstring is the help.
        settings: gives the settings, e.g. `lambda: settings_of(TrainConfig)`. It is called when the command is first
            used, so that other commands need not import the model.
        prepare: called with the command's words before the settings are asked for, e.g. to import plugins that add
            some.
    """

    def build() -> TyperCommand:
        inner = typer.Typer(add_completion=False)
        inner.command()(with_options(function, settings()))
        command = get_command(inner)
        assert isinstance(command, TyperCommand)
        return command

    class SettingsCommand(TyperCommand):
        """Its parameters are made when they are first asked for."""

        _made: Any = None

        @property
        def params(self) -> Any:
            if self._made is None:
                made = build()
                self._made, self.callback = made.params, made.callback
            return self._made

        @params.setter
        def params(self, value: Any) -> None:
            """What typer finds in a function without parameters is dropped."""

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            if prepare is not None:
                prepare(args)
            return super().parse_args(ctx, args)

    def named() -> None: ...

    named.__name__, named.__doc__ = function.__name__, function.__doc__
    app.command(cls=SettingsCommand)(named)


def with_options(function: Callable[..., None], settings: "Sequence[Setting]") -> Callable[..., None]:
    """The function with a parameter for each setting in the place of `given`, for typer to read.

    Args:
        function: has a parameter `given`, which gets the settings that were given.
        settings: what becomes parameters; their types and defaults follow from them.
    """
    by_name = {setting.name: setting for setting in settings}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "given":
            parameters += [option_parameter(setting) for setting in settings]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(function)
    def command(**arguments: Any) -> None:
        given = {
            name: by_name[name].from_option(value)
            for name, value in arguments.items()
            if name in by_name and value is not None and value != []
        }
        function(given=given, **{name: value for name, value in arguments.items() if name not in by_name})

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def option_parameter(setting: "Setting") -> inspect.Parameter:
    """A setting as a parameter whose annotation tells typer its option. Where the option is not given, its value is
    `None` and the library fills in the default, which `--help` shows."""
    kind: Any = str
    names = [setting.flag]
    if setting.is_switch:
        kind = bool
        if setting.default is not False:
            names = [f"{setting.flag}/--no-{setting.flag[2:]}"]
    elif setting.option.repeated:
        kind = list[str]
    elif setting.option.parse is None and setting.types in ((int,), (float,), (Path,)):
        kind = setting.types[0]
    shown = setting.option.shown or _shown(setting.default)
    annotation = Annotated[kind | None, option(setting.option.panel, setting.option.help, shown, *names)]
    return inspect.Parameter(setting.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _shown(default: Any) -> str | None:
    """A default as `--help` shows it; an empty one, or a switch that is off, is not shown."""
    if default is ... or default is None or default is False or default == []:
        return None
    return "on" if default is True else f"{default:g}" if isinstance(default, float) else str(default)
