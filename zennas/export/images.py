"""Images to check, calibrate and judge an export on."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from zennas.errors import DataError
from zennas.export.formats import Runner
from zennas.input_size import Resolution
from zennas.train.augment import evaluation_transform
from zennas.train.datasets import open_data
from zennas.train.loader import Batch, PreparedImages, bad_images, collate

_BATCH = 32
_CALIBRATION_IMAGES = 256


class ExportImages:
    """A data set's images as a network sees them, C×H×W.

    Args:
        data: a data set as in training.
        resolution: H×W.
        on_bad_image: `skip` or `stop` where an image cannot be used.
        channels: C, 3 or 1.

    Attributes:
        bad: images that could not be used.
        classes: number of its classes.

    Raises:
        DataError: as training does; also when a bad image is met and `on_bad_image` is `stop`.
    """

    def __init__(self, data: str, resolution: Resolution, on_bad_image: str = "stop", channels: int = 3) -> None:
        self.bad = bad_images(on_bad_image)
        opened = open_data(data, channels=channels)
        self.classes = len(opened.classes)
        transform = evaluation_transform(opened, resolution)
        self._train, self._test = (PreparedImages(split, transform, 0) for split in (opened.train, opened.test))
        self._train_count, self._test_count = len(opened.train), len(opened.test)

    def first(self, count: int) -> Tensor:
        """The first test images, N×C×H×W."""
        return self._batch(self._test, range(min(count, self._test_count))).images

    def calibration(self, batch_size: int = _BATCH) -> Iterator[Tensor]:
        """Batches of `batch_size` training images, spread over the split: image folders are sorted by class."""
        count = min(_CALIBRATION_IMAGES, self._train_count)
        images = self._batch(self._train, [index * self._train_count // count for index in range(count)]).images
        batch_size = min(batch_size, len(images))
        # Whole batches only, since quantisation compares their shapes.
        for start in range(0, len(images) - batch_size + 1, batch_size):
            yield images[start : start + batch_size]

    def accuracy(self, run: Runner) -> float:
        """Fraction of the usable test images whose largest logit is the right class."""
        right = count = 0
        for start in range(0, self._test_count, _BATCH):
            batch = self._read(self._test, range(start, min(start + _BATCH, self._test_count)))
            if not self.bad.note(batch):
                continue
            right += int((run(batch.images).argmax(1) == batch.labels).sum())
            count += len(batch.labels)
        if not count:
            raise DataError("no test image can be used")
        return right / count

    def _batch(self, split: PreparedImages, indices: Sequence[int]) -> Batch:
        batch = self._read(split, indices)
        self.bad.take(batch)
        return batch

    def _read(self, split: PreparedImages, indices: Sequence[int]) -> Batch:
        return collate([split[0, index] for index in indices])
