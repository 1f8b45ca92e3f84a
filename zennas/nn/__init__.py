"""Modules: needs torch."""

from zennas.nn.build import ZenNet, build, initialise

__all__ = ["ZenNet", "build", "initialise"]
