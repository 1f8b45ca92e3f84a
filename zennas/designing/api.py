"""`zennas.design(...)`."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zennas.designing.progress import Watcher
from zennas.designing.result import DesignResult
from zennas.designing.settings import DesignConfig, design_config, read_design_config
from zennas.designing.steps import DesignContext, go_on
from zennas.designing.training import run_training
from zennas.errors import RunError
from zennas.io.directories import make_directory
from zennas.io.lock import LOCK, RunLock
from zennas.io.settings import CONFIG, write_settings
from zennas.scores.registry import registered_score
from zennas.searching.executors import Execution, spread
from zennas.searching.settings import configured_space
from zennas.searching.threads import usable_cores
from zennas.threads import AUTO, AskedThreads

if TYPE_CHECKING:
    import torch


def design(
    data: str = "digits",
    *,
    out: str | os.PathLike[str],
    watch: Watcher | None = None,
    execution: Execution | None = None,
    threads: AskedThreads | None = None,
    download: bool = False,
    **settings: Any,
) -> DesignResult:
    """Design a network for images: search, train candidates for a short time, learn from them, search again, and train
    the best in full.

        result = zennas.design("imagefolder:flowers", params="1M", out="runs/flowers")
        print(result.test_accuracy)

    Args:
        data: `digits` (default), `cifar10:DIR`, `cifar100:DIR`, or `imagefolder:DIR`.
        out: directory of the design, empty or missing.
        watch: is shown a `DesignProgress` about every second; nothing by default.
        execution: where candidates are trained; by default on every core of this machine, or every GPU.
        threads: of the winner's training on a CPU, by default one a core, of a Ray task's; `auto` takes the fastest
            number up to that, by a trial. Candidates have one each.
        download: fetch a missing data set; no by default.
        settings: any setting of `zennas design --help` by its name: budgets, of which one must bound the size,
            `candidates`, `epochs`, `rounds`, `final_epochs`, `space`, `batch_size` and so on.

    Raises:
        ZennasError: a setting or the data cannot be used, or nothing in the space meets the budgets.
        TrainingError: all candidates of a round failed.
    """
    config = with_data(design_config({"data": data, **settings}), download)
    directory = Path(out)
    check_vacant(directory)
    make_directory(directory)
    with RunLock(directory):
        check_vacant(directory)
        write_settings(config, directory)
        return _carried_out(config, directory, execution, watch, threads)


def resume_design(
    out: str | os.PathLike[str],
    *,
    watch: Watcher | None = None,
    execution: Execution | None = None,
    threads: AskedThreads | None = None,
) -> DesignResult:
    """Go on with a design where it was; the outcome is that of one that was never interrupted.

    Args:
        out: directory of the design.
        watch: is shown a `DesignProgress` about every second; nothing by default.
        execution: where candidates are trained; by default on every core of this machine, or every GPU.
        threads: as by `design`; a training of the winner that has begun keeps the number that it began with.

    Raises:
        RunError: there is no design, or another process works on it.
        ZennasError: a file of it is damaged.
    """
    directory = Path(out)
    config = read_design_config(directory)
    with RunLock(directory):
        return _carried_out(config, directory, execution, watch, threads)


def with_data(config: DesignConfig, download: bool = False) -> DesignConfig:
    """A configuration with what the data decide: classes, number of images, and their side where none was given.

    Args:
        config: of a design that begins.
        download: fetch a missing data set.

    Raises:
        DataError: the data set is missing or incomplete.
        ZennasError: the space or a setting does not fit them.
    """
    from zennas.train.datasets import open_data

    opened = open_data(config.data, download)
    found = {
        "num_classes": len(opened.classes),
        "images": len(opened.train),
        "resolution": config.resolution or opened.resolution,
    }
    config = config.model_copy(update=found)
    search = config.search_config()
    configured_space(search)
    registered_score(search.score)
    return config


def check_vacant(directory: Path) -> None:
    """Raises `RunError` where a directory holds anything."""
    try:
        names = set(os.listdir(directory))
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"{directory}: cannot be used: {error.strerror or error}") from None
    if CONFIG in names:
        raise RunError(
            f"{directory}: holds a run already; go on with it by --resume {directory}, or give another --out"
        )
    # A design that was killed before its settings were there leaves no more than these.
    if any(name != LOCK and not name.startswith(f".{CONFIG}.") for name in names):
        raise RunError(f"{directory}: is not empty and holds no design; give another --out")


def _carried_out(
    config: DesignConfig,
    directory: Path,
    execution: Execution | None,
    watch: Watcher | None,
    threads: AskedThreads | None,
) -> DesignResult:
    from zennas.nn.device import checked_device

    execution = execution or Execution()
    cards: list[str] = []
    if execution.ray is None:
        cards = cards_of(checked_device(config.device))
        execution = Execution(execution.workers or len(cards) or usable_cores())
    slots = execution.workers or 1
    most = usable_cores() if execution.ray is None else max(1, int(execution.cpus))
    count = threads if isinstance(threads, int) else most
    with ExitStack() as stack:
        train = stack.enter_context(spread(execution, run_training, 1, cards))
        return go_on(directory, DesignContext(train, slots, count, threads == AUTO, watch=watch))


def cards_of(device: "torch.device") -> list[str]:
    """The GPUs that a device stands for, as `CUDA_VISIBLE_DEVICES` names them: all that this process may use, or the
    one of its number; none for a CPU.

    Args:
        device: one that is here.
    """
    import torch

    if device.type != "cuda":
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        cards = [name.strip() for name in named.split(",") if name.strip()]
    else:
        cards = [str(number) for number in range(torch.cuda.device_count())]
    return cards if device.index is None else [cards[device.index]]
