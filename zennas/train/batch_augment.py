"""The augmentation of small images, on whole batches: the distribution of `train_transform`, image by image.

What chance decides of an image is drawn for all images of an epoch at once, from (seed, epoch), and looked up by the
image's number. So it does not depend on the batch, the worker or the process that an image is prepared in.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zennas.input_size import Resolution, sides
from zennas.train.augment import (
    ERASED_ASPECT,
    ERASED_SHARE,
    ERASING_ATTEMPTS,
    auto_augment,
    crop_margins,
    principal_colours,
)
from zennas.train.config import TrainConfig
from zennas.train.datasets import ImageData
from zennas.train.images import as_picture, as_pixels
from zennas.train.randomness import AUGMENT

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Draws:
    """What chance decides of each of N images in an epoch.

    Attributes:
        offsets: top and left of the crop in the padded image, N×2.
        mirrored: whether it is mirrored, N.
        shifts: what lighting adds to its channels, N×C.
        boxes: top, left, height and width of the erased rectangle, N×4; of height 0 where none is.
        policies: AutoAugment's sub-policy as a fraction of their number, N.
        chances: what the probabilities of its two operations are compared with, N×2.
        signs: of their magnitudes, 0 for a negative one, N×2.
        seeds: of the erased rectangle's pixels, N.
    """

    offsets: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    shifts: NDArray[np.float32]
    boxes: NDArray[np.int64]
    policies: NDArray[np.float64]
    chances: NDArray[np.float64]
    signs: NDArray[np.int64]
    seeds: NDArray[np.int64]


class BatchAugment:
    """Augments and normalises batches of images of one size.

    Args:
        config: has the strength of each augmentation, and the seed.
        data: the data set, whose kind, mean and standard deviation are followed; its training images are of one size.
        resolution: size H×W of the images.

    Raises:
        MissingExtraError: torchvision is not installed.
    """

    def __init__(self, config: TrainConfig, data: ImageData, resolution: Resolution) -> None:
        self._config, self._data, self._resolution = config, data, resolution
        if config.auto_augment:
            # Where torchvision is missing, it is said before the first batch.
            auto_augment(data)
        self._drawn: tuple[int, Draws] | None = None

    def __call__(self, pixels: Pixels, epoch: int, indices: NDArray[np.int64]) -> Tensor:
        """Augmented, normalised images n×C×H×W, channels last.

        Args:
            pixels: the images n×H×W×C.
            epoch: from 0.
            indices: their numbers in the training split, n.
        """
        draws = self._draws(epoch)
        pixels = _cropped(pixels, draws.offsets[indices], draws.mirrored[indices], crop_margins(self._resolution))
        if self._config.auto_augment:
            _change_each(pixels, auto_augment(self._data), draws, indices)
        images = as_images(pixels)
        if self._config.lighting:
            images += torch.from_numpy(draws.shifts[indices])[:, :, None, None]
        normalise(images, self._data)
        _erase(images, draws.boxes[indices], draws.seeds[indices])
        return images

    def _draws(self, epoch: int) -> Draws:
        if self._drawn is None or self._drawn[0] != epoch:
            rng = np.random.default_rng((self._config.seed, AUGMENT, epoch))
            count, channels = len(self._data.train), self._data.channels
            self._drawn = epoch, draw(self._config, count, self._resolution, channels, rng)
        return self._drawn[1]


def draw(config: TrainConfig, count: int, resolution: Resolution, channels: int, rng: np.random.Generator) -> Draws:
    """Decide by chance what is done to each image of an epoch.

    Args:
        config: has the strength of each augmentation.
        count: images of the training split.
        resolution: size of the images.
        channels: of the images.
        rng: is drawn from, equally often whatever the strengths are.
    """
    margins = crop_margins(resolution)
    # numpy draws in another way below a list of bounds; square images are cropped as they always were.
    most: int | list[int] = 2 * margins[0] if margins[0] == margins[1] else [2 * margin for margin in margins]
    return Draws(
        rng.integers(0, most, (count, 2), endpoint=True),
        rng.random(count) < config.flip,
        (config.lighting * rng.standard_normal((count, 3)) @ principal_colours(channels).numpy().T).astype(np.float32),
        _boxes(config.erasing, count, sides(resolution), rng),
        rng.random(count),
        rng.random((count, 2)),
        rng.integers(0, 2, (count, 2)),
        rng.integers(0, np.iinfo(np.int64).max, count),
    )


def _boxes(probability: float, count: int, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.int64]:
    """timm's rectangles: the first of several attempts that is smaller than the image, at a random place."""
    erased = rng.random(count) < probability
    areas = rng.uniform(*ERASED_SHARE, (count, ERASING_ATTEMPTS)) * size[0] * size[1]
    lowest, highest = np.log(ERASED_ASPECT)
    aspects = np.exp(rng.uniform(lowest, highest, (count, ERASING_ATTEMPTS)))
    sizes: NDArray[np.int64] = np.rint(np.sqrt(np.stack([areas * aspects, areas / aspects], 2))).astype(np.int64)
    fitting = np.all(sizes < np.array(size), axis=2)
    chosen = sizes[np.arange(count), fitting.argmax(1)]
    chosen[~(erased & np.any(fitting, axis=1))] = 0
    corners = np.floor(rng.random((count, 2)) * (np.array(size) - chosen + 1)).astype(np.int64)
    return np.concatenate([corners, chosen], 1)


def _cropped(
    pixels: Pixels, offsets: NDArray[np.int64], mirrored: NDArray[np.bool_], margins: tuple[int, int]
) -> Pixels:
    """Crops of the images' own size out of their black margin, some of them mirrored."""
    count, height, width = pixels.shape[:3]
    above, left = margins
    padded = np.pad(pixels, ((0, 0), (above, above), (left, left), (0, 0)))
    rows = offsets[:, :1] + np.arange(height)
    columns = offsets[:, 1:] + np.where(mirrored[:, None], np.arange(width)[::-1], np.arange(width))
    cropped: Pixels = padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return cropped


def _change_each(pixels: Pixels, augment: Any, draws: Draws, indices: NDArray[np.int64]) -> None:
    """Put each image through torchvision's AutoAugment, in place, with what was drawn for it."""
    # It makes the table of magnitudes anew for every operation, which takes longer than most of them.
    augment._augmentation_space = cache(augment._augmentation_space)
    for image, index in zip(pixels, indices, strict=True):

        def drawn(count: int, index: int = index) -> tuple[int, Any, Any]:
            return int(draws.policies[index] * count), draws.chances[index], draws.signs[index]

        augment.get_params = drawn
        image[:] = as_pixels(augment(as_picture(image)))


def _erase(images: Tensor, boxes: NDArray[np.int64], seeds: NDArray[np.int64]) -> None:
    generator = torch.Generator()
    for number in np.flatnonzero(boxes[:, 2]).tolist():
        top, left, height, width = boxes[number].tolist()
        generator.manual_seed(int(seeds[number]))
        noise = torch.randn((images.shape[1], height, width), generator=generator)
        images[number, :, top : top + height, left : left + width] = noise


def as_images(pixels: Pixels) -> Tensor:
    """Bytes n×H×W×C → floats in [0, 1], n×C×H×W, channels last."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).to(torch.float32).div_(255)


def normalise(images: Tensor, data: ImageData) -> None:
    """Bring images in [0, 1], n×C×H×W, to the data set's mean 0 and standard deviation 1, in place."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (data.mean, data.std))
    images.sub_(mean).div_(std)


class BatchPrepare:
    """Normalises batches without chance, as `evaluation_transform` does each image.

    Args:
        data: the data set, whose mean and standard deviation are followed.
    """

    def __init__(self, data: ImageData) -> None:
        self._data = data

    def __call__(self, pixels: Pixels, epoch: int, indices: NDArray[np.int64]) -> Tensor:
        """Normalised images n×C×H×W, channels last; `epoch` and `indices` decide nothing.

        Args:
            pixels: the images n×H×W×C.
            epoch: from 0.
            indices: their numbers in the split, n.
        """
        images = as_images(pixels)
        normalise(images, self._data)
        return images
