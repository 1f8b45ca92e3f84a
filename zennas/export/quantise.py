"""int8 by static quantisation: the ranges of activations come from real images."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from zennas.export.formats import INPUT
from zennas.io.text import write_bytes
from zennas.optional_dependencies import require


def quantise_onnx(source: Path, path: Path, batches: Iterator[Tensor]) -> None:
    """Write an int8 version of a float ONNX model: weights per channel, activations per tensor.

    Args:
        batches: normalised images N×3×R×R to calibrate on.
    """
    quantization = require("onnxruntime.quantization", "onnx", "int8")
    shape_inference = require("onnxruntime.quantization.shape_inference", "onnx", "int8")

    class Reader(quantization.CalibrationDataReader):  # type: ignore[name-defined,unused-ignore]
        def get_next(self) -> dict[str, Any] | None:
            images = next(batches, None)
            return None if images is None else {INPUT: np.ascontiguousarray(images.numpy())}

    with tempfile.TemporaryDirectory() as folder:
        prepared, written = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        shape_inference.quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(str(prepared), str(written), Reader(), per_channel=True)
        write_bytes(path, written.read_bytes())
