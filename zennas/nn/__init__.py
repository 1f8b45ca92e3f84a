"""Modules: needs torch."""

from zennas.nn.build import ZenNet, build, initialise
from zennas.nn.convert import Conversion, convert
from zennas.nn.imported import Imported, import_network, import_weights

__all__ = [
    "Conversion",
    "Imported",
    "ZenNet",
    "build",
    "convert",
    "import_network",
    "import_weights",
    "initialise",
]
