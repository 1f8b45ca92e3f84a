"""Exporting a network, and checking that what was written computes what torch does."""

import copy
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from zennas.errors import ExportError, ZennasError, first_line
from zennas.export.fold import evaluation_copy
from zennas.export.formats import FORMATS, TORCH_TYPES, Format, Runner
from zennas.input_size import GivenResolution, Resolution, read_resolution, shown, sides
from zennas.io.text import write_bytes
from zennas.layouts import ASKED, AUTO, CONTIGUOUS, AskedLayout, Layout
from zennas.memory import memory_shortage
from zennas.nn.build import ZenNet
from zennas.nn.inputs import input_channels
from zennas.number_types import NUMBER_TYPES, number_type
from zennas.optional_dependencies import require
from zennas.train.layout import MEMORY_FORMATS, faster_layout

if TYPE_CHECKING:
    from zennas.export.images import ExportImages

# Largest allowed difference of logits: absolute, and relative to the largest logit where that allows more, since the
# formats round so.
TOLERANCES = {"fp32": (1e-4, 1e-6), "fp16": (1e-2, 1e-2), "bf16": (5e-2, 5e-2)}
_CHECKED_IMAGES = 4


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Attributes:
        difference: largest absolute difference of a logit from torch's (of int8: from the float network's).
        tolerance: the difference that was allowed; none is for int8, which is judged by its accuracy.
        accuracy: of the exported network on the test images, where data was given.
        float_accuracy: of the torch network on the same images.
        skipped: images that could not be used, with the reason.
        layout: of the weights, and of the feature maps where a runtime follows them.
    """

    path: Path
    bytes: int
    difference: float
    tolerance: float | None = None
    accuracy: float | None = None
    float_accuracy: float | None = None
    skipped: tuple[str, ...] = ()
    layout: str = CONTIGUOUS


def export(
    network: nn.Module,
    path: Path,
    resolution: GivenResolution,
    *,
    format: str = "onnx",
    dtype: str = "fp32",
    dynamic_batch: bool = False,
    fold: bool = False,
    layout: AskedLayout = AUTO,
    data: str | None = None,
    on_bad_image: str = "stop",
    seed: int = 0,
) -> ExportResult:
    """Export a network for images C×H×W and check the result against torch.

    Args:
        network: any module on the CPU that turns N×C×H×W into logits N×K; it is not changed. C is what its first
            convolution takes.
        path: the file to write, replaced where it exists.
        resolution: H×W: the side of a square, `"320x192"` or (height, width).
        format: `onnx`, `torch-export`, or one that was registered.
        dtype: `fp32`, `fp16`, `bf16` (torch-export alone), or `int8` (onnx alone; needs `data`).
        dynamic_batch: take any number of images; otherwise one.
        fold: fold batch norms into convolutions (always done for int8).
        layout: how weights lie in the file, which torch's convolutions follow: `channels-last` or `contiguous`; `auto`
            is the one in which a CPU is the faster, as in training. Runtimes of ONNX have layouts of their own.
        data: a data set as in training: some of its training images calibrate int8, its test images give the accuracy.
        on_bad_image: `skip` or `stop` where one of them cannot be used.
        seed: of the standard normal images that the file is checked with where there is no data.

    Raises:
        ExportError: a combination that no runtime takes, another number of classes than the data has, or an export
            that differs from torch; nothing is left of it.
        DataError: the data cannot be used.
        MissingExtraError: what the format or the data need is not installed.
    """
    dtype = number_type(dtype)
    _check(format, dtype, data)
    written = FORMATS[format]
    size, channels = read_resolution(resolution), input_channels(network)
    layout = _layout(written, layout, network, size)
    real = None if data is None else _images(data, size, channels, on_bad_image)
    if real is None:
        generator = torch.Generator().manual_seed(seed)
        images = torch.randn(_CHECKED_IMAGES, channels, *sides(size), generator=generator)
    else:
        images = real.first(_CHECKED_IMAGES)
    float_network = evaluation_copy(network).float()
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        with _told(network, f"it does not take images {channels}×{shown(size)}"):
            expected = float_network(images)
        if real is not None and expected.shape[1] != real.classes:
            raise ExportError(f"the network has {expected.shape[1]} classes, but {data} has {real.classes}")
        calibration = () if real is None or dtype != "int8" else real.calibration(*([] if dynamic_batch else [1]))
        with _told(network, f"{format} cannot write it"):
            content = written.write(
                copy.deepcopy(network).to(memory_format=MEMORY_FORMATS[layout]),
                tuple(images.shape[1:]),
                dtype,
                dynamic_batch=dynamic_batch,
                fold=fold,
                calibration=calibration,
            )
        # Checked before it takes its place, so that a bad export does not replace a good file.
        draft = Path(folder) / f"draft{written.suffix}"
        draft.write_bytes(content)
        run = _as_float(written.runner(draft), TORCH_TYPES.get(dtype, torch.float32), dynamic_batch)
        difference = float((run(images) - expected).abs().max())
        allowed = None
        if dtype in TOLERANCES:
            absolute, relative = TOLERANCES[dtype]
            allowed = max(absolute, relative * float(expected.abs().max()))
            if not difference <= allowed:
                raise ExportError(
                    f"{path}: the {format} network differs from torch's by {difference:.2g} "
                    f"(allowed: {allowed:.2g}); nothing was written"
                )
        accuracy = None if real is None else real.accuracy(run)
        float_accuracy = None if real is None else real.accuracy(float_network)
    write_bytes(path, content)
    skipped = () if real is None else tuple(real.bad.names)
    return ExportResult(path, len(content), difference, allowed, accuracy, float_accuracy, skipped, layout)


@contextmanager
def _told(network: nn.Module, what: str) -> Iterator[None]:
    """What a network that is not ours raises, or what its exporter raises of it, in one line."""
    try:
        yield
    except ZennasError:
        raise
    except Exception as error:
        if isinstance(network, ZenNet) or memory_shortage(error) is not None:
            raise
        raise ExportError(f"the network cannot be exported: {what}: {first_line(error)}") from error


def _layout(format: Format, asked: AskedLayout, network: nn.Module, resolution: Resolution) -> Layout:
    if asked not in ASKED:
        raise ExportError(f"layout {asked!r} is not known; use {', '.join(ASKED)}")
    if asked == AUTO:
        return (
            faster_layout(network, torch.device("cpu"), "fp32", resolution) if len(format.layouts) > 1 else CONTIGUOUS
        )
    if asked not in format.layouts:
        raise ExportError(f"runtimes of {format.name} lay feature maps out as they like; leave --layout out")
    return asked


def _images(data: str, resolution: Resolution, channels: int, on_bad_image: str) -> "ExportImages":
    # Reading data needs the extra `train`; an export without data does not.
    from zennas.export.images import ExportImages

    return ExportImages(data, resolution, on_bad_image, channels)


def _check(format: str, dtype: str, data: str | None) -> None:
    if format not in FORMATS:
        raise ExportError(f"format {format!r} is not known; use {' or '.join(FORMATS)}")
    if dtype not in NUMBER_TYPES:
        raise ExportError(f"dtype {dtype!r} is not known; use {', '.join(NUMBER_TYPES)}")
    own = FORMATS[format].number_types
    if dtype not in own:
        others = "".join(f", or --format {other.name}" for other in FORMATS.values() if dtype in other.number_types)
        raise ExportError(f"{format} has no {dtype} here; use --dtype {', '.join(own)}{others}")
    if dtype == "int8" and data is None:
        raise ExportError("int8 is calibrated on images; give --data, e.g. --data digits")
    if format == "onnx":
        for module in ("onnx", "onnxruntime"):
            require(module, "onnx", "an export to ONNX")


def _as_float(run: Runner, kind: torch.dtype, dynamic_batch: bool) -> Callable[[Tensor], Tensor]:
    """fp32 images, any number of them, through a network of another type that may take one at a time."""
    if dynamic_batch:
        return lambda images: run(images.to(kind)).float()
    return lambda images: torch.cat([run(image[None].to(kind)) for image in images]).float()
