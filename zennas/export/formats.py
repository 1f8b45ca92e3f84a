"""Writing a network as an ONNX model or a torch.export program, and running what was written."""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zennas.io.text import write_bytes
from zennas.optional_dependencies import require

Runner = Callable[[Tensor], Tensor]
INPUT, OUTPUT = "images", "logits"


def write_onnx(network: nn.Module, example: Tensor, path: Path, dynamic_batch: bool) -> None:
    """Write an ONNX model with the input `images` and the output `logits`, weights inside the file."""
    require("onnxscript", "onnx", "an export to ONNX")
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        shapes = {INPUT: {0: torch.export.Dim("batch", min=1)}} if dynamic_batch else None
        program = torch.onnx.export(
            _Named(network),
            (example,),
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )
        file = Path(folder) / "network.onnx"
        program.save(str(file), external_data=False)
        write_bytes(path, file.read_bytes())


def onnx_runner(path: Path) -> Runner:
    """onnxruntime on the CPU with a model's file."""
    ort = require("onnxruntime", "onnx", "running an ONNX model")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session: Any = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])

    return run


def write_torch_export(network: nn.Module, example: Tensor, path: Path, dynamic_batch: bool) -> None:
    """Write a program (`.pt2`) that `torch.export.load` reads without this package."""
    shapes = {INPUT: {0: torch.export.Dim("batch", min=1)}} if dynamic_batch else None
    with _quiet():
        program = torch.export.export(_Named(network), (example,), dynamic_shapes=shapes)
        buffer = io.BytesIO()
        torch.export.save(program, buffer)
    write_bytes(path, buffer.getvalue())


def torch_export_runner(path: Path) -> Runner:
    """A program's file as a function."""
    module = torch.export.load(str(path)).module()

    def run(images: Tensor) -> Tensor:
        with torch.no_grad():
            logits: Tensor = module(images)
        return logits

    return run


class _Named(nn.Module):
    """Gives the input its name, whatever the network calls it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        return logits


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' progress and deprecation notes, which are not about the user's network."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
