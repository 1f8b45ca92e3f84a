"""Modules: needs torch."""

from zennas.nn.build import ZenNet, build, initialise
from zennas.nn.convert import Conversion, convert

__all__ = ["Conversion", "ZenNet", "build", "convert", "initialise"]
