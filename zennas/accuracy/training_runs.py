"""Finished runs of `zennas train` as networks of known accuracy."""

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from zennas.accuracy.known import KnownNetwork, KnownNetworks
from zennas.architecture.files import read_architecture
from zennas.architecture.model import Architecture
from zennas.counting import costs, native_classes
from zennas.errors import ArchitectureError, TrainingError, ZennasError
from zennas.input_size import Resolution, read_resolution
from zennas.io.settings import CONFIG, read_settings
from zennas.train.datasets import RESOLUTIONS
from zennas.train.metrics import METRICS, read_metrics

ARCHITECTURE = "architecture.yaml"


def read_runs(directories: Sequence[str | os.PathLike[str]]) -> KnownNetworks:
    """The networks of training runs. One that was trained several times, from several seeds, is one network.

    The accuracy is that of the last epoch: the best epoch's would be chosen on the images that it is measured on. Data
    and epochs are the recipe.

    Args:
        directories: of runs, or directories that hold some.

    Raises:
        TrainingError: there is no run, or one that is damaged.
    """
    found: dict[tuple[Architecture, Resolution, str], list[float]] = {}
    left_out = []
    for directory in _runs_in(directories):
        try:
            key, accuracy = _read(directory)
        except _UnfinishedError as error:
            left_out.append(f"{directory}: {error}")
            continue
        found.setdefault(key, []).append(accuracy)
    if not found:
        raise TrainingError(
            f"{', '.join(map(str, directories)) or 'no directory'}: no finished training run"
            + (f"; {left_out[0]}" if left_out else "")
        )
    networks = [_known(*key, accuracies) for key, accuracies in found.items()]
    return KnownNetworks(f"{len(networks)} trained networks", tuple(networks), tuple(left_out))


class _UnfinishedError(ZennasError):
    """A run from which no accuracy can be learned, though nothing in it is wrong."""


def _runs_in(directories: Sequence[str | os.PathLike[str]]) -> list[Path]:
    runs: list[Path] = []
    for name in directories:
        directory = Path(name)
        if not directory.is_dir():
            raise TrainingError(f"{directory}: no directory; give those of training runs")
        if (directory / CONFIG).exists():
            runs.append(directory)  # of whatever kind: one that was named is said to be no training run
        else:
            below = sorted(path.parent for path in directory.rglob(CONFIG))
            runs += [run for run in below if not _is_of_another_kind(run)]
    return list({run.resolve(): run for run in runs}.values())


def _is_of_another_kind(directory: Path) -> bool:
    """Whether it is a run of a search or of a design."""
    settings = read_settings(directory, "training run", TrainingError)
    return "final_epochs" in settings or not {"data", "epochs"} & settings.keys()


def _read(directory: Path) -> tuple[tuple[Architecture, Resolution, str], float]:
    settings = read_settings(directory, "training run", TrainingError)
    data, epochs = settings.get("data", "digits"), settings.get("epochs")
    if not isinstance(data, str) or not isinstance(epochs, int):
        raise TrainingError(f"{directory / CONFIG}: no settings of a training run: data and epochs are missing")
    if not (directory / ARCHITECTURE).is_file():
        raise _UnfinishedError("its network is a module, which no architecture describes")
    # Of runs in several folders the same network has the same features, whatever its name.
    architecture = replace(read_architecture(directory / ARCHITECTURE), name="")
    kind = data.partition(":")[0]
    given = settings.get("resolution") or architecture.resolution or RESOLUTIONS.get(kind)
    if given is None:
        raise TrainingError(f"{directory / CONFIG}: no resolution, and neither the network nor the data have one")
    try:
        resolution = read_resolution(given)
    except ArchitectureError as error:
        raise TrainingError(f"{directory / CONFIG}: {error}") from None
    return (architecture, resolution, f"{data}, {epochs} epochs"), _last_accuracy(directory, epochs)


def _last_accuracy(directory: Path, epochs: int) -> float:
    """In percent, after the last epoch."""
    rows = read_metrics(directory)
    if not rows:
        raise _UnfinishedError("no epoch of it is over")
    if len(rows) < epochs:
        raise _UnfinishedError(f"{len(rows)} of {epochs} epochs are over")
    accuracy = 100 * rows[-1]["accuracy"]
    if math.isnan(accuracy):
        raise TrainingError(f"{directory / METRICS}: damaged: no accuracy after the last epoch")
    return accuracy


def _known(
    architecture: Architecture, resolution: Resolution, recipe: str, accuracies: Sequence[float]
) -> KnownNetwork:
    classes = native_classes(architecture, None)
    counted = costs(architecture, resolution, classes)
    several = len(accuracies) > 1
    return KnownNetwork(
        f"{counted.params} params, {counted.flops} multiply-adds",
        architecture,
        resolution,
        classes,
        float(np.mean(accuracies)),
        counted.params,
        counted.flops,
        recipe,
        tuple(accuracies) if several else (),
        float(np.std(accuracies, ddof=1)) / len(accuracies) ** 0.5 if several else None,
    )
