"""The images that a module takes."""

from torch import nn

COLOURS = 3
"""Channels of images of a network that does not say how many it takes."""


def input_channels(network: nn.Module) -> int:
    """Channels of the images that a network takes: those of its first convolution, 3 where it has none."""
    return next((module.in_channels for module in network.modules() if isinstance(module, nn.Conv2d)), COLOURS)
