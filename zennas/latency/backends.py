"""Making a module runnable by a backend. Needs torch; onnxruntime and onnx for that backend."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from zennas.allocator import keep_freed_memory
from zennas.errors import LatencyError, TooLargeError, first_line
from zennas.export.formats import INPUT, TORCH_TYPES
from zennas.export.onnx_format import onnx_model, onnx_session
from zennas.latency.setting import Setting
from zennas.memory import is_shortage
from zennas.optional_dependencies import require
from zennas.threads import torch_threads
from zennas.train.layout import MEMORY_FORMATS

CALIBRATION_BATCHES = 4

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
        if setting.dtype not in ("fp32", "int8"):
            raise LatencyError(
                f"onnxruntime has no {setting.dtype} convolutions on a CPU; use --dtype fp32 or int8, "
                "or --backend torch"
            )
        return
    if setting.dtype == "int8":
        raise LatencyError(f"int8 runs through onnxruntime; give --backend onnxruntime (given: {setting.backend})")
    if setting.device == "cpu" and setting.dtype != "fp32":
        probe = {
            "fp16": torch.ops.mkldnn._is_mkldnn_fp16_supported,
            "bf16": torch.ops.mkldnn._is_mkldnn_bf16_supported,
        }[setting.dtype]
        if not probe():
            raise LatencyError(f"this CPU has no {setting.dtype} arithmetic; use --dtype fp32")


@contextmanager
def prepared(module: nn.Module, shape: tuple[int, ...], setting: Setting) -> Iterator[Run]:
    """A function that runs one mini-batch of standard normal images, from a fixed seed, through a module.

    On a CPU the process keeps freed memory from then on: what a network pays for fetching pages anew depends on what
    the process did before, and is not the network's.

    Args:
        module: any module on the CPU; it is not changed.
        shape: of a mini-batch, N×C×H×W.
        setting: device, backend, number type, layout and threads; its resolution and batch size are not looked at.

    Raises:
        TooLargeError: out of memory, here or when the function is called.
        LatencyError: the backend refuses the module.
    """
    if setting.device == "cpu":
        keep_freed_memory()
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with _out_of_memory(setting), torch_threads(setting.threads):
        try:
            if setting.backend == "onnxruntime":
                yield _onnxruntime(module, images, setting)
            else:
                yield _torch(module, images, setting)
        finally:
            if setting.backend == "torch-compile":
                torch._dynamo.reset()
            if setting.device != "cpu":
                torch.cuda.empty_cache()


def _torch(module: nn.Module, images: torch.Tensor, setting: Setting) -> Run:
    dtype, order = TORCH_TYPES[setting.dtype], MEMORY_FORMATS[setting.layout]
    module = copy.deepcopy(module).eval().to(setting.device, dtype, memory_format=order)
    images = images.to(setting.device, dtype).contiguous(memory_format=order)
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
            if is_shortage(error):
                raise
            raise LatencyError(f"torch.compile fails here: {first_line(error)}; use --backend torch") from None
    return run


def _onnxruntime(module: nn.Module, images: torch.Tensor, setting: Setting) -> Run:
    session = onnx_session(measured_file(module, images.shape, setting.dtype), setting.threads)
    feed = {INPUT: images.numpy()}

    def run() -> None:
        session.run(None, feed)

    return run


def measured_file(module: nn.Module, shape: tuple[int, ...], dtype: str) -> bytes:
    """The file that onnxruntime is measured on: what `zennas export` writes for the same module and number type,
    with `--dynamic-batch` where the batch has more than one image.

    Args:
        module: any module on the CPU.
        shape: of a mini-batch, N×C×H×W.
        dtype: `fp32` or `int8`. The ranges of int8 come from standard normal images: its speed counts here, not its
            accuracy.
    """
    calibration = normal_images(shape) if dtype == "int8" else ()
    return onnx_model(module, shape[1:], dtype, dynamic_batch=shape[0] > 1, calibration=calibration)


def normal_images(shape: tuple[int, ...]) -> Iterator[torch.Tensor]:
    """`CALIBRATION_BATCHES` batches of `shape`, standard normal from a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(CALIBRATION_BATCHES):
        yield torch.randn(shape, generator=generator)


@contextmanager
def _out_of_memory(setting: Setting) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not is_shortage(error):
            raise
        raise TooLargeError(
            f"out of memory on {setting.device} at batch {setting.batch_size}: use a smaller one"
        ) from None
