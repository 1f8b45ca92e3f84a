"""Networks of equal size around ResNet-50 for CIFAR: those that Figure 4 of the paper trains (Section 4.3).

High-level channels shrink, low-level ones grow, layers go, and the width of all is scaled until the parameters are
those of the start again, or any other number of them. `zennas.accuracy.training` trains them.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.counting import costs
from zennas.errors import ZennasError

RESOLUTION = 32
TOLERANCE = 0.01
CHANNEL_STEP = 4
TRIES = 50


def resnet_50_for_cifar() -> Architecture:
    """ResNet-50 with a 3×3 stem of stride 1 and no pooling: stages of 3, 4, 6 and 3 bottleneck blocks."""
    blocks = [SuperBlock("Conv", 3, 3, 64)]
    for number, layers in enumerate((3, 4, 6, 3)):
        width = 64 << number
        # A single group makes GBtn the plain bottleneck block, one a layer.
        stage = SuperBlock("GBtn", 3, blocks[-1].out_channels, 4 * width, 2 if number else 1, width, layers)
        blocks.append(replace(stage, group_width=width))
    return Architecture(tuple(blocks), "resnet-50-cifar", RESOLUTION)


def equal_size_networks(
    count: int,
    num_classes: int = 100,
    seed: int = 0,
    start: Architecture | None = None,
    *,
    params: int | None = None,
) -> list[Architecture]:
    """`count` different networks of the start's parameters, within 1 %. The first of more are those of fewer.

    Args:
        count: networks to find.
        num_classes: outputs of the classifier, which counts as parameters.
        seed: of the sampling.
        start: the network around which they lie; by default `resnet_50_for_cifar()`.
        params: parameters of all networks, in place of the start's.

    Raises:
        ZennasError: so many different ones were not found.
    """
    start = start or resnet_50_for_cifar()
    target = costs(start, RESOLUTION, num_classes).params if params is None else params
    rng = np.random.default_rng(seed)
    found: dict[tuple[SuperBlock, ...], Architecture] = {}
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        widths, layers = _perturbed(start, rng)
        blocks = _scaled_to(start, widths, layers, target, num_classes)
        if blocks is not None and blocks not in found:
            found[blocks] = Architecture(blocks, f"equal-size-{len(found) + 1}", RESOLUTION)
    if len(found) < count:
        raise ZennasError(f"only {len(found)} of {count} different networks with {target} params were found")
    return list(found.values())


def _perturbed(start: Architecture, rng: np.random.Generator) -> tuple[list[float], list[int]]:
    """A factor for the width of every super-block, falling from low to high level on average, and fewer layers."""
    stages = len(start.super_blocks)
    tilt = rng.uniform(0.0, 2.0)
    factors = [float(2 ** (tilt * (0.5 - i / (stages - 1)) + rng.normal(0, 0.35))) for i in range(stages)]
    layers = [int(rng.integers(max(1, b.layers // 2), b.layers + 1)) for b in start.super_blocks]
    return factors, layers


def _scaled_to(
    start: Architecture, factors: Sequence[float], layers: Sequence[int], target: int, num_classes: int
) -> tuple[SuperBlock, ...] | None:
    """The perturbed network at the one width whose parameters come nearest to the target, if near enough."""
    low, high = 0.05, 20.0
    best: tuple[float, tuple[SuperBlock, ...]] | None = None
    for _ in range(40):
        middle = (low * high) ** 0.5
        blocks = _at_width(start, [f * middle for f in factors], layers)
        params = costs(Architecture(blocks), RESOLUTION, num_classes).params
        error = abs(params / target - 1)
        if best is None or error < best[0]:
            best = (error, blocks)
        low, high = (low, middle) if params > target else (middle, high)
    assert best is not None
    return best[1] if best[0] <= TOLERANCE else None


def _at_width(start: Architecture, factors: Sequence[float], layers: Sequence[int]) -> tuple[SuperBlock, ...]:
    blocks: list[SuperBlock] = []
    for block, factor, depth in zip(start.super_blocks, factors, layers, strict=True):
        in_channels = blocks[-1].out_channels if blocks else block.in_channels
        bottleneck = _stepped(block.bottleneck * factor) if block.bottleneck else 0
        blocks.append(
            replace(
                block,
                in_channels=in_channels,
                out_channels=_stepped(block.out_channels * factor),
                bottleneck=bottleneck,
                group_width=bottleneck if block.group_width else 0,
                layers=depth,
            )
        )
    return tuple(blocks)


def _stepped(channels: float) -> int:
    return max(CHANNEL_STEP, round(channels / CHANNEL_STEP) * CHANNEL_STEP)
