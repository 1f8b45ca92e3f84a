"""Images in the format IDX, in which MNIST, Fashion-MNIST and their kin are published, packed by gzip or not."""

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zennas.errors import DataError
from zennas.train.images import MOST_BYTES

FOLDERS = (".", "raw", "MNIST/raw", "FashionMNIST/raw")
"""Where below a directory the files may be: torchvision keeps them in folders of its own."""
_IMAGES, _LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
_BYTES = 8  # the format's code for unsigned bytes


def read_split(directory: Path, name: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The images N×H×W of a split and their classes N.

    Args:
        directory: that holds the files, or one of `FOLDERS` in it.
        name: what the files' names begin with: `train` or `t10k`.

    Raises:
        DataError: a file is missing, damaged or of another format, or images and labels differ in number.
    """
    path, labels_path = (_found(directory, f"{name}-{what}") for what in (_IMAGES, _LABELS))
    images, labels = _array(path, 3), _array(labels_path, 1)
    if len(images) != len(labels):
        raise DataError(f"{path}: {len(images)} images, but {labels_path.name} has {len(labels)} labels")
    if not images.size:
        raise DataError(f"{path}: holds no image")
    return images, labels


def _found(directory: Path, name: str) -> Path:
    """The file of that name; some copies have a dot for the second dash."""
    for folder in FOLDERS:
        for stem in (name, name.replace("-idx", ".idx")):
            for suffix in ("", ".gz"):
                path = directory / folder / f"{stem}{suffix}"
                if path.is_file():
                    return path
    raise DataError(
        f"{directory}: no {name} here (nor {name}.gz); give the directory that holds train-{_IMAGES}, train-{_LABELS}, "
        f"t10k-{_IMAGES} and t10k-{_LABELS}"
    )


def _array(path: Path, dimensions: int) -> NDArray[np.uint8]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if len(content) > MOST_BYTES:
        raise DataError(f"{path}: more than {MOST_BYTES >> 20} MiB of images, which are read at once")
    header = content[: 4 + 4 * dimensions]
    if header[:4] != bytes((0, 0, _BYTES, dimensions)) or len(header) < 4 + 4 * dimensions:
        raise DataError(f"{path}: not an IDX file of bytes in {dimensions} dimension{'s' if dimensions > 1 else ''}")
    shape = [int(size) for size in np.frombuffer(header, ">u4", offset=4)]
    values = np.frombuffer(content, np.uint8, offset=len(header))
    expected = int(np.prod(shape, dtype=object))
    if len(values) != expected:
        raise DataError(f"{path}: damaged: {len(values)} bytes where {'×'.join(map(str, shape))} are announced")
    return values.reshape(shape)
