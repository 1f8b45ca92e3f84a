"""`zennas.search(...)`."""

import os
from pathlib import Path
from typing import Any

from zennas.searching.settings import checked_config
from zennas.searching.executors import Execution
from zennas.runs.result import SearchResult
from zennas.runs.run import RunContext, Watcher, start_run


def search(
    space: str = "resnet",
    resolution: int = 32,
    num_classes: int = 100,
    *,
    out: str | os.PathLike[str] | None = None,
    watch: Watcher | None = None,
    workers: int = 1,
    ray: str | None = None,
    **settings: Any,
) -> SearchResult:
    """Search for the network of the highest score within budgets.

        result = zennas.search("resnet", 32, 100, params="1M", layers=18)
        network = zennas.build(result.architecture, num_classes=100)

    Args:
        space: `resnet`, `mobilenet` or `regnet`.
        resolution: side of the square input.
        num_classes: outputs of the classifier; they count as parameters.
        out: directory for the run; by default it is kept in memory.
        watch: called with a `Progress` after every round.
        workers: processes that score; the result does not depend on it.
        ray: `auto` or the address of a Ray cluster to score on instead.
        settings: budgets (`params`, `flops`, `layers`, `memory`, `latency` in seconds an image) as numbers or text,
            and any field of `SearchConfig`: `score`, `iterations`, `population`, `rescore`, `seed`, … A latency
            budget takes `latency_predictor`, a file; without one, a quick one is fitted for `device` first.

    Raises:
        ZennasError: a setting is wrong, or no network meets the budgets.
    """
    values = {key: _as_text(key, value) for key, value in settings.items()}
    config = checked_config({"space": space, "resolution": resolution, "num_classes": num_classes, **values})
    around = RunContext(Execution(workers, ray), watch)
    return start_run(config, None if out is None else Path(out), around)


def _as_text(key: str, value: Any) -> Any:
    if key == "latency" and isinstance(value, int | float):
        return f"{value:.9g}s"
    if key not in ("params", "flops", "layers", "memory", "latency", "effectiveness") or value is None:
        return value
    if isinstance(value, list | tuple):
        return [str(v) for v in value]
    return str(value)
