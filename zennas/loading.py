"""MODEL: what a command or `zennas.load` takes as a network."""

from pathlib import Path

from zennas.architecture.files import SUFFIXES, read_architecture
from zennas.architecture.model import Architecture
from zennas.architecture.structure import is_structure, parse_structure
from zennas.blocks.registry import validate
from zennas.zoo import zoo_entry


def load(model: "str | Path | Architecture") -> Architecture:
    """The architecture that `model` stands for.

    Args:
        model: a zoo name, a structure string, or an architecture file (`.yaml`, `.json`, `.txt`).

    Raises:
        ArchitectureError: unreadable, or not a valid architecture.
        UnknownNameError: neither a file nor a zoo name; the message has the nearest names.
    """
    if isinstance(model, Architecture):
        return validate(model)
    text = str(model)
    if isinstance(model, str) and is_structure(text):
        return validate(parse_structure(text))
    if Path(text).suffix in SUFFIXES:
        return validate(read_architecture(text))
    return zoo_entry(text).architecture
