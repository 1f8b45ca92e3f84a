"""Images that stay in memory as bytes, decoded once."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 512 << 20
"""What the images of a split may take in memory, as bytes of their pixels."""


class Images(Protocol):
    """A split: PIL images in RGB with their classes."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, int]: ...


class ByteImages:
    """Images of one size as an array, from which whole batches are taken.

    Args:
        pixels: uint8, N×H×W×3.
        labels: classes, N.
    """

    def __init__(self, pixels: NDArray[np.uint8], labels: Any) -> None:
        self._pixels = pixels
        self.labels: NDArray[np.int64] = np.asarray(labels, dtype=np.int64)
        self._resized: tuple[int, NDArray[np.uint8]] | None = None

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        from PIL import Image

        return Image.fromarray(self._pixels[index]), int(self.labels[index])

    def part(self, indices: Sequence[int]) -> "ByteImages":
        """Some of the images, in the order of their numbers as given."""
        return ByteImages(self._pixels[indices], self.labels[indices])

    @property
    def side(self) -> int:
        """Height of the images in pixels."""
        return int(self._pixels.shape[1])

    def fits(self, side: int) -> bool:
        """Whether the images are square and, at side×side pixels, together within `MOST_BYTES`."""
        height, width = self._pixels.shape[1:3]
        return height == width and len(self) * side * side * 3 <= MOST_BYTES

    def resized(self, side: int) -> NDArray[np.uint8]:
        """All images at side×side pixels, N×side×side×3 by torchvision's `Resize`; kept for the next call."""
        if self._pixels.shape[1:3] == (side, side):
            return self._pixels
        if self._resized is None or self._resized[0] != side:
            from PIL import Image

            images = [Image.fromarray(p).resize((side, side), Image.Resampling.BILINEAR) for p in self._pixels]
            self._resized = side, np.stack([np.asarray(image) for image in images])
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
            from PIL import Image

            pixels, label = self._kept[index]
            return Image.fromarray(pixels), label
        image, label = self._images[index]
        size = 3 * image.size[0] * image.size[1]
        if size <= self._room:
            self._kept[index] = np.asarray(image), label
            self._room -= size
        return image, label
