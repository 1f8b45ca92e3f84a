"""With how many threads a training is the fastest on this CPU, measured on steps of a copy of its network."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zennas.input_size import Resolution, sides
from zennas.nn.inputs import input_channels
from zennas.threads import torch_threads
from zennas.train.config import TrainConfig
from zennas.train.layout import MEMORY_FORMATS
from zennas.train.randomness import seeded

ROUNDS = 5
LONG_ENOUGH = 0.2
"""Seconds of a step that is timed: a shorter one takes in more images, as far as the batch has them."""
HOPELESS = 1.5
"""A number of threads that takes so many times as long as the fastest in the first round is not tried again."""
WORTH_IT = 0.95
"""Of the highest speed: what the fewest threads must reach to be taken instead, since others may use the cores."""


@dataclass(frozen=True)
class ThreadChoice:
    """What was measured and taken.

    Attributes:
        threads: the number that was taken.
        images_per_second: of forward and backward pass, by number of threads.
    """

    threads: int
    images_per_second: Mapping[int, float]

    def __str__(self) -> str:
        speeds = ", ".join(f"{count}: {speed:,.0f}" for count, speed in sorted(self.images_per_second.items()))
        return f"{self.threads} of {max(self.images_per_second)} (images/s in a trial with {speeds})"


def fastest_threads(
    config: TrainConfig,
    network: nn.Module,
    teacher: nn.Module | None,
    resolution: Resolution,
    accelerator: Any,
    announce: Callable[[str], None] | None = None,
) -> int | None:
    """The fastest number of threads for a training, of those that torch would take; `None` for several processes and on
    a GPU.

    Args:
        config: settings of the run; `layout` is one of the two.
        network: what is to be trained; it is left as it is.
        teacher: what it learns from, or `None`.
        resolution: side of the images in pixels.
        accelerator: accelerate's, with the run's device and precision.
        announce: told in a line what was measured; not where there is one thread anyway.
    """
    if accelerator.device.type != "cpu" or accelerator.num_processes > 1:
        return None
    most = torch.get_num_threads()
    if most == 1:
        return 1
    step = trial_step(network, teacher, resolution, config.layout, accelerator, config.seed)
    choice = measured_threads(step, config.batch_size // config.accumulate, most)
    if announce is not None:
        announce(f"threads: {choice}; --threads sets it")
    return choice.threads


def measured_threads(step: Callable[[int], object], batch: int, most: int) -> ThreadChoice:
    """The number of threads with which a step is the fastest, or the smallest that is nearly as fast.

    Tried are `most`, half of it and so on down to one, in turn, so that all meet what else the machine does.

    Args:
        step: takes a training step on so many images.
        batch: images of a step of the training.
        most: threads that there may be.
    """
    images = _images_that_last(step, batch)
    seconds: dict[int, list[float]] = {count: [] for count in halved(most)}
    for number in range(ROUNDS):
        fastest = min((statistics.median(taken) for taken in seconds.values() if taken), default=0.0)
        for count, taken in seconds.items():
            if number and statistics.median(taken) > HOPELESS * fastest:
                continue
            with torch_threads(count):
                taken.append(_timed(step, images))
    speeds = {count: images / statistics.median(taken) for count, taken in seconds.items()}
    enough = WORTH_IT * max(speeds.values())
    return ThreadChoice(min(count for count, speed in speeds.items() if speed >= enough), speeds)


def halved(most: int) -> Sequence[int]:
    """`most`, half of it, and so on down to one."""
    counts = [most]
    while counts[-1] > 1:
        counts.append(counts[-1] // 2)
    return counts


def _images_that_last(step: Callable[[int], object], batch: int) -> int:
    """So many images that one thread needs `LONG_ENOUGH` for them, a batch at most; what torch prepares at its first
    steps is over then."""
    images = min(2, batch)
    with torch_threads(1):
        step(images)
        while images < batch and _timed(step, images) < LONG_ENOUGH:
            images = min(2 * images, batch)
    return images


def _timed(step: Callable[[int], object], images: int) -> float:
    start = time.perf_counter()
    step(images)
    return time.perf_counter() - start


def trial_step(
    network: nn.Module, teacher: nn.Module | None, resolution: Resolution, layout: str, accelerator: Any, seed: int
) -> Callable[[int], None]:
    """A step of a training, without the update, on a copy of the network: it is left as it is, and so is chance.

    Args:
        network: what is to be trained, on the CPU.
        teacher: what it learns from, or `None`.
        resolution: side of the images in pixels.
        layout: of the weights and images, `channels-last` or `contiguous`.
        accelerator: accelerate's, with the run's precision.
        seed: of what the network itself draws, as dropout does.
    """
    memory_format = MEMORY_FORMATS[layout]
    copy = deepcopy(network).to(memory_format=memory_format).train()
    shape = (input_channels(network), *sides(resolution))

    def step(images: int) -> None:
        pixels = torch.linspace(-1, 1, images * shape[0] * shape[1] * shape[2]).reshape(images, *shape)
        pixels = pixels.contiguous(memory_format=memory_format)
        with seeded(seed), accelerator.autocast():
            logits: Tensor = copy(pixels)
            if teacher is not None:
                with torch.no_grad():
                    teacher(pixels)
            logits.float().square().mean().backward()

    return step
