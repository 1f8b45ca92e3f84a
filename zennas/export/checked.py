"""Exporting a network, and checking that what was written computes what torch does."""

import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from zennas.errors import ExportError
from zennas.export.fold import fold_batch_norms
from zennas.export.formats import Runner, onnx_runner, torch_export_runner, write_onnx, write_torch_export
from zennas.export.images import ExportImages
from zennas.export.quantise import quantise_onnx
from zennas.io.text import write_bytes
from zennas.optional_dependencies import require

FORMATS = {
    "onnx": (write_onnx, onnx_runner, ".onnx"),
    "torch-export": (write_torch_export, torch_export_runner, ".pt2"),
}
# Largest allowed difference of logits: absolute, and relative to the largest logit where that allows more, since the
# formats round so.
TOLERANCES = {"fp32": (1e-4, 1e-6), "fp16": (1e-2, 1e-2), "bf16": (5e-2, 5e-2)}
_TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
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
    """

    path: Path
    bytes: int
    difference: float
    tolerance: float | None = None
    accuracy: float | None = None
    float_accuracy: float | None = None
    skipped: tuple[str, ...] = ()


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
    on_bad_image: str = "stop",
    seed: int = 0,
) -> ExportResult:
    """Export a network for images 3×`resolution`×`resolution` and check the result against torch.

    Args:
        format: `onnx` or `torch-export`.
        dtype: `fp32`, `fp16`, `bf16` (torch-export alone), or `int8` (onnx alone; needs `data`).
        dynamic_batch: take any number of images; otherwise one.
        fold: fold batch norms into convolutions (always done for int8).
        data: a data set as in training: some of its training images calibrate int8, its test images give the accuracy.
        on_bad_image: `skip` or `stop` where one of them cannot be used.

    Raises:
        ExportError: a combination that no runtime takes, or an export that differs from torch; nothing is left of it.
    """
    _check(format, dtype, data)
    folded = fold_batch_norms(network) if fold or dtype == "int8" else copy.deepcopy(network).eval()
    kind = _TYPES.get(dtype, torch.float32)
    write, runner, _ = FORMATS[format]
    real = None if data is None else ExportImages(data, resolution, on_bad_image)
    if real is None:
        generator = torch.Generator().manual_seed(seed)
        images = torch.randn(_CHECKED_IMAGES, 3, resolution, resolution, generator=generator)
    else:
        images = real.first(_CHECKED_IMAGES)
    float_network = copy.deepcopy(network).eval().float()
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        # Checked before it takes its place, so that a bad export does not replace a good file.
        draft = Path(folder) / f"draft{path.suffix}"
        # A dynamic dimension is traced with more than one image: a single one is taken for a constant.
        write(folded.to(kind), images[: 2 if dynamic_batch else 1].to(kind), draft, dynamic_batch)
        if dtype == "int8":
            assert real is not None
            quantised = Path(folder) / f"int8{path.suffix}"
            quantise_onnx(draft, quantised, real.calibration(*([] if dynamic_batch else [1])))
            draft = quantised
        run = _as_float(runner(draft), kind, dynamic_batch)
        expected = float_network(images)
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
        content = draft.read_bytes()
    write_bytes(path, content)
    skipped = () if real is None else tuple(real.bad.names)
    return ExportResult(path, len(content), difference, allowed, accuracy, float_accuracy, skipped)


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


def _as_float(run: Runner, kind: torch.dtype, dynamic_batch: bool) -> Runner:
    """float32 images, any number of them, through a network of another type that may take one at a time."""
    if dynamic_batch:
        return lambda images: run(images.to(kind)).float()
    return lambda images: torch.cat([run(image[None].to(kind)) for image in images]).float()
