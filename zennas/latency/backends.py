"""Making a module runnable by a backend. Needs torch; onnxruntime and onnx for that backend."""

import contextlib
import copy
import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from zennas.allocator import keep_freed_memory
from zennas.errors import LatencyError, TooLargeError
from zennas.latency.setting import Setting
from zennas.optional_dependencies import require

CALIBRATION_BATCHES = 4
_TORCH_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}

Run = Callable[[], None]
"""Runs one mini-batch and returns when the device is done with it."""


def check_supported(setting: Setting) -> None:
    """Refuse what this machine cannot run at that type.

    Raises:
        LatencyError: the number type is not of that backend, or not of this CPU.
        MissingExtraError: the backend is not installed.
    """
    if setting.backend == "onnxruntime":
        for module in ("onnx", "onnxruntime"):
            require(module, "latency", "the backend onnxruntime")
        if setting.device != "cpu":
            raise LatencyError("the backend onnxruntime is used on the cpu; give --device cpu, or --backend torch")
        if setting.dtype not in ("float32", "int8"):
            raise LatencyError(
                f"onnxruntime has no {setting.dtype} convolutions on a CPU; use --dtype float32 or int8, "
                "or --backend torch"
            )
        return
    if setting.dtype == "int8":
        raise LatencyError(f"int8 runs through onnxruntime; give --backend onnxruntime (given: {setting.backend})")
    if setting.device == "cpu" and setting.dtype != "float32":
        probe = {
            "float16": torch.ops.mkldnn._is_mkldnn_fp16_supported,
            "bfloat16": torch.ops.mkldnn._is_mkldnn_bf16_supported,
        }[setting.dtype]
        if not probe():
            raise LatencyError(f"this CPU has no {setting.dtype} arithmetic; use --dtype float32")


@contextmanager
def prepared(module: nn.Module, shape: tuple[int, ...], setting: Setting) -> Iterator[Run]:
    """A function that runs one mini-batch of `shape` (N×C×H×W, standard normal from a fixed seed) through `module`.

    On a CPU the process keeps freed memory from then on: what a network pays for fetching pages anew depends on what
    the process did before, and is not the network's.

    Raises:
        TooLargeError: out of memory, here or when the function is called.
        LatencyError: the backend refuses the module.
    """
    if setting.device == "cpu":
        keep_freed_memory()
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    threads = torch.get_num_threads()
    with _out_of_memory(setting):
        try:
            torch.set_num_threads(setting.threads)
            if setting.backend == "onnxruntime":
                yield _onnxruntime(module, images, setting)
            else:
                yield _torch(module, images, setting)
        finally:
            torch.set_num_threads(threads)
            if setting.backend == "torch-compile":
                torch._dynamo.reset()
            if setting.device != "cpu":
                torch.cuda.empty_cache()


def _torch(module: nn.Module, images: torch.Tensor, setting: Setting) -> Run:
    dtype = _TORCH_DTYPES[setting.dtype]
    module = copy.deepcopy(module).eval().to(setting.device, dtype)
    images = images.to(setting.device, dtype)
    compiled = torch.compile(module) if setting.backend == "torch-compile" else module
    synchronise = torch.cuda.synchronize if setting.device != "cpu" else None

    def run() -> None:
        with torch.inference_mode():
            compiled(images)
        if synchronise is not None:
            synchronise(setting.device)

    if compiled is not module:
        try:
            run()
        except Exception as error:
            if _is_out_of_memory(error):
                raise
            raise LatencyError(f"torch.compile fails here: {_first_line(error)}; use --backend torch") from None
    return run


def _onnxruntime(module: nn.Module, images: torch.Tensor, setting: Setting) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = onnx_bytes(module, images)
    feed = {"images": images.numpy()}
    if setting.dtype == "int8":
        model = quantised(model, images.shape)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run() -> None:
        session.run(None, feed)

    return run


def onnx_bytes(module: nn.Module, images: torch.Tensor) -> bytes:
    """The module as an ONNX model with one input, `images`, of a fixed shape."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            copy.deepcopy(module).eval(), (images,), buffer, input_names=["images"], output_names=["out"], dynamo=False
        )
    return buffer.getvalue()


def quantised(model: bytes, shape: tuple[int, ...]) -> bytes:
    """The ONNX model in int8: weights and activations quantised statically, the activations' ranges calibrated on
    standard normal images. A stand-in for the paper's INT8 engine: its speed counts here, not its accuracy."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Normal(CalibrationDataReader):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            rng = np.random.default_rng(0)
            self.batches = iter(
                [{"images": rng.standard_normal(shape, dtype=np.float32)} for _ in range(CALIBRATION_BATCHES)]
            )

        def get_next(self) -> Any:
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as directory, _quiet_logging():
        source, folded, target = (Path(directory) / f"{name}.onnx" for name in ("float", "folded", "int8"))
        source.write_bytes(model)
        quant_pre_process(source, folded, skip_symbolic_shape=True)
        quantize_static(
            folded,
            target,
            Normal(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
        return target.read_bytes()


@contextmanager
def _quiet_logging() -> Iterator[None]:
    """The quantiser warns through the root logger about every node that it leaves alone."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)


@contextmanager
def _out_of_memory(setting: Setting) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        raise TooLargeError(
            f"out of memory on {setting.device} at batch {setting.batch_size}: use a smaller one"
        ) from None


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        sign in text for sign in ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate")
    )


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
