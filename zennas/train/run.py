"""A training run in a directory: begun, gone on with, finished."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from zennas.allocator import keep_freed_memory
from zennas.architecture.files import write_architecture
from zennas.errors import DeviceError, TrainingError
from zennas.io.directories import make_directory
from zennas.io.lock import RunLock
from zennas.io.settings import CONFIG, write_settings
from zennas.layouts import AUTO, CHANNELS_LAST, CONTIGUOUS
from zennas.loading import check_model_of_file, is_module_name, load
from zennas.nn.device import checked_device
from zennas.optional_dependencies import require
from zennas.threads import AUTO as AUTO_THREADS
from zennas.threads import torch_threads
from zennas.train.checkpoint import has_checkpoint, load_checkpoint
from zennas.train.config import TrainConfig, read_train_config, train_config
from zennas.train.datasets import ImageData, open_data
from zennas.train.distil import load_teacher, make_student
from zennas.train.holdout import hold_out
from zennas.train.images import KeptImages
from zennas.train.layout import faster_layout
from zennas.train.loop import Loop, Watcher
from zennas.train.metrics import evaluated_rows, write_metrics
from zennas.train.networks import check_learns, make_network, own_channels, usual_resolution
from zennas.train.threads import fastest_threads

ARCHITECTURE = "architecture.yaml"


@dataclass(frozen=True)
class TrainResult:
    """A finished run.

    Attributes:
        directory: of the run.
        history: one row an epoch: epoch, lr, train_loss, train_accuracy, loss, accuracy, top5, images_per_second.
        notes: what the user should know, one line each.
        skipped: images that could not be used, with the reason.
    """

    directory: Path
    history: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def best(self) -> dict[str, Any]:
        """The row of the first epoch of the highest accuracy, whose weights are in `best.safetensors`.

        Raises:
            TrainingError: no epoch was evaluated yet, as in a run with `evaluate="end"` that is paused.
        """
        rows = evaluated_rows(self.history)
        if not rows:
            raise TrainingError(f"{self.directory}: no epoch was evaluated yet; go on with --resume {self.directory}")
        return max(rows, key=lambda row: row["accuracy"])


def train(
    model: str,
    out: str | Path,
    *,
    watch: Watcher | None = None,
    download: bool = False,
    until: int | None = None,
    opened: ImageData | None = None,
    announce: Callable[[str], None] | None = None,
    **settings: Any,
) -> TrainResult:
    """Train a network by the paper's recipe.

        result = train("zennet-cifar-1.0M", "runs/cifar", data="cifar10:data", epochs=200)

    Args:
        model: a MODEL of this package, `timm:NAME`, `torchvision:NAME` or `package.module:factory`.
        out: directory for the run; it must not hold one.
        watch: called with a `TrainProgress` now and then, in the main process.
        download: fetch a missing data set.
        until: epoch after which the run pauses, for `resume_training` to go on with; by default after its last.
        opened: the data set where it is open already, as `open_data` opens it; by default it is opened.
        announce: told in a line which number of threads was taken, where `threads="auto"` measured it.
        settings: any field of `TrainConfig`.

    Raises:
        TrainingError: the directory holds a run, or the loss is no number.
        RunError: another process works in the directory.
        ZennasError: a setting, the data or the network cannot be used.
    """
    config = train_config({"model": str(model), **settings})
    directory = Path(out)
    _check_vacant(directory)
    accelerator = _accelerator(config, directory)
    # All processes have looked before one of them writes.
    accelerator.wait_for_everyone()
    loop = _prepare(config, directory, accelerator, download, opened, announce)
    with _lock(directory, accelerator):
        if accelerator.is_main_process:
            # Another run may have begun here while this one was prepared.
            _check_vacant(directory)
            if not is_module_name(config.model):
                # The network that is trained has the data's classes, whatever it was designed with.
                trained = replace(load(config.model, loop.data.channels), num_classes=len(loop.data.classes))
                write_architecture(trained, directory / ARCHITECTURE)
            write_settings(loop.config, directory)
        return _finish(loop, watch, [], until)


def resume_training(
    out: str | Path,
    *,
    watch: Watcher | None = None,
    download: bool = False,
    allow_imports: bool = False,
    until: int | None = None,
    opened: ImageData | None = None,
) -> TrainResult:
    """Go on with a run from its newest whole checkpoint, with the settings it was started with.

    Args:
        out: the run's directory.
        watch: called with a `TrainProgress` now and then, in the main process.
        download: fetch a missing data set.
        allow_imports: call the factories of a user's own that the run names for its model or teacher.
        until: epoch after which the run pauses again; by default after its last.
        opened: the data set where it is open already, as `open_data` opens it; by default it is opened.

    Raises:
        TrainingError: no run there, or no whole checkpoint.
        RunError: another process works on it.
        ImportRefusedError: the run names a factory that was not allowed.
        ZennasError: as `train`.
    """
    directory = Path(out)
    config = read_train_config(directory)
    for setting, model in (("model", config.model), ("teacher", config.teacher)):
        if model is not None:
            check_model_of_file(model, f"{directory / CONFIG}: {setting}", allow_imports)
    accelerator = _accelerator(config, directory)
    with _lock(directory, accelerator):
        return _resume(config, directory, accelerator, watch, download, until, opened)


def _resume(
    config: TrainConfig,
    directory: Path,
    accelerator: Any,
    watch: Watcher | None,
    download: bool,
    until: int | None,
    opened: ImageData | None,
) -> TrainResult:
    if (directory / ARCHITECTURE).is_file():
        # The model that the run was given may have been a file that is no longer there.
        config = config.model_copy(update={"model": str(directory / ARCHITECTURE)})
    loop = _prepare(config, directory, accelerator, download, opened)
    notes: list[str] = []
    if has_checkpoint(directory):
        state, notes = load_checkpoint(directory)
        loop.restore(state)
        if loop.history and loop.accelerator.is_main_process:
            write_metrics(loop.history, directory)
    return _finish(loop, watch, notes, until)


def _check_vacant(directory: Path) -> None:
    if (directory / CONFIG).exists():
        raise TrainingError(
            f"{directory}: already holds a run; go on with --resume {directory}, or choose another --out"
        )


def _lock(directory: Path, accelerator: Any) -> AbstractContextManager[object]:
    """One run at a time in a directory; of a run's processes the main one writes, and holds the lock."""
    if not accelerator.is_main_process:
        return nullcontext()
    make_directory(directory)
    return RunLock(directory)


def _prepare(
    config: TrainConfig,
    directory: Path,
    accelerator: Any,
    download: bool,
    opened: ImageData | None = None,
    announce: Callable[[str], None] | None = None,
) -> Loop:
    if download and accelerator.is_main_process:
        open_data(config.data, download)
    accelerator.wait_for_everyone()
    channels = config.channels or own_channels(config.model)
    data = opened or open_data(config.data, small_folders=config.loop_version > 1, channels=channels)
    if config.holdout:
        data = hold_out(data, config.holdout, config.holdout_seed)
    resolution = config.resolution or usual_resolution(config.model, data.resolution)
    network = make_network(config.model, len(data.classes), resolution, config.seed, channels)
    if is_module_name(config.model):
        check_learns(network, config.model, resolution)
    teacher = None
    if config.teacher is not None and config.teacher_weights is not None:
        teacher = load_teacher(config.teacher, config.teacher_weights, len(data.classes), resolution, channels)
        student = make_student(network, teacher, config.distil_features > 0, resolution, config.seed)
    else:
        student = make_student(network, network, False, resolution, config.seed)
    if config.layout == AUTO:
        layouts = {
            faster_layout(one, accelerator.device, config.precision, resolution)
            for one in (network, teacher)
            if one is not None
        }
        # One order for both: contiguous maps are what every network takes.
        layout = CONTIGUOUS if CONTIGUOUS in layouts else CHANNELS_LAST
        config = config.model_copy(update={"layout": layout})
    if config.threads == AUTO_THREADS:
        threads = fastest_threads(config, network, teacher, resolution, accelerator, announce)
        config = config.model_copy(update={"threads": threads})
    if not config.workers and data.photographs:
        # Worker processes begin anew with each epoch and would forget them.
        data = replace(data, train=KeptImages(data.train), test=KeptImages(data.test))
    return Loop(config, directory, data, resolution, student, teacher, accelerator)


def _finish(loop: Loop, watch: Watcher | None, notes: list[str], until: int | None) -> TrainResult:
    if loop.accelerator.device.type == "cpu":
        keep_freed_memory()
    _start_tracker(loop)
    try:
        threads = loop.config.threads
        assert threads != AUTO_THREADS, "it became a number when the run was prepared"
        with torch_threads(threads):
            loop.run(watch, until)
    finally:
        loop.accelerator.end_training()
    skipped = require("accelerate.utils", "train", "training").gather_object([*loop.bad.names, *loop.test_bad.names])
    return TrainResult(loop.directory, tuple(loop.history), tuple(notes), tuple(dict.fromkeys(skipped)))


def _accelerator(config: TrainConfig, directory: Path) -> Any:
    accelerate = require("accelerate", "train", "training")
    state = require("accelerate.state", "train", "training")
    if config.tracker is not None:
        require(
            "tensorboard" if config.tracker == "tensorboard" else config.tracker,
            "train" if config.tracker == "tensorboard" else config.tracker,
            f"--tracker {config.tracker}",
        )
    device = checked_device(config.device)
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"device {config.device!r}: trainings run on cpu and cuda")
    if not torch.distributed.is_initialized():
        # accelerate keeps the first run's device and precision for the whole process; a second run may want others.
        state.AcceleratorState._reset_state(reset_partial_state=True)
        state.GradientState._reset_state()
    # accelerate takes the first GPU of this process unless its environment names another. Of several processes each has
    # the one of its own number.
    alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
    chosen = {"accelerate_torch_device": config.device} if alone and device.index is not None else {}
    with require("accelerate.utils", "train", "training").patch_environment(**chosen):
        return accelerate.Accelerator(
            cpu=device.type == "cpu",
            mixed_precision="no" if config.precision == "fp32" else config.precision,
            gradient_accumulation_steps=config.accumulate,
            log_with=config.tracker,
            project_dir=str(directory) if config.tracker else None,
        )


def _start_tracker(loop: Loop) -> None:
    if loop.config.tracker:
        settings = loop.config.model_dump(mode="json", exclude_none=True)
        loop.accelerator.init_trackers("zennas", {key: str(value) for key, value in settings.items()})
