"""A network as an ONNX model: what `zennas export` writes and what `zennas latency` measures."""

import contextlib
import io
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zennas.errors import ExportError
from zennas.export.compact import compacted
from zennas.export.fold import evaluation_copy
from zennas.export.formats import INPUT, OUTPUT, TORCH_TYPES, Format, Runner, quiet, register_format
from zennas.optional_dependencies import require

OPSET = 17


def onnx_model(
    network: nn.Module,
    shape: tuple[int, ...],
    dtype: str = "fp32",
    *,
    dynamic_batch: bool = False,
    fold: bool = False,
    calibration: Iterable[Tensor] = (),
) -> bytes:
    """A network as a serialised ONNX model with the input `images` and the output `logits`, weights inside.

    The same network and arguments give the same bytes.

    Args:
        network: any module on the CPU that takes one tensor and returns one; it is not changed, and is exported in
            evaluation mode.
        shape: of one image, C×H×W.
        dtype: `fp32`, `fp16` or `int8` of `zennas.number_types`. int8 is static quantisation: weights per channel,
            activations per tensor and unsigned, which is what the kernels of x86 processors are made for.
        dynamic_batch: take any number of images; otherwise exactly one.
        fold: fold batch norms into convolutions (always done for int8).
        calibration: for int8, batches N×C×H×W in fp32 from which the ranges of activations are taken; N is 1 unless
            `dynamic_batch`.

    Raises:
        ExportError: int8 without any image to calibrate it.
        MissingExtraError: onnx, or onnxruntime for int8, is not installed.
    """
    fold = fold or dtype == "int8"
    # A dynamic batch is traced with two images, so that nothing takes the number for a constant.
    example = torch.zeros(2 if dynamic_batch else 1, *shape, dtype=TORCH_TYPES.get(dtype, torch.float32))
    model = _traced(evaluation_copy(network, fold).to(example.dtype), example, dynamic_batch, fold)
    if dtype == "int8":
        model = _quantised(model, calibration)
    return compacted(model, short_names=dtype == "int8")


def onnx_session(model: bytes | str, threads: int = 0) -> Any:
    """An `onnxruntime.InferenceSession` on the CPU.

    Args:
        model: a serialised model, or a file's path.
        threads: threads that compute; 0 leaves their number to onnxruntime.

    Raises:
        MissingExtraError: onnxruntime is not installed.
    """
    onnxruntime = require("onnxruntime", "onnx", "running an ONNX model")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def onnx_runner(path: Path) -> Runner:
    """A model's file as a function, through onnxruntime on the CPU.

    Args:
        path: an ONNX file with the input `images` and the output `logits`.

    Raises:
        MissingExtraError: onnxruntime is not installed.
    """
    session = onnx_session(str(path), torch.get_num_threads())

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])

    return run


def _traced(network: nn.Module, example: Tensor, dynamic_batch: bool, fold: bool) -> bytes:
    """By torch's exporter that traces: the one built on torch.export takes ten times as long (3 to 5 s for a network
    of 0.5 M parameters, 1 s for a single layer), too long to measure hundreds of networks, and needs onnxscript."""
    require("onnx", "onnx", "an export to ONNX")
    buffer = io.BytesIO()
    mode = torch.onnx.TrainingMode
    with quiet(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        torch.onnx.export(
            network,
            (example,),
            buffer,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}} if dynamic_batch else None,
            # EVAL folds every batch norm that follows a convolution, whatever module they are in.
            training=mode.EVAL if fold else mode.PRESERVE,
        )
    return buffer.getvalue()


def _quantised(model: bytes, calibration: Iterable[Tensor]) -> bytes:
    quantization = require("onnxruntime.quantization", "onnx", "int8")
    shape_inference = require("onnxruntime.quantization.shape_inference", "onnx", "int8")
    batches = iter(calibration)
    first = next(batches, None)
    if first is None:
        raise ExportError("int8 is calibrated on images, and there are none")
    rest = [first]

    class Reader(quantization.CalibrationDataReader):  # type: ignore[name-defined,unused-ignore]
        def get_next(self) -> dict[str, Any] | None:
            images = rest.pop() if rest else next(batches, None)
            return None if images is None else {INPUT: np.ascontiguousarray(images.numpy())}

    with tempfile.TemporaryDirectory() as folder, quiet():
        source, prepared, written = (Path(folder) / f"{name}.onnx" for name in ("float", "prepared", "int8"))
        source.write_bytes(model)
        shape_inference.quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared),
            str(written),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
        )
        return written.read_bytes()


register_format(Format("onnx", ".onnx", ("fp32", "fp16", "int8"), onnx_model, onnx_runner))
