"""What a command's option, a docstring and a run's file need to know of one setting, said once beside its field.

A settings model annotates each field with an `Option`:

    class SearchConfig(BaseModel):
        iterations: Annotated[int, Field(ge=1), Option("Networks to propose (T).", "Search")] = 48_000
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Option:
    """How a setting is given on the command line and explained there.

    Attributes:
        help: what it sets, with its unit, in a sentence.
        panel: the heading under which `--help` lists it.
        name: the option's name without dashes, where it is not the setting's, e.g. `classes` for `num_classes`.
        shown: the default as `--help` shows it, where it is not the setting's own, e.g. `CIFAR 1440, digits 30`.
        parse: makes the value of the option's text and the option's name, which stands in its errors; for settings that
            are written with a unit, e.g. a time `20m`.
        format: makes the option's text of the value, where that is not `str`.
        repeated: a list is given by repeating the option; else as one text with commas.
    """

    help: str
    panel: str
    name: str = ""
    shown: str = ""
    parse: Callable[[str, str], Any] | None = None
    format: Callable[[Any], str] = str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a model.

    Attributes:
        name: the field's name; the key in files and the keyword in Python.
        types: what its value may be, without `None`.
        default: its value where none is given; `...` for a setting that must be given.
    """

    name: str
    types: tuple[Any, ...]
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """The option's name with its dashes, e.g. `--round-size`."""
        return "--" + (self.option.name or self.name).replace("_", "-")

    @property
    def is_switch(self) -> bool:
        """Whether it is a `bool`: an option without a value."""
        return self.types == (bool,)

    @property
    def takes_list(self) -> bool:
        """Whether its value may be a list."""
        return any(get_origin(kind) is list for kind in self.types)

    def from_option(self, given: Any) -> Any:
        """The setting's value of what its option was given; a text with commas becomes a list where one is taken."""
        if self.option.parse is not None:
            return self.option.parse(given, self.flag)
        if isinstance(given, str) and self.takes_list and ("," in given or str not in self.types):
            return [part.strip() for part in given.split(",") if part.strip()]
        return given

    def words(self, value: Any) -> list[str]:
        """The words on the command line that give a value, e.g. `["--params", "1M,2M"]`."""
        if self.is_switch:
            return [self.flag if value else "--no-" + self.flag[2:]]
        if isinstance(value, list | tuple):
            texts = [self.option.format(part) for part in value]
            return [word for text in texts for word in (self.flag, text)] if self.option.repeated else [
                self.flag, ",".join(texts)
            ]  # fmt: skip
        return [self.flag, self.option.format(value)]


def settings_of(model: type[BaseModel]) -> list[Setting]:
    """The settings of a model, in the order of its fields: those that have an `Option`."""
    found = []
    for name, info in model.model_fields.items():
        option = next((item for item in info.metadata if isinstance(item, Option)), None)
        if option is not None:
            default = ... if info.is_required() else info.get_default(call_default_factory=True)
            found.append(Setting(name, _types(info.annotation), default, option))
    return found


def _types(annotation: Any) -> tuple[Any, ...]:
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return tuple(kind for kind in kinds if kind is not NoneType)
