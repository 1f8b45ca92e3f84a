"""The formats that a network is exported in, open to more."""

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from zennas.errors import ExportError
from zennas.layouts import CONTIGUOUS

INPUT, OUTPUT = "images", "logits"
TORCH_TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""Of `zennas.number_types`, those that torch computes in."""

Runner = Callable[[Tensor], Tensor]
"""Images N×C×H×W to logits N×K."""


class Writer(Protocol):
    """Turns a network into the content of a file."""

    def __call__(
        self,
        network: nn.Module,
        shape: tuple[int, ...],
        dtype: str,
        *,
        dynamic_batch: bool,
        fold: bool,
        calibration: Iterable[Tensor],
    ) -> bytes:
        """The file's content.

        Args:
            network: any module on the CPU that takes one tensor and returns one; it must not be changed.
            shape: of one image, C×H×W.
            dtype: one of the format's number types.
            dynamic_batch: take any number of images; otherwise exactly one.
            fold: fold batch norms into convolutions.
            calibration: for int8, batches of images N×C×H×W in fp32; N is 1 unless `dynamic_batch`.
        """


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: as `--format` takes it.
        suffix: of its files, with the dot.
        number_types: those of `zennas.number_types` that it has.
        write: makes a file's content.
        runner: a file as a function, to check it with; it takes and returns the file's number type, fp32 for int8.
        layouts: of `zennas.layouts`, those that weights of its files may have, which feature maps then follow; where
            there is but one, its runtimes lay maps out as they like.
    """

    name: str
    suffix: str
    number_types: tuple[str, ...]
    write: Writer
    runner: Callable[[Path], Runner]
    layouts: tuple[str, ...] = (CONTIGUOUS,)


FORMATS: dict[str, Format] = {}
"""By name."""


def register_format(format: Format) -> None:
    """Make a format known to `export`. Raises `ExportError` where another one has its name."""
    if FORMATS.get(format.name, format) != format:
        raise ExportError(f"format {format.name!r} is registered twice; give one of them another name")
    FORMATS[format.name] = format


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the exporters' progress and deprecation notes, which are not about the user's network."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
