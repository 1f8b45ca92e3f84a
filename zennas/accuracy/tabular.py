"""Reading tabular benchmarks: JSON files of every network's accuracy, which are recognised by what they hold.

A file that counts parameters or multiply-adds otherwise describes other networks than those that would be scored:
every record is compared with what is counted here.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zennas.accuracy import channel_bench_macro, nas_bench_macro
from zennas.accuracy.known import KnownNetwork, KnownNetworks, finite
from zennas.architecture.model import Architecture
from zennas.counting import Costs, costs
from zennas.errors import ZennasError, shortened
from zennas.input_size import Resolution
from zennas.io.documents import load_json
from zennas.io.text import read_text

COSTS = ("params", "flops")
MEANS = ("mean_acc", "mean")
"""Names of the mean accuracy; Channel-Bench-Macro's own files have the second."""
RUNS = ("acc", "test_acc")
"""Names of the accuracies of the single trainings."""


def read_tabular(path: Path) -> KnownNetworks:
    """The networks of a NAS-Bench-Macro or Channel-Bench-Macro file.

    Args:
        path: a JSON mapping from each network's digits to its `mean_acc` (or `mean`), with or without `acc` (one number
            a training), `params` and `flops`. Channel-Bench-Macro's two kinds of networks have the same names, so that
            its files need the costs.

    Raises:
        ZennasError: it cannot be read, or a record is wrong or counts otherwise; the message says which.
    """
    document = load_json(read_text(path), str(path))
    if not isinstance(document, dict) or not document:
        raise ZennasError(f"{path}: expected a mapping from a network's digits to mean_acc, params and flops")
    if all(re.fullmatch("[1-4]{7}", name) for name in document):
        kind = _channel_kind(path, document)
        title, make, resolution = kind.name, kind.architecture, channel_bench_macro.RESOLUTION
    else:
        title, make, resolution = "NAS-Bench-Macro", nas_bench_macro.macro_architecture, nas_bench_macro.RESOLUTION
    return KnownNetworks(
        f"{title} ({len(document)} networks, CIFAR-10)",
        tuple(_network(f"{path}: {name}", name, row, make, resolution) for name, row in document.items()),
    )


def _channel_kind(path: Path, document: dict[str, Any]) -> channel_bench_macro.ChannelBench:
    """The kind of networks whose costs are those of the file's first record; the others are compared as they are read.

    Raises:
        ZennasError: it is none of the two, or the record has no costs to tell by.
    """
    name, row = next(iter(document.items()))
    if not isinstance(row, dict) or not set(COSTS) <= set(row):
        raise ZennasError(
            f"{path}: {name}: no params and flops, by which the two kinds of Channel-Bench-Macro are told apart"
        )
    differences = []
    for kind in channel_bench_macro.KINDS:
        difference = _difference(row, costs(kind.architecture(name), channel_bench_macro.RESOLUTION, 10))
        if difference is None:
            return kind
        differences.append(f"{kind.name}: {difference}")
    raise ZennasError(f"{path}: {name} is of neither kind of Channel-Bench-Macro ({'; '.join(differences)})")


def _network(
    where: str, name: str, row: Any, make: Callable[[str], Architecture], resolution: Resolution
) -> KnownNetwork:
    architecture = make(name)
    mean = next((row[key] for key in MEANS if key in row), None) if isinstance(row, dict) else None
    if not isinstance(mean, int | float):
        raise ZennasError(f"{where}: mean_acc is missing or no number")
    counted = costs(architecture, resolution, 10)
    difference = _difference(row, counted)
    if difference is not None:
        raise ZennasError(f"{where}: {difference}")
    return KnownNetwork(
        name, architecture, resolution, 10, finite(float(mean), where), counted.params, counted.flops,
        runs=_runs(where, row),
    )  # fmt: skip


def _difference(row: dict[str, Any], counted: Costs) -> str | None:
    for quantity in COSTS:
        if row.get(quantity, getattr(counted, quantity)) != getattr(counted, quantity):
            return f"{quantity} is {shortened(row[quantity])}, but the network has {getattr(counted, quantity)}"
    return None


def _runs(where: str, row: dict[str, Any]) -> tuple[float, ...]:
    runs: list[Any] = next((row[key] for key in RUNS if isinstance(row.get(key), list)), [])
    if not all(isinstance(run, int | float) for run in runs):
        raise ZennasError(f"{where}: acc must be a list of numbers, one a training")
    return tuple(finite(float(run), where) for run in runs)
