"""Images held out of a training split, so that networks can be compared without a look at the test images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zennas.errors import DataError
from zennas.train.datasets import ImageData
from zennas.train.images import ByteImages, Images, SomeImages


def hold_out(data: ImageData, share: float, seed: int) -> ImageData:
    """A data set whose test images are held out of its training images; its own test images are left alone.

    Args:
        data: the data set; its splits know their classes.
        share: of every class's training images that is held out, between 0 and 1; at least one image of a class is
            held out and one is left.
        seed: of which they are.

    Raises:
        DataError: a class has a single training image.
    """
    labels = _labels(data.train)
    rng = np.random.default_rng(seed)
    held: list[int] = []
    for number, name in enumerate(data.classes):
        members = np.flatnonzero(labels == number)
        if len(members) < 2:
            raise DataError(
                f"class {name!r} has {len(members)} training image{'' if len(members) == 1 else 's'}; two are needed "
                "where some are held out"
            )
        count = min(len(members) - 1, max(1, round(share * len(members))))
        held += rng.permutation(members)[:count].tolist()
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[held] = True
    learned, tested = (_part(data.train, np.flatnonzero(which).tolist()) for which in (~chosen, chosen))
    return replace(data, train=learned, test=tested)


def _labels(images: Images) -> NDArray[np.int64]:
    labels = images.labels if isinstance(images, ByteImages) else getattr(images, "targets", None)
    assert labels is not None, "torchvision's folders have targets"
    return np.asarray(labels, dtype=np.int64)


def _part(images: Images, indices: Sequence[int]) -> Images:
    return images.part(indices) if isinstance(images, ByteImages) else SomeImages(images, indices)
