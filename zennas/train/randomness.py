"""Randomness of the loop as a pure function of the seed and the place in the run.

torchvision's and timm's augmentations draw from the global generators of `random`, numpy and torch. Seeding these from
(seed, epoch, image) around each call, and giving them back as they were, makes an image's augmentation the same
whatever the number of workers and processes, and after a resume, with no generator state to save.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

ORDER, AUGMENT, MIX, WEIGHTS, FORWARD = range(5)
"""Streams: what of a run a seed is derived for."""


def derived_seed(*place: int) -> int:
    """A 64-bit seed from non-negative integers that name a place, e.g. (seed, epoch, image)."""
    return int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0])


@contextmanager
def seeded(*place: int) -> Iterator[None]:
    """Seed the global CPU generators from a place for the time of a block, and restore them after it."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed = derived_seed(*place)
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    # The default CPU generator alone: torch.manual_seed would touch every GPU, for each image.
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


@contextmanager
def seeded_on(device: torch.device, *place: int) -> Iterator[None]:
    """`seeded`, and the generator of a GPU with it.

    Args:
        device: where is computed.
        place: non-negative integers that name a place in a run.
    """
    if device.type != "cuda":
        with seeded(*place):
            yield
        return
    with seeded(*place), torch.random.fork_rng(devices=[device]), torch.cuda.device(device):
        torch.cuda.manual_seed(derived_seed(*place))
        yield
