"""A network as a program of torch.export (`.pt2`)."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zennas.export.fold import evaluation_copy
from zennas.export.formats import INPUT, TORCH_TYPES, Format, Runner, quiet, register_format
from zennas.layouts import LAYOUTS


def torch_program(
    network: nn.Module,
    shape: tuple[int, ...],
    dtype: str = "fp32",
    *,
    dynamic_batch: bool = False,
    fold: bool = False,
    calibration: Iterable[Tensor] = (),
) -> bytes:
    """A program that `torch.export.load` reads without this package.

    Args:
        network: any module on the CPU that takes one tensor and returns one; it is not changed, and is exported in
            evaluation mode.
        shape: of one image, C×H×W.
        dtype: one of `TORCH_TYPES`.
        dynamic_batch: take any number of images; otherwise exactly one.
        fold: fold batch norms into convolutions.
        calibration: not looked at, since there is no int8 in this format.
    """
    # A dynamic dimension is traced with more than one image: a single one is taken for a constant.
    example = torch.zeros(2 if dynamic_batch else 1, *shape, dtype=TORCH_TYPES[dtype])
    module = _Named(evaluation_copy(network, fold).to(example.dtype))
    shapes = {INPUT: {0: torch.export.Dim("batch", min=1)}} if dynamic_batch else None
    with quiet(), torch.no_grad():
        program = torch.export.export(module, (example,), dynamic_shapes=shapes)
        _drop_traces(program.graph_module)
        buffer = io.BytesIO()
        torch.export.save(program, buffer)
    return buffer.getvalue()


def torch_program_runner(path: Path) -> Runner:
    """A program's file as a function.

    Args:
        path: a file that `torch.export.save` wrote.
    """
    module = torch.export.load(str(path)).module()

    def run(images: Tensor) -> Tensor:
        with torch.no_grad():
            logits: Tensor = module(images)
        return logits

    return run


def _drop_traces(module: Any) -> None:
    """Take out where in the source each operation was called: it holds the paths of this machine."""
    for part in module.modules():
        for node in part.graph.nodes if isinstance(part, torch.fx.GraphModule) else ():
            node.meta.pop("stack_trace", None)


class _Named(nn.Module):
    """Gives the input its name, whatever the network calls it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        return logits


register_format(Format("torch-export", ".pt2", tuple(TORCH_TYPES), torch_program, torch_program_runner, LAYOUTS))
