"""Exporting a network, and checking that what was written computes what torch does."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from zennas.errors import ExportError
from zennas.export.fold import fold_batch_norms
from zennas.export.formats import Runner, onnx_runner, torch_export_runner, write_onnx, write_torch_export
from zennas.export.quantise import quantise_onnx
from zennas.extras import require

FORMATS = {"onnx": (write_onnx, onnx_runner, ".onnx"), "torch-export": (write_torch_export, torch_export_runner, ".pt2")}
# Largest allowed difference of logits, relative to the largest logit where that is above 1; rounding of the format.
TOLERANCES = {"fp32": 1e-4, "fp16": 1e-2, "bf16": 5e-2}
_TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_CHECKED_IMAGES = 4
_CALIBRATION_IMAGES = 256
_BATCH = 32


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Attributes:
        difference: largest absolute difference of a logit from torch's (of int8: from the float network's).
        tolerance: the difference that was allowed; none is for int8, which is judged by its accuracy.
        accuracy: of the exported network on the test images, where data was given.
        float_accuracy: of the torch network on the same images.
    """

    path: Path
    bytes: int
    difference: float
    tolerance: float | None = None
    accuracy: float | None = None
    float_accuracy: float | None = None


def export(
    network: nn.Module,
    path: Path,
    resolution: int,
    *,
    format: str = "onnx",
    dtype: str = "fp32",
    dynamic_batch: bool = False,
    fold: bool = False,
    data: str | None = None,
    seed: int = 0,
) -> ExportResult:
    """Export a network for images 3×`resolution`×`resolution` and check the result against torch.

    Args:
        format: `onnx` or `torch-export`.
        dtype: `fp32`, `fp16`, `bf16` (torch-export alone), or `int8` (onnx alone; needs `data`).
        dynamic_batch: take any number of images; otherwise one.
        fold: fold batch norms into convolutions (always done for int8).
        data: a data set as in training: its first training images calibrate int8, its test images give the accuracy.

    Raises:
        ExportError: a combination that no runtime takes, or an export that differs from torch; nothing is left of it.
    """
    _check(format, dtype, data)
    network = fold_batch_norms(network) if fold or dtype == "int8" else network.eval()
    kind = _TYPES.get(dtype, torch.float32)
    write, runner, _ = FORMATS[format]
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(_CHECKED_IMAGES, 3, resolution, resolution, generator=generator)
    # A dynamic dimension is traced with more than one image: one is taken for a constant.
    example = images[: 2 if dynamic_batch else 1].to(kind)
    exported = network if kind is torch.float32 else _converted(network, kind)
    with tempfile.TemporaryDirectory() as folder:
        # Checked before it takes its place, so that a bad export does not replace a good file.
        draft = Path(folder) / f"draft{path.suffix}"
        write(exported, example, draft, dynamic_batch)
        if dtype == "int8":
            assert data is not None
            quantised = Path(folder) / f"int8{path.suffix}"
            quantise_onnx(draft, quantised, _calibration(data, resolution, dynamic_batch))
            draft = quantised
        run = runner(draft)
        tolerance = TOLERANCES.get(dtype)
        expected = _logits(network, images)
        given = _logits(_split(run, dynamic_batch), images.to(kind))
        difference = float((given - expected).abs().max())
        if tolerance is not None and not difference <= tolerance * max(1.0, float(expected.abs().max())):
            raise ExportError(
                f"{path}: the {format} network differs from torch's by {difference:.2g} (allowed: {tolerance:g}); "
                "nothing was written"
            )
        accuracy = float_accuracy = None
        if data is not None:
            accuracy = _accuracy(_split(run, dynamic_batch), data, resolution, kind)
            float_accuracy = _accuracy(network, data, resolution, torch.float32)
        content = draft.read_bytes()
    from zennas.architecture.files import write_bytes

    write_bytes(path, content)
    return ExportResult(path, len(content), difference, tolerance, accuracy, float_accuracy)


def _check(format: str, dtype: str, data: str | None) -> None:
    if format not in FORMATS:
        raise ExportError(f"format {format!r} is not known; use {' or '.join(FORMATS)}")
    if dtype not in (*_TYPES, "int8"):
        raise ExportError(f"dtype {dtype!r} is not known; use {', '.join(_TYPES)} or int8")
    if dtype == "int8" and format != "onnx":
        raise ExportError("int8 is exported as ONNX alone; use --format onnx")
    if dtype == "int8" and data is None:
        raise ExportError("int8 is calibrated on images; give --data, e.g. --data digits")
    if dtype == "bf16" and format == "onnx":
        raise ExportError("onnxruntime has no bf16 convolutions on the CPU to check with; use fp16 or torch-export")
    if format == "onnx":
        for module in ("onnx", "onnxruntime", "onnxscript"):
            require(module, "onnx", "an export to ONNX")


def _converted(network: nn.Module, kind: torch.dtype) -> nn.Module:
    import copy

    return copy.deepcopy(network).to(kind)


def _split(run: Runner, dynamic_batch: bool) -> Runner:
    """Any number of images through a network that may take one at a time."""
    if dynamic_batch:
        return run
    return lambda images: torch.cat([run(image[None]) for image in images])


def _logits(run: Runner | nn.Module, images: Tensor) -> Tensor:
    with torch.inference_mode():
        logits: Tensor = run(images)
    return logits.float()


def _calibration(data: str, resolution: int, dynamic_batch: bool) -> Iterator[Tensor]:
    from zennas.train.augment import test_transform
    from zennas.train.datasets import open_data

    opened = open_data(data)
    transform = test_transform(opened, resolution)
    size = _BATCH if dynamic_batch else 1
    count = min(_CALIBRATION_IMAGES, len(opened.train))
    # Spread over the split: image folders are sorted by class.
    chosen = iter([index * len(opened.train) // count for index in range(count)])
    while part := list(islice(chosen, size)):
        yield torch.stack([transform(opened.train[index][0]) for index in part])


def _accuracy(run: Runner | nn.Module, data: str, resolution: int, kind: torch.dtype) -> float:
    from zennas.train.augment import test_transform
    from zennas.train.datasets import open_data

    opened = open_data(data)
    transform = test_transform(opened, resolution)
    right = 0
    for start in range(0, len(opened.test), _BATCH):
        items = [opened.test[index] for index in range(start, min(start + _BATCH, len(opened.test)))]
        logits = _logits(run, torch.stack([transform(image) for image, _ in items]).to(kind))
        right += int((logits.argmax(1) == torch.tensor([label for _, label in items])).sum())
    return right / len(opened.test)
