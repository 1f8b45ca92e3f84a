"""Images that stay in memory as bytes, decoded once."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zennas.errors import DataError
from zennas.input_size import Resolution, positions, sides, size_of

MOST_BYTES = 512 << 20
"""What the images of a split may take in memory, as bytes of their pixels."""


class Images(Protocol):
    """A split: PIL images, in RGB or grey, with their classes."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, int]: ...


def as_picture(pixels: NDArray[np.uint8]) -> Any:
    """Bytes H×W×C as a PIL image: grey of one channel, RGB of three."""
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def as_pixels(picture: Any) -> NDArray[np.uint8]:
    """A PIL image as bytes H×W×C."""
    pixels: NDArray[np.uint8] = np.asarray(picture)
    return pixels[..., None] if pixels.ndim == 2 else pixels


class ByteImages:
    """Images of one size as an array, from which whole batches are taken.

    Args:
        pixels: uint8, N×H×W×C.
        labels: classes, N.
        unreadable: what is wrong with images that could not be read, by their numbers, the file's name before it; their
            pixels are of no matter. None by default.
    """

    def __init__(self, pixels: NDArray[np.uint8], labels: Any, unreadable: Mapping[int, str] | None = None) -> None:
        self._pixels = pixels
        self.labels: NDArray[np.int64] = np.asarray(labels, dtype=np.int64)
        self.unreadable = dict(unreadable or {})
        self._resized: tuple[Resolution, NDArray[np.uint8]] | None = None

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if index in self.unreadable:
            raise DataError(self.unreadable[index])
        return as_picture(self._pixels[index]), int(self.labels[index])

    def part(self, indices: Sequence[int]) -> "ByteImages":
        """Some of the images, in the order of their numbers as given."""
        bad = {new: self.unreadable[old] for new, old in enumerate(indices) if old in self.unreadable}
        return ByteImages(self._pixels[indices], self.labels[indices], bad)

    @property
    def size(self) -> Resolution:
        """Size of the images."""
        return size_of(*map(int, self._pixels.shape[1:3]))

    def fits(self, resolution: Resolution) -> bool:
        """Whether the images brought to that size are together within `MOST_BYTES`. A square is cropped out of images
        that are not square, which is done one by one."""
        whole = isinstance(self.size, int) or not isinstance(resolution, int)
        return whole and len(self) * positions(resolution) * self._pixels.shape[3] <= MOST_BYTES

    def resized(self, resolution: Resolution) -> NDArray[np.uint8]:
        """All images at that size, N×H×W×C by torchvision's `Resize`; kept for the next call."""
        if self.size == resolution:
            return self._pixels
        if self._resized is None or self._resized[0] != resolution:
            from PIL import Image

            height, width = sides(resolution)
            images = [as_picture(p).resize((width, height), Image.Resampling.BILINEAR) for p in self._pixels]
            self._resized = resolution, np.stack([as_pixels(image) for image in images])
        return self._resized[1]


class SomeImages:
    """Some images of a split.

    Args:
        images: the split.
        indices: numbers of the images in it, in their new order.
    """

    def __init__(self, images: Images, indices: Sequence[int]) -> None:
        self._images, self._indices = images, indices
        samples = getattr(images, "samples", None)
        # By these an image's file is named.
        self.samples = [samples[index] for index in indices] if samples else None

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self._images[self._indices[index]]


class KeptImages:
    """Images of any size, each decoded once and kept as bytes while there is room for it.

    Args:
        images: read where they are not kept; what cannot be read is read, and raises, every time.
        most_bytes: of pixels that are kept.
    """

    def __init__(self, images: Images, most_bytes: int = MOST_BYTES) -> None:
        self._images, self._room = images, most_bytes
        self._kept: dict[int, tuple[NDArray[np.uint8], int]] = {}
        # By these an image's file is named.
        self.samples = getattr(images, "samples", None)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if index in self._kept:
            pixels, label = self._kept[index]
            return as_picture(pixels), label
        image, label = self._images[index]
        size = len(image.getbands()) * image.size[0] * image.size[1]
        if size <= self._room:
            self._kept[index] = as_pixels(image), label
            self._room -= size
        return image, label
