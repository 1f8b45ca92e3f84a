"""Checkpoints that survive a kill at any moment: written beside and renamed, checked before use, the last two kept."""

import contextlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zennas.errors import TrainingError, WeightsError, ZennasError
from zennas.io.foreign import parse_foreign
from zennas.io.text import write_bytes
from zennas.train.weights import is_weights, read_torch_file

FOLDER = "checkpoints"
FORMAT = 1
_KEPT = 2


def save_checkpoint(directory: Path, step: int, state: dict[str, Any]) -> None:
    """Keep the state after `step` optimiser steps, and drop all but the two newest checkpoints.

    Args:
        directory: of the run.
        step: optimiser steps since the run began; the file's name.
        state: what `load_checkpoint` gives back; `state_problem` says what it holds.

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
        TrainingError: there is none, or the newest whole one is of another version.
    """
    notes: list[str] = []
    for path in _checkpoints(directory):
        try:
            return _read(path), notes
        except WeightsError:
            notes.append(f"{path.name} is truncated or damaged; the checkpoint before it is used")
    raise TrainingError(
        f"{directory}: no whole checkpoint in {FOLDER}/ to go on from" + "".join(f"; {note}" for note in notes)
    )


def has_checkpoint(directory: Path) -> bool:
    """Whether a run has got as far as its first checkpoint."""
    return bool(_checkpoints(directory))


def _checkpoints(directory: Path) -> list[Path]:
    return sorted((directory / FOLDER).glob("step-*.pt"), reverse=True)


def _read(path: Path) -> dict[str, Any]:
    """A checkpoint's state. Raises `WeightsError` where it is damaged, `TrainingError` for another version's."""

    def damaged(said: str) -> WeightsError:
        return WeightsError(f"{path}: damaged: {said}")

    def part_that_differs_from_its_checksum() -> str | None:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip()

    # torch does not compare checksums: a flipped bit would be a weight.
    part = parse_foreign(part_that_differs_from_its_checksum, damaged)
    if part is not None:
        raise damaged(part)
    state = read_torch_file(path)
    version = state.get("format") if isinstance(state, dict) else None
    if _is_count(version) and version != FORMAT:
        raise TrainingError(f"{path}: written by another zennas (format {version}, this reads {FORMAT})")
    problem = state_problem(state)
    if problem is not None:
        raise damaged(problem)
    checked: dict[str, Any] = state
    return checked


def state_problem(state: Any) -> str | None:
    """What keeps a value from being the state of a training run, by the name of its part; `None` for a whole one."""
    if not isinstance(state, dict):
        return "not the state of a training run"
    for name, is_whole in _PARTS.items():
        if name not in state:
            return f"{name} is missing"
        if not is_whole(state[name]):
            return f"{name} is no such thing"
    return None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_momentum(value: Any) -> bool:
    """Whether it is SGD's state: a buffer (or none) for each parameter by its number."""
    if not isinstance(value, dict) or not isinstance(value.get("state"), dict):
        return False
    return all(
        _is_count(number)
        and isinstance(entry, dict)
        and set(entry) <= {"momentum_buffer"}
        and all(buffer is None or isinstance(buffer, Tensor) for buffer in entry.values())
        for number, entry in value["state"].items()
    )


def _is_history(value: Any) -> bool:
    """Whether it is rows of numbers, all with the same names."""
    return isinstance(value, list) and all(
        isinstance(row, dict)
        and row.keys() == value[0].keys()
        and "accuracy" in row
        and all(isinstance(name, str) and type(number) in (int, float) for name, number in row.items())
        for row in value
    )


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_sums(value: Any) -> bool:
    return isinstance(value, Tensor) and value.shape == (3,) and value.dtype == torch.float64


_PARTS: dict[str, Callable[[Any], bool]] = {
    "format": _is_count,
    "epoch": _is_count,
    "step": _is_count,
    "network": is_weights,
    "projections": is_weights,
    "ema": lambda value: value is None or is_weights(value),
    "optimizer": _is_momentum,
    "scaler": lambda value: value is None or isinstance(value, dict),
    "sums": _is_sums,
    "history": _is_history,
    "bad": _is_texts,
    "test_bad": _is_texts,
}
