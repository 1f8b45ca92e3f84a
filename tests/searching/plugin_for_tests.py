"""Scores that misbehave, for the tests of executors; a module, so that worker processes can import it."""

import os

from zennas.errors import ScoreError
from zennas.scores import Score, register_score


@register_score("slow-width", replace_existing=True)
def slow_width(architecture, resolution, settings):
    value = float(architecture.out_channels + architecture.super_blocks[1].out_channels)
    return Score(value, 0.0, (value, value), 0.0)


@register_score("deadly", replace_existing=True)
def deadly(architecture, resolution, settings):
    """Kills its process for a third of all networks, refuses another part."""
    kernel = architecture.super_blocks[1].kernel
    if kernel == 7:
        os.kill(os.getpid(), 9)
    if architecture.super_blocks[2].kernel == 7:
        raise ScoreError("kernel 7 is refused")
    return slow_width(architecture, resolution, settings)
