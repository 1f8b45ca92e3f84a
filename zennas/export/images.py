"""Images to check, calibrate and judge an export on."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from zennas.export.formats import Runner
from zennas.train.augment import evaluation_transform
from zennas.train.datasets import Images, open_data

_BATCH = 32
_CALIBRATION_IMAGES = 256


class ExportImages:
    """A data set's images as a network sees them, 3×`resolution`×`resolution`. Raises `DataError` as training does."""

    def __init__(self, data: str, resolution: int) -> None:
        self._data = open_data(data)
        self._transform = evaluation_transform(self._data, resolution)

    def first(self, count: int) -> Tensor:
        """The first test images, N×3×R×R."""
        return self._stack(self._data.test, range(min(count, len(self._data.test))))[0]

    def calibration(self, batch_size: int = _BATCH) -> Iterator[Tensor]:
        """Batches of training images, spread over the split: image folders are sorted by class."""
        count = min(_CALIBRATION_IMAGES, len(self._data.train))
        chosen = [index * len(self._data.train) // count for index in range(count)]
        # Whole batches only, since quantisation compares their shapes.
        for start in range(0, count - batch_size + 1, batch_size):
            yield self._stack(self._data.train, chosen[start : start + batch_size])[0]

    def accuracy(self, run: Runner) -> float:
        """Fraction of the test images whose largest logit is the right class."""
        right = 0
        for start in range(0, len(self._data.test), _BATCH):
            images, labels = self._stack(self._data.test, range(start, min(start + _BATCH, len(self._data.test))))
            right += int((run(images).argmax(1) == labels).sum())
        return right / len(self._data.test)

    def _stack(self, split: Images, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        items = [split[index] for index in indices]
        return torch.stack([self._transform(image) for image, _ in items]), torch.tensor([label for _, label in items])
