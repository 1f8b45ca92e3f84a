"""NAS-Bench-Macro (Su et al. 2021): 6,561 MobileNet-like networks for CIFAR-10, each named by eight digits.

A 3×3 stem of 32 channels, then eight layers in stages of 2, 3 and 3; the first of a stage has stride 2 and doubles the
channels. Digit 0 is nothing where shapes match, else a 1×1 convolution without ReLU; 1 and 2 are linear bottlenecks of
3×3 with expansion 3 and of 5×5 with expansion 6. Last a 1×1 convolution to 1280.
"""

from functools import lru_cache

from zennas.architecture.model import Architecture, SuperBlock
from zennas.errors import ArchitectureError, shortened

RESOLUTION = 32
NUM_CLASSES = 10
STAGES = (2, 3, 3)
STEM = 32
HEAD = 1280
BOTTLENECKS = {"1": (3, 3), "2": (5, 6)}
"""Kernel and expansion of each digit but 0."""


def macro_architecture(digits: str) -> Architecture:
    """The network of eight digits 0, 1 or 2. Raises `ArchitectureError`."""
    if len(digits) != sum(STAGES) or set(digits) - set("012"):
        raise ArchitectureError(f"{shortened(digits)} is no NAS-Bench-Macro network; expected eight digits 0, 1 or 2")
    blocks = [SuperBlock("Conv", 3, 3, STEM)]
    codes = iter(digits)
    for depth in STAGES:
        for position in range(depth):
            block = _layer(next(codes), blocks[-1].out_channels, position == 0)
            if block is not None:
                blocks.append(block)
    blocks.append(SuperBlock("Conv", 1, blocks[-1].out_channels, HEAD))
    return Architecture(tuple(blocks), name=digits, resolution=RESOLUTION)


@lru_cache(maxsize=64)
def _layer(digit: str, channels: int, first: bool) -> SuperBlock | None:
    out, stride = (2 * channels, 2) if first else (channels, 1)
    if digit == "0":
        return SuperBlock("Linear", 1, channels, out, stride) if first else None
    kernel, expansion = BOTTLENECKS[digit]
    return SuperBlock("IR", kernel, channels, out, stride, expansion=expansion)
