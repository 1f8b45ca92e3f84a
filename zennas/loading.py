"""MODEL: what a command or `zennas.load` takes as a network."""

import importlib
import inspect
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zennas.architecture.files import SUFFIXES, read_architecture
from zennas.architecture.model import Architecture
from zennas.architecture.structure import is_structure, parse_structure
from zennas.blocks.registry import validate
from zennas.counting import native_resolution
from zennas.errors import ArchitectureError, UnknownNameError, cut
from zennas.input_size import GivenResolution, Resolution
from zennas.io.imports import allow_import, check_import, users_code
from zennas.optional_dependencies import require, unknown
from zennas.zoo import zoo_entry

if TYPE_CHECKING:
    from torch import nn

    from zennas.nn.convert import Conversion

LIBRARIES = ("torchvision", "timm")
_MODULE = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_][\w.\-/]*)")


def load(model: "str | Path | Architecture", channels: int | None = None) -> Architecture:
    """The architecture that `model` stands for.

    Args:
        model: a zoo name, a structure string, an architecture file (`.yaml`, `.json`, `.txt`), or
            `package.module:factory` where the factory returns an architecture; or a module of `torchvision:NAME`,
            `timm:NAME` or a factory, which is imported (`zennas.import_network`).
        channels: of its images; by default its own.

    Raises:
        ArchitectureError: unreadable, not a valid architecture, or a module that no block types say.
        UnknownNameError: neither a file nor a zoo name; the message has the nearest names.
    """
    if isinstance(model, str) and _MODULE.fullmatch(model):
        network = load_network(model)
        if isinstance(network, Architecture):
            return network.with_channels(channels)
        from zennas.nn.imported import import_network

        return import_network(network, name=model.partition(":")[2]).architecture.with_channels(channels)
    if isinstance(model, Architecture):
        return validate(model.with_channels(channels))
    text = str(model)
    if isinstance(model, str) and is_structure(text):
        return validate(parse_structure(text).with_channels(channels))
    if Path(text).suffix in SUFFIXES:
        return validate(read_architecture(text).with_channels(channels))
    return zoo_entry(text).architecture.with_channels(channels)


def load_network(model: "str | Path | Architecture", channels: int | None = None) -> "Architecture | nn.Module":
    """The architecture or module that `model` stands for, without weights from anywhere.

    Args:
        model: what `load` takes, or `torchvision:NAME`, `timm:NAME`, or `package.module:factory` for a callable
            without arguments that returns an `nn.Module` or an architecture.
        channels: of its images; by default its own. A factory is called with `in_channels` where it takes such an
            argument.

    Raises:
        UnknownNameError: the library has no such model, or the module no such factory.
        MissingExtraError: the library is not installed.
        ArchitectureError: as `load`, or the factory returned something else.
    """
    match = _MODULE.fullmatch(model) if isinstance(model, str) else None
    if match is None:
        return load(model, channels)
    home, name = match.groups()
    if home in LIBRARIES:
        return _on_meta(lambda: library_model(home, name, channels=channels))
    made = from_factory(str(model), **channels_offered(channels))
    return made.with_channels(channels) if isinstance(made, Architecture) else made


def load_module(model: str, with_weights: bool = True) -> "nn.Module":
    """The module that `model` stands for.

    Args:
        model: `torchvision:NAME`, `timm:NAME`, or `package.module:factory` for a module.
        with_weights: whether its weights count; without them none are drawn where the library allows it.

    Raises:
        UnknownNameError: the library has no such model, or the module no such factory.
        MissingExtraError: the library is not installed.
        ArchitectureError: it is no module.
    """
    match = _MODULE.fullmatch(model)
    if match is None:
        raise ArchitectureError(
            f"{cut(model)} is no module; expected torchvision:NAME, timm:NAME or package.module:factory"
        )
    home, name = match.groups()
    library = with_weights and home in LIBRARIES
    network = library_model(home, name) if library else load_network(model)
    if isinstance(network, Architecture):
        raise ArchitectureError(f"{model} is an architecture already")
    made: nn.Module = network
    return made


def check_model_of_file(model: str, where: str, allow_imports: bool) -> None:
    """Refuse a MODEL that would run code of a user's own, where a file alone names it.

    Args:
        model: as the file has it. Zoo names, structures, architecture files and models of `torchvision` and `timm`
            are always allowed.
        where: the place in the file, for the message.
        allow_imports: whether the user allows everything that the file names.

    Raises:
        ImportRefusedError: it is `package.module:factory`, and nobody allowed it.
    """
    if is_module_name(model) and model.partition(":")[0] not in LIBRARIES:
        check_import(model, where, allow_imports)


def is_module_name(model: object) -> bool:
    """Whether it is `torchvision:NAME`, `timm:NAME` or `package.module:factory`."""
    return isinstance(model, str) and _MODULE.fullmatch(model) is not None


def scored_network(
    model: "str | Path | Architecture",
    resolution: GivenResolution | None,
    channels: int | None = None,
    insert_norm: bool = False,
) -> "tuple[Architecture | Conversion, Resolution]":
    """What a score takes, and at which resolution: a module comes converted to its VCN-network.

    Args:
        model: what `load_network` takes.
        resolution: size of the input; by default the network's own.
        channels: of the input; by default the network's own.
        insert_norm: put batch norms where a module has none, see `zennas.convert`.

    Raises:
        ArchitectureError: no resolution is given, and the network has none of its own.
        ScoreError: the module cannot be made a VCN-network.
    """
    network = load_network(model, channels)
    if isinstance(network, Architecture):
        return network, native_resolution(network, resolution)
    if resolution is None:
        raise ArchitectureError(f"{model} is a module without a resolution; give one, e.g. --resolution 224")
    from zennas.nn.convert import convert

    converted = convert(network, resolution, str(model), insert_norm)
    return converted, converted.resolution


def channels_offered(channels: int | None) -> dict[str, int]:
    """What a user's factory is offered where a number of channels is given."""
    return {} if channels is None else {"in_channels": channels}


def library_model(home: str, name: str, extra: str | None = None, channels: int | None = None, **settings: Any) -> Any:
    """A model of `torchvision` or `timm`, with no weights from anywhere.

    Args:
        home: `torchvision` or `timm`.
        name: of the model in that library.
        extra: the extra to name where the library is missing; by default the smallest one that has it.
        channels: of its images; by default its own. timm makes its models for any number.
        settings: what the library's factory takes besides, e.g. `num_classes`.

    Raises:
        UnknownNameError: the library has no such model.
        MissingExtraError: the library is not installed.
        ArchitectureError: a number of channels is asked for that the library does not make the model for.
    """
    if home == "torchvision":
        if channels not in (None, 3):
            raise ArchitectureError(
                f"torchvision:{name} takes images of 3 channels, not {channels}; leave channels out"
            )
        models = require("torchvision", extra or "torch", f"torchvision:{name}").models
        if name not in models.list_models(module=models):
            raise unknown("torchvision model", name, models.list_models(module=models))
        return models.get_model(name, weights=None, **settings)
    timm = require("timm", extra or "train", f"timm:{name}")
    if not timm.is_model(name):
        raise unknown("timm model", name, timm.list_models())
    if channels is not None:
        settings["in_chans"] = channels
    return timm.create_model(name, pretrained=False, **settings)


def _on_meta(make: Any) -> Any:
    """Only the wiring is read, so that no memory is spent on weights where the library allows it."""
    torch = require("torch", "torch", "a torch module")
    try:
        with torch.device("meta"):
            return make()
    except (NotImplementedError, RuntimeError):
        # Some constructors compute with their weights, which meta tensors have none of.
        return make()


def users_object(model: str) -> Any:
    """What the name in `package.module:name` stands for.

    Args:
        model: the name. One that a file gives is checked before, by `check_model_of_file`.

    Raises:
        UnknownNameError: no such module, or nothing of that name in it.
        ZennasError: the module would end the process.
    """
    home, _, name = model.partition(":")
    here = os.getcwd()
    sys.path.insert(0, here)  # as `python -m` does, so that a user's module beside them is found
    try:
        with users_code(home):
            module = importlib.import_module(home)
    except ModuleNotFoundError as error:
        if error.name is None or not (home == error.name or home.startswith(f"{error.name}.")):
            raise
        raise UnknownNameError(
            f"{home}:{name}: there is no module {error.name}; expected torchvision:NAME, timm:NAME or "
            "package.module:factory"
        ) from None
    finally:
        # Not the first one: the module may have put another before it.
        with suppress(ValueError):
            sys.path.remove(here)
    if not hasattr(module, name):
        raise unknown(f"factory in {home}", name, [n for n in vars(module) if callable(getattr(module, n))])
    allow_import(model)
    return getattr(module, name)


def from_factory(model: str, **offered: Any) -> "Architecture | nn.Module":
    """What `package.module:factory` makes.

    Args:
        model: its name. One that a file gives is checked before, by `check_model_of_file`.
        offered: arguments that the factory is called with where it has parameters of those names.

    Raises:
        UnknownNameError: no such module, or no such factory in it.
        ZennasError: the module or the factory would end the process.
        ArchitectureError: it cannot be called so, or returned something else.
    """
    torch = require("torch", "torch", model)
    made = users_object(model)
    if not isinstance(made, Architecture | torch.nn.Module):
        if not callable(made):
            raise ArchitectureError(f"{model} is {type(made).__name__}; expected a callable that makes a module")
        taken = {key: value for key, value in offered.items() if _takes(made, key)}
        try:
            with users_code(f"{model}()"):
                made = made(**taken)
        except TypeError as error:
            how = f"with {', '.join(taken)} alone" if taken else "without arguments"
            raise ArchitectureError(f"{model}() failed: {error}; it is called {how}") from error
    if isinstance(made, Architecture):
        return validate(made)
    if isinstance(made, torch.nn.Module):
        module_made: nn.Module = made
        return module_made
    raise ArchitectureError(f"{model} made a {type(made).__name__}; expected an nn.Module or an Architecture")


def _takes(function: Any, argument: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # some callables written in C tell nothing
        return False
    return argument in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
