"""Training networks of equal size to learn their accuracies: Figure 4 of the paper (Section 4.3)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zennas.accuracy.equal_size import RESOLUTION, equal_size_networks
from zennas.accuracy.networks import KnownNetwork, KnownNetworks
from zennas.architecture.model import Architecture
from zennas.architecture.structure import format_structure
from zennas.counting import costs
from zennas.errors import TrainingError, ZennasError
from zennas.input_size import Resolution
from zennas.io.settings import CONFIG
from zennas.train.config import TrainConfig, read_train_config, same_recipe, train_config
from zennas.train.datasets import open_data
from zennas.train.loop import Watcher
from zennas.train.run import TrainResult, resume_training, train
from zennas.units import format_count

FOLDER = "networks"


def train_networks(
    count: int,
    out: str | Path,
    *,
    params: int | None = None,
    seed: int = 0,
    resolution: Resolution = RESOLUTION,
    watch: Watcher | None = None,
    announce: Callable[[KnownNetwork], None] | None = None,
    announce_threads: Callable[[str], None] | None = None,
    download: bool = False,
    **settings: Any,
) -> KnownNetworks:
    """Train networks of equal size around ResNet-50 for CIFAR, one run each in `out/networks/<name>`.

    A run that is there already is gone on with, or taken as it is where it is finished. The accuracy is that of the
    last epoch: the best epoch's would be chosen on the images that it is measured on.

    Args:
        count: networks to train, one or more.
        out: directory for the runs.
        params: parameters of every network, within 1 %; ResNet-50's by default.
        seed: of the sampling and of every training.
        resolution: side of the images.
        watch: called as by `zennas.train.train`, for one network after the other.
        announce: called with every network that is trained.
        announce_threads: told in a line which number of threads a training took, where `threads="auto"` measured it.
        download: fetch a missing data set.
        settings: any field of `TrainConfig` but the model.

    Raises:
        TrainingError: `out` holds other networks, or ones that were trained with other settings.
        ZennasError: a setting or the data cannot be used, or there are not so many networks of that size.
    """
    if count < 1:
        raise ZennasError(f"{count} networks cannot be trained; give one or more")
    data = settings.get("data", "digits")
    num_classes = len(open_data(data, download).classes)
    known: list[KnownNetwork] = []
    for architecture in equal_size_networks(count, num_classes, seed, params=params):
        config = train_config(
            {**settings, "model": format_structure(architecture), "resolution": resolution, "seed": seed}
        )
        result = _trained(config, Path(out) / FOLDER / architecture.name, watch, announce_threads)
        known.append(_known(architecture, resolution, num_classes, 100 * result.history[-1]["accuracy"]))
        if announce is not None:
            announce(known[-1])
    size = format_count(sum(network.params for network in known) / count)
    return KnownNetworks(f"equal size ({size} params), {data}, epochs: {config.epochs}", tuple(known))


def _trained(
    config: TrainConfig, directory: Path, watch: Watcher | None, announce_threads: Callable[[str], None] | None
) -> TrainResult:
    if not (directory / CONFIG).exists():

        def announce(line: str) -> None:
            if announce_threads is not None:
                announce_threads(f"{directory.name}: {line}")

        settings = config.model_dump(exclude={"model"})
        return train(config.model, directory, watch=watch, announce=announce, **settings)
    if not same_recipe(read_train_config(directory), config):
        raise TrainingError(f"{directory}: another network, or trained with other settings; choose another --out")
    # The run's settings are those that the caller gave, and so is a teacher of a user's own.
    return resume_training(directory, watch=watch, allow_imports=True)


def _known(architecture: Architecture, resolution: Resolution, num_classes: int, accuracy: float) -> KnownNetwork:
    counted = costs(architecture, resolution, num_classes)
    return KnownNetwork(
        architecture.name, architecture, resolution, num_classes, accuracy, counted.params, counted.flops
    )
