"""Settings of a run: validated in one line, and kept in the run's `config.yaml` with the versions that ran."""

import platform
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, PlainSerializer, PlainValidator, ValidationError

from zennas.errors import ArchitectureError, ZennasError, cut, shortened
from zennas.input_size import Resolution, plain, read_resolution
from zennas.io.documents import format_yaml, load_yaml
from zennas.io.text import read_text, write_text

CONFIG = "config.yaml"
_MOST_OF_A_MESSAGE = 300

Settings = TypeVar("Settings", bound=BaseModel)


def _resolution(given: Any) -> Resolution:
    try:
        return read_resolution(given)
    except ArchitectureError as error:
        # The setting's name stands before the message anyway.
        raise ValueError(str(error).removeprefix("resolution ")) from None


ResolutionSetting = Annotated[Resolution, PlainValidator(_resolution), PlainSerializer(plain, return_type=int | str)]
"""A size of images among the settings of a model."""


def validated(model: type[Settings], values: dict[str, Any], where: str = "") -> Settings:
    """Settings from what was given.

    Args:
        model: the settings that there are.
        values: what was given, by setting.
        where: what the message of an error begins with, e.g. the name of a file and a colon.

    Raises:
        ZennasError: in one line: the setting, what is allowed, what was given.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ZennasError(f"{where}{first_problem(error)}") from None


def first_problem(error: ValidationError) -> str:
    """The first of pydantic's complaints in one line: the setting, what is allowed, what was given."""
    first = error.errors(include_url=False)[0]
    name = cut(".".join(map(str, first["loc"])))
    given = f" (given: {shortened(first['input'])})" if name and first["type"] != "missing" else ""
    # A model's own validators may repeat the value.
    message = cut(first["msg"].removeprefix("Value error, "), _MOST_OF_A_MESSAGE)
    return f"{name}{': ' if name else ''}{message}{given}"


def write_settings(settings: BaseModel, directory: Path) -> None:
    """Write `config.yaml`."""
    document = {**settings.model_dump(exclude_none=True, mode="json"), "versions": versions()}
    write_text(directory / CONFIG, format_yaml(document))


def read_settings(directory: Path, what: str, error: type[ZennasError]) -> dict[str, Any]:
    """The settings in a run's `config.yaml`, not yet validated.

    Args:
        directory: of the run.
        what: what is missing where there is no such file, e.g. `run`.
        error: what is raised then, or where the file is damaged.
    """
    path = directory / CONFIG
    if not path.is_file():
        raise error(f"{directory}: no {what} here ({CONFIG} is missing)")
    document = load_yaml(read_text(path), str(path))
    if not isinstance(document, dict):
        raise error(f"{path}: damaged: expected a mapping of settings")
    document.pop("versions", None)
    return document


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    from importlib.metadata import PackageNotFoundError, version

    from zennas import __version__

    found = {"python": platform.python_version(), "zennas": __version__}
    for package in ("numpy", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
