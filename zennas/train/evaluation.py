"""How well a trained network does on a data set's test split."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zennas.errors import DataError
from zennas.input_size import GivenResolution, Resolution, read_resolution
from zennas.io.tables import csv_text
from zennas.io.text import write_text
from zennas.layouts import CONTIGUOUS
from zennas.nn.device import checked_device
from zennas.threads import torch_threads
from zennas.train.augment import evaluation_transform
from zennas.train.batch_augment import BatchPrepare
from zennas.train.datasets import ImageData, open_data
from zennas.train.images import ByteImages
from zennas.train.layout import MEMORY_FORMATS, faster_layout
from zennas.train.loader import (
    BadImages,
    PreparedBatches,
    PreparedImages,
    bad_images,
    batch_loader,
    evaluation_batches,
)
from zennas.train.networks import make_network, own_channels, usual_resolution
from zennas.train.weights import load_weights


@dataclass(frozen=True)
class Evaluation:
    """Results on a test split.

    Attributes:
        top1: fraction of images whose most probable class is right.
        top5: fraction whose class is among the five most probable (among all, where there are fewer).
        loss: mean cross-entropy.
        images: images that were evaluated.
        images_per_second: with reading and preparing them.
        confusion: K×K counts; row: true class, column: predicted class.
        classes: K names.
        skipped: images that could not be used, with the reason.
    """

    top1: float
    top5: float
    loss: float
    images: int
    images_per_second: float
    confusion: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Numbers for a machine to read."""
        return {
            "top1": self.top1,
            "top5": self.top5,
            "loss": self.loss,
            "images": self.images,
            "images_per_second": self.images_per_second,
            "skipped": list(self.skipped),
            "confusion": [list(row) for row in self.confusion],
            "classes": list(self.classes),
        }


def evaluate(
    model: str,
    weights: Path,
    data: str = "digits",
    *,
    resolution: GivenResolution | None = None,
    channels: int | None = None,
    batch_size: int = 64,
    device: str = "cpu",
    workers: int = 0,
    threads: int | None = None,
    on_bad_image: str = "stop",
    download: bool = False,
) -> Evaluation:
    """Evaluate a MODEL with the weights of a file on a data set's test images.

    Args:
        model: a MODEL of this package, `timm:NAME`, `torchvision:NAME` or `package.module:factory`.
        weights: safetensors, or a torch file of tensors.
        data: `digits`, `cifar10:DIR`, `cifar100:DIR`, `idx:DIR` or `imagefolder:DIR`.
        resolution: size of the images: the side of a square, `"320x192"` or (height, width); by default the model's
            own, else the data set's.
        channels: of the images, 1 or 3; by default the model's own.
        batch_size: images of a batch.
        device: where torch computes, e.g. `cpu` or `cuda`.
        workers: processes that prepare images; 0: this one.
        threads: of torch on the CPU; by default as many as it takes.
        on_bad_image: `skip` or `stop` at an image that cannot be read.
        download: fetch a missing data set.

    Raises:
        DeviceError: torch cannot use the device.
        DataError: the data set is missing or incomplete, or an image cannot be read.
        WeightsError: the file cannot be read, or does not fit the network.
        ZennasError: the model cannot be used.
    """
    bad = bad_images(on_bad_image)
    place = checked_device(device)
    channels = channels or own_channels(model)
    opened = open_data(data, download, channels=channels)
    size = usual_resolution(model, opened.resolution) if resolution is None else read_resolution(resolution)
    network = make_network(model, len(opened.classes), size, channels=channels)
    load_weights(network, weights)
    layout = faster_layout(network, place, "fp32", size)
    network.to(device=place, memory_format=MEMORY_FORMATS[layout])
    with torch_threads(threads):
        return evaluate_network(network, opened, size, batch_size, place, workers, bad, layout=layout)


def evaluate_network(
    network: nn.Module,
    data: ImageData,
    resolution: Resolution,
    batch_size: int,
    device: torch.device,
    workers: int,
    bad: BadImages,
    rank: int = 0,
    processes: int = 1,
    total: Callable[[Tensor], Tensor] = lambda sums: sums,
    layout: str = CONTIGUOUS,
) -> Evaluation:
    """Evaluate a network on `device` in evaluation mode (it is left in that mode).

    Args:
        network: is on `device` already.
        data: the data set, of which the test split is used.
        resolution: side of the images in pixels.
        batch_size: images of a batch in this process.
        device: where torch computes.
        workers: processes that prepare images; 0: this one.
        bad: takes note of the images that cannot be read, or stops at them.
        rank: of this process among `processes`, each of which takes its share of the images.
        processes: processes that share the images.
        total: adds a tensor up over the processes.
        layout: of the network's weights, `channels-last` or `contiguous`; images are brought to it.
    """
    count = len(data.classes)
    images = prepared_for_evaluation(data, resolution)
    confusion = torch.zeros(count, count, dtype=torch.float64, device=device)
    sums = torch.zeros(2, dtype=torch.float64, device=device)  # loss, right among five
    start = time.perf_counter()
    network.eval()
    with torch.inference_mode():
        for batch in batch_loader(
            images, evaluation_batches(len(data.test), batch_size, rank, processes), workers, device
        ):
            if not bad.note(batch):
                continue
            labels = batch.labels.to(device)
            logits = network(batch.images.to(device).contiguous(memory_format=MEMORY_FORMATS[layout])).float()
            sums[0] += F.cross_entropy(logits, labels, reduction="sum").double()
            sums[1] += (logits.topk(min(5, count)).indices == labels[:, None]).sum()
            places = labels * count + logits.argmax(1)
            confusion += torch.bincount(places, minlength=count * count).view(count, count)
    confusion, sums = total(confusion), total(sums)
    seconds = time.perf_counter() - start
    number = int(confusion.sum())
    if not number:
        raise DataError(f"no test image can be used; the last one: {bad.names[-1] if bad.names else 'there is none'}")
    return Evaluation(
        float(confusion.diagonal().sum()) / number,
        float(sums[1]) / number,
        float(sums[0]) / number,
        number,
        number / seconds,
        tuple(tuple(map(int, row)) for row in confusion.tolist()),
        data.classes,
        tuple(bad.names),
    )


def prepared_for_evaluation(data: ImageData, resolution: Resolution) -> PreparedImages | PreparedBatches:
    """The test images after `evaluation_transform`, in whole batches where they are in memory as bytes."""
    if isinstance(data.test, ByteImages) and data.test.fits(resolution):
        return PreparedBatches(data.test, resolution, BatchPrepare(data))
    return PreparedImages(data.test, evaluation_transform(data, resolution), 0)


def write_confusion(evaluation: Evaluation, path: Path) -> None:
    """Write the confusion matrix as CSV: a row for each true class, a column for each predicted one."""
    rows = [[name, *row] for name, row in zip(evaluation.classes, evaluation.confusion, strict=True)]
    write_text(path, csv_text(["true \\ predicted", *evaluation.classes], rows))
