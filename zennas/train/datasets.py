"""The data sets: CIFAR and image folders through torchvision, and scikit-learn's digits, which need no download."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zennas.errors import DataError
from zennas.input_size import Resolution, shown, size_of
from zennas.optional_dependencies import require
from zennas.train.config import split_data
from zennas.train.idx import read_split
from zennas.train.images import MOST_BYTES, ByteImages, Images, as_picture, as_pixels

# Mean and standard deviation of a channel, of images in [0, 1].
_CIFAR = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
}
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_DIGITS = (0.305, 0.377)
_DIGITS_TEST_FRACTION = 0.2

LUMA = (0.299, 0.587, 0.114)
"""What red, green and blue count in the brightness of a pixel (ITU-R BT.601), as Pillow makes grey images."""

RESOLUTIONS = {"digits": 32, "cifar10": 32, "cifar100": 32, "imagefolder": 224}
"""Side at which networks see each kind of data where nobody says otherwise; other kinds have that of their images."""

SMALL_SIDE = 64
"""Pixels: a folder of squares of one size up to this side is treated as CIFAR, one of larger images as ImageNet."""


@dataclass(frozen=True)
class ImageData:
    """A data set for classification.

    Attributes:
        kind: `digits`, `cifar10`, `cifar100`, `idx` or `imagefolder`.
        train: images to learn from; `ByteImages` where all are small and of one size, so that whole batches can be
            taken.
        test: images to evaluate on.
        classes: names, in the order of the network's outputs.
        resolution: size at which networks usually see them.
        mean: of a channel, for images in [0, 1].
        std: of a channel, for images in [0, 1].
    """

    kind: str
    train: Images
    test: Images
    classes: tuple[str, ...]
    resolution: Resolution
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def channels(self) -> int:
        """Channels of the images: 1 of grey ones, 3 of colour."""
        return len(self.mean)

    @property
    def photographs(self) -> bool:
        """Whether the images differ in size, so that a crop of any size is taken from them; small ones of one size are
        shifted instead."""
        return self.kind == "imagefolder" and not isinstance(self.train, ByteImages)


def open_data(data: str, download: bool = False, small_folders: bool = True, channels: int = 3) -> ImageData:
    """Open a data set.

    Args:
        data: `digits`, `cifar10:DIR`, `cifar100:DIR`, `idx:DIR` with the four files of MNIST or Fashion-MNIST, or
            `imagefolder:DIR` with DIR/train/CLASS/IMAGE and DIR/val/CLASS/IMAGE (or DIR/test).
        download: fetch CIFAR where it is missing; nothing is fetched otherwise.
        small_folders: read a folder whose images are all squares of one size of at most `SMALL_SIDE` pixels into
            memory, to be treated as CIFAR's.
        channels: 3 for colour, as which grey images are read, too; 1 for grey, which colour is made.

    Raises:
        DataError: missing or incomplete, or another number of channels; the message says what to do.
    """
    if channels not in (1, 3):
        raise DataError(f"the network takes {channels} channels, but images have 3, or 1 if they are grey")
    kind, directory = split_data(data)
    if kind == "digits":
        return _digits(channels)
    if kind == "idx":
        return _idx(Path(directory), channels)
    if kind == "imagefolder":
        opened = _image_folder(Path(directory), channels)
        return _in_memory(opened) if small_folders else opened
    return _cifar(kind, Path(directory), download, channels)


def image_name(images: Images, index: int) -> str:
    """The file of an image where it has one, else its number."""
    samples = getattr(images, "samples", None)
    return str(samples[index][0]) if samples else f"image {index}"


def _of_colour(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> tuple[tuple[float, ...], ...]:
    """Mean and standard deviation of images whose colours have these; grey ones as if all colours went together."""
    if channels == 3:
        return mean, std
    return tuple((float(np.dot(LUMA, values)),) for values in (mean, std))


def _grey_images(pixels: NDArray[np.uint8], labels: Any, channels: int) -> ByteImages:
    """Grey images N×H×W, all their channels alike."""
    return ByteImages(np.repeat(pixels[..., None], channels, 3), labels)


def _digits(channels: int) -> ImageData:
    """scikit-learn's 1,797 digits of 8×8 pixels; a fixed fifth of each class is the test split."""
    bunch = require("sklearn.datasets", "train", "the digits data set").load_digits()
    split = require("sklearn.model_selection", "train", "the digits data set").train_test_split
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    labels = [int(label) for label in bunch.target]
    train, test = split(range(len(labels)), test_size=_DIGITS_TEST_FRACTION, random_state=0, stratify=labels)

    def part(chosen: Sequence[int]) -> ByteImages:
        return _grey_images(pixels[chosen], [labels[i] for i in chosen], channels)

    mean, std = ((value,) * channels for value in _DIGITS)
    return ImageData("digits", part(train), part(test), tuple(map(str, range(10))), RESOLUTIONS["digits"], mean, std)


def _idx(directory: Path, channels: int) -> ImageData:
    """The files of MNIST and its kin; mean and standard deviation are those of the training images."""
    pixels, labels = read_split(directory, "train")
    test_pixels, test_labels = read_split(directory, "t10k")
    if pixels.shape[1:] != test_pixels.shape[1:]:
        sizes = (shown(size_of(*part.shape[1:])) for part in (pixels, test_pixels))
        raise DataError(f"{directory}: the images of train and t10k differ in size: {' and '.join(sizes)}")
    classes = int(max(labels.max(), test_labels.max())) + 1
    mean, std = float(pixels.mean()) / 255, max(float(pixels.std()) / 255, 1 / 255)
    train, test = (
        _grey_images(part, part_labels, channels)
        for part, part_labels in ((pixels, labels), (test_pixels, test_labels))
    )
    names = tuple(map(str, range(classes)))
    return ImageData("idx", train, test, names, train.size, (mean,) * channels, (std,) * channels)


def _cifar(kind: str, directory: Path, download: bool, channels: int) -> ImageData:
    datasets = require("torchvision.datasets", "train", f"the {kind} data set")
    cls = datasets.CIFAR10 if kind == "cifar10" else datasets.CIFAR100
    try:
        # torchvision compares every file with its known checksum before it reads one.
        train, test = (cls(str(directory), train=split, download=download) for split in (True, False))
    except RuntimeError:
        raise DataError(
            f"{directory}: {kind} is not here, or not completely; give the directory that holds "
            f"{cls.base_folder}/, or fetch it there with --download"
        ) from None
    except OSError as error:
        raise DataError(f"{directory}: {kind} cannot be read or fetched: {error.strerror or error}") from None
    mean, std = _of_colour(*_CIFAR[kind], channels)
    learned, tested = (_coloured(split.data, split.targets, channels) for split in (train, test))
    return ImageData(kind, learned, tested, tuple(train.classes), RESOLUTIONS[kind], mean, std)


def _coloured(pixels: NDArray[np.uint8], labels: Any, channels: int) -> ByteImages:
    """Images N×H×W×3, made grey for one channel."""
    if channels == 1:
        pixels = np.stack([as_pixels(as_picture(image).convert("L")) for image in pixels])
    return ByteImages(pixels, labels)


def _grey(path: str) -> Any:
    """A file's image in grey."""
    from PIL import Image

    with Image.open(path) as image:
        return image.convert("L")


def _image_folder(directory: Path, channels: int) -> ImageData:
    datasets = require("torchvision.datasets", "train", "an image folder")
    folder = partial(datasets.ImageFolder, loader=_grey) if channels == 1 else datasets.ImageFolder
    test_directory = next((directory / name for name in ("val", "test") if (directory / name).is_dir()), None)
    if not (directory / "train").is_dir() or test_directory is None:
        raise DataError(f"{directory}: not an image folder; expected train/CLASS/IMAGE and val/CLASS/IMAGE in it")
    try:
        train, test = folder(str(directory / "train")), folder(str(test_directory))
    except (FileNotFoundError, OSError) as error:
        raise DataError(f"{directory}: {error}") from None
    if train.classes != test.classes:
        differing = sorted(set(train.classes) ^ set(test.classes))
        raise DataError(
            f"{directory}: train and {test_directory.name} must hold the same classes; they differ in "
            f"{', '.join(differing[:5])}"
        )
    mean, std = _of_colour(*_IMAGENET, channels)
    return ImageData("imagefolder", train, test, tuple(train.classes), RESOLUTIONS["imagefolder"], mean, std)


def _in_memory(data: ImageData) -> ImageData:
    """A folder with its images as bytes, where all of them are small squares of one size; else as it is."""
    train, test = _small_squares(data.train), _small_squares(data.test)
    if train is None or test is None or train.size != test.size:
        return data
    return replace(data, train=train, test=test, resolution=train.size)


def _small_squares(images: Any) -> ByteImages | None:
    """All images of a split, or `None` at the first one that is no such square. Those that cannot be read decide
    nothing."""
    pixels: list[NDArray[np.uint8]] = []
    unreadable: dict[int, str] = {}
    for number, (path, _) in enumerate(images.samples):
        try:
            image = images.loader(path)
        except Exception as error:  # what broken files lead the readers of image formats to
            unreadable[number] = f"{path}: cannot be read: {error}"
            continue
        if image.size != (image.size[0], image.size[0]) or image.size[0] > SMALL_SIDE:
            return None
        if pixels and image.size[0] != len(pixels[0]):
            return None
        pixels.append(as_pixels(image))
        if len(pixels) * pixels[0].size > MOST_BYTES:
            return None
    if not pixels:
        return None
    for number in sorted(unreadable):
        pixels.insert(number, np.zeros_like(pixels[0]))
    return ByteImages(np.stack(pixels), images.targets, unreadable)
