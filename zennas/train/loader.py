"""Batches in an order that is a function of the seed alone, and images that cannot be read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zennas.errors import DataError
from zennas.input_size import Resolution
from zennas.train.augment import Transform
from zennas.train.datasets import image_name
from zennas.train.images import ByteImages, Images
from zennas.train.randomness import AUGMENT, ORDER, derived_seed, seeded

Key = tuple[int, int]
"""Epoch and index of an image."""

BatchTransform = Callable[[NDArray[np.uint8], int, NDArray[np.int64]], Tensor]
"""Images n×H×W×C, their epoch and their numbers → n×C×H×W."""

# Beyond it, a resize to the shorter side makes an image too large to hold, and a crop shows nothing of it.
_MAX_ASPECT = 32


@dataclass(frozen=True)
class Batch:
    """Images N×C×H×W and their classes N; `bad` names what could not be read and was left out."""

    images: Tensor
    labels: Tensor
    bad: tuple[str, ...] = ()

    def pin_memory(self) -> "Batch":
        """The same in pinned memory, from which a GPU copies while others compute; torch's loader calls it."""
        return Batch(self.images.pin_memory(), self.labels.pin_memory(), self.bad)


@dataclass
class BadImages:
    """What to do with images that cannot be used, and those met so far."""

    stop: bool
    names: list[str] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        """Note a batch's bad images. Raises `DataError` at the first one if `stop`, or where none is left."""
        if not self.note(batch):
            raise DataError(f"no image of a whole batch can be used; the last one: {batch.bad[-1]}")

    def note(self, batch: Batch) -> bool:
        """The same; whether any of its images can be used. Raises `DataError` at the first bad one if `stop`."""
        if batch.bad and self.stop:
            raise DataError(f"{batch.bad[0]}; leave such images out with --on-bad-image skip")
        self.names += [name for name in batch.bad if name not in self.names]
        return bool(len(batch.labels))


def bad_images(on_bad_image: str) -> BadImages:
    """From a user's `skip` or `stop`. Raises `DataError` for anything else."""
    if on_bad_image not in ("skip", "stop"):
        raise DataError(f"--on-bad-image {on_bad_image!r} is not allowed; use skip or stop")
    return BadImages(on_bad_image == "stop")


class PreparedImages(Dataset[tuple[Tensor, int] | str]):
    """Images after a transform, by (epoch, index), with chance seeded from (seed, epoch, index)."""

    def __init__(self, images: Images, transform: Transform, seed: int) -> None:
        self._images, self._transform, self._seed = images, transform, seed

    def __getitem__(self, key: Key) -> tuple[Tensor, int] | str:
        """C×H×W and the class, or what is wrong with the image."""
        epoch, index = key
        try:
            image, label = self._images[index]
            width, height = image.size
        except DataError as error:  # met before, and named
            return str(error)
        except Exception as error:  # the readers of image formats raise whatever a broken file leads them to
            return f"{image_name(self._images, index)}: cannot be read: {error}"
        if max(width, height) > _MAX_ASPECT * min(width, height):
            return f"{image_name(self._images, index)}: {width}×{height} is not the shape of an image to train on"
        with seeded(self._seed, AUGMENT, epoch, index):
            return self._transform(image), label


class PreparedBatches(Dataset[Batch]):
    """Whole batches of images that are in memory, after a transform.

    Args:
        images: have one size.
        resolution: size that they are brought to, once for all.
        transform: of a batch; what it draws must follow from the epoch and the images' numbers alone.
    """

    def __init__(self, images: ByteImages, resolution: Resolution, transform: BatchTransform) -> None:
        # Here, before worker processes begin, which share it.
        self._pixels, self._labels = images.resized(resolution), images.labels
        self._unreadable, self._transform = images.unreadable, transform

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        """The batch of some keys, all of one epoch."""
        bad = tuple(self._unreadable[index] for _, index in keys if index in self._unreadable)
        indices = np.array([index for _, index in keys if index not in self._unreadable], dtype=np.int64)
        images = self._transform(self._pixels[indices], keys[0][0], indices) if len(indices) else torch.empty(0)
        return Batch(images, torch.from_numpy(self._labels[indices]), bad)


def collate(items: Sequence[tuple[Tensor, int] | str] | Batch) -> Batch:
    """Stack what could be read; a batch is one already."""
    if isinstance(items, Batch):
        return items
    good = [item for item in items if not isinstance(item, str)]
    bad = tuple(item for item in items if isinstance(item, str))
    images = torch.stack([image for image, _ in good]) if good else torch.empty(0)
    return Batch(images, torch.tensor([label for _, label in good], dtype=torch.long), bad)


def train_batches(
    count: int, batch_size: int, accumulate: int, seed: int, epoch: int, rank: int = 0, processes: int = 1
) -> list[list[Key]]:
    """The batches of one process in one epoch: `accumulate` of them for each optimiser step.

    The images of a step are the same however many processes and accumulated batches share them. Images that do
    not fill a last step wait for another epoch's order.

    Args:
        count: images of the training split.
        batch_size: images of one optimiser step, over all processes and accumulated batches.
        accumulate: batches that make one step; it divides `batch_size`.
        seed: of the order, with `epoch`.
        epoch: number of the epoch; it is in every key, since augmentation draws by it.
        rank: of this process among `processes`.
        processes: processes that share every batch.

    Raises:
        DataError: fewer images than a batch, or a batch that the processes cannot share evenly.
    """
    if count < batch_size:
        raise DataError(f"{count} images are fewer than one batch of {batch_size}; use a smaller --batch-size")
    part = batch_size // accumulate
    if part % processes:
        raise DataError(
            f"batches of {part} images ({batch_size} in {accumulate}) cannot be shared by {processes} processes; "
            f"use a --batch-size that is a multiple of {processes * accumulate}"
        )
    generator = torch.Generator().manual_seed(derived_seed(seed, ORDER, epoch))
    order = torch.randperm(count, generator=generator).tolist()
    return [
        [(epoch, index) for index in order[start + rank : start + part : processes]]
        for start in range(0, count - count % batch_size, part)
    ]


def evaluation_batches(count: int, batch_size: int, rank: int = 0, processes: int = 1) -> list[list[Key]]:
    """All images once, in order, shared by the processes.

    Args:
        count: images of the split.
        batch_size: images of a batch; the last one may have fewer.
        rank: of this process among `processes`; it takes every `processes`-th image from the one of its number on.
        processes: processes that share the images.
    """
    mine = range(rank, count, processes)
    return [[(0, index) for index in mine[start : start + batch_size]] for start in range(0, len(mine), batch_size)]


def batch_loader(
    images: PreparedImages | PreparedBatches, batches: list[list[Key]], workers: int, device: torch.device
) -> Any:
    """An iterable of `Batch`, in the order of `batches` whatever the number of workers.

    Args:
        images: prepares an image by its key, or a batch by its keys.
        batches: keys of the images of each batch.
        workers: processes that prepare images; 0: this one.
        device: where the batches go; memory is pinned for CUDA.
    """
    return DataLoader(
        images,
        batch_sampler=batches,  # type: ignore[arg-type,unused-ignore]
        num_workers=workers,
        collate_fn=collate,
        pin_memory=device.type == "cuda",
        # Of its own, so that no global generator advances; nothing is drawn from it that matters.
        generator=torch.Generator(),
    )
