"""Checkpoints that survive a kill at any moment: written beside and renamed, checked before use, the last two kept."""

import contextlib
import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from zennas.errors import TrainingError, WeightsError, ZennasError
from zennas.io.text import write_bytes
from zennas.train.weights import read_torch_file

FOLDER = "checkpoints"
FORMAT = 1
_KEPT = 2


def save_checkpoint(directory: Path, step: int, state: dict[str, Any]) -> None:
    """Keep the state after `step` optimiser steps, and drop all but the two newest checkpoints.

    Args:
        directory: of the run.
        step: optimiser steps so far; it names the file.
        state: what `load_checkpoint` gives back: tensors and plain values.

    Raises:
        TrainingError: it cannot be written; the checkpoints before it are untouched.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **state}, buffer)
    path = directory / FOLDER / f"step-{step:09d}.pt"
    try:
        write_bytes(path, buffer.getvalue())
    except ZennasError as error:
        raise TrainingError(
            f"{error}; what was saved before is kept: make room, then go on with --resume {directory}"
        ) from None
    for old in _checkpoints(directory)[_KEPT:]:
        with contextlib.suppress(OSError):
            old.unlink()


def load_checkpoint(directory: Path) -> tuple[dict[str, Any], list[str]]:
    """The newest whole checkpoint, and a note for each newer one that is damaged.

    Raises:
        TrainingError: there is none.
    """
    notes: list[str] = []
    for path in _checkpoints(directory):
        if not _whole(path):
            notes.append(f"{path.name} is truncated or damaged; the checkpoint before it is used")
            continue
        state: dict[str, Any] = read_torch_file(path)
        if state.get("format") != FORMAT:
            raise TrainingError(
                f"{path}: written by another zennas (format {state.get('format')}, this reads {FORMAT})"
            )
        return state, notes
    raise TrainingError(
        f"{directory}: no whole checkpoint in {FOLDER}/ to go on from" + "".join(f"; {note}" for note in notes)
    )


def has_checkpoint(directory: Path) -> bool:
    """Whether a run has got as far as its first checkpoint."""
    return bool(_checkpoints(directory))


def _checkpoints(directory: Path) -> list[Path]:
    return sorted((directory / FOLDER).glob("step-*.pt"), reverse=True)


def _whole(path: Path) -> bool:
    """Whether every part of a torch file (a zip) agrees with its checksum and can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                return False
        read_torch_file(path)
    except (zipfile.BadZipFile, OSError, EOFError, WeightsError):
        return False
    return True
