"""Networks of known accuracy, from the files that a study reads."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from zennas.accuracy.known import KnownNetwork, KnownNetworks, finite
from zennas.accuracy.pytorchcv_models import LIBRARY, read_pytorchcv
from zennas.accuracy.tabular import read_tabular
from zennas.architecture.model import Architecture
from zennas.counting import costs
from zennas.errors import ArchitectureError, MissingExtraError, ZennasError, cut
from zennas.input_size import Resolution, read_resolution
from zennas.io.text import read_text
from zennas.loading import check_model_of_file, scored_network
from zennas.scores.network import class_count

__all__ = ["TABLE_6", "KnownNetwork", "KnownNetworks", "read_networks", "table_6_rows"]

TABLE_6 = "table6"
"""Names the paper's Table 6, which comes with the package, where a file is expected."""


@lru_cache(maxsize=1)
def table_6_rows() -> tuple[dict[str, str], ...]:
    """The rows of the paper's Table 6 with the MODEL of each network that a library or the zoo can build."""
    text = (resources.files("zennas.accuracy") / "data" / "table6.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def read_networks(source: str, *, allow_imports: bool = False) -> KnownNetworks:
    """Read networks with their accuracies.

    Args:
        source: a NAS-Bench-Macro or Channel-Bench-Macro JSON (`{"00000012": {"mean_acc": …, "params": …, "flops": …},
            …}`); a CSV with the columns `model`, `accuracy` (or `top1_percent`) and, where the model has none of its
            own, `resolution`, `model` a MODEL or a name of Table 6, and, where trainings differed, `recipe` or
            `epochs`, and `std`, the accuracy's standard deviation between trainings; `table6` for the paper's table;
            or `pytorchcv:cifar10`, `cifar100`, `svhn` or `imagenet` for the networks of that package.
        allow_imports: call the factories of a user's own that a CSV names, `package.module:factory`.

    Raises:
        ImportRefusedError: the file names a factory that was not allowed.
        ZennasError: the file cannot be read, or a row of it is wrong; the message says which.
    """
    if source == TABLE_6:
        return _from_rows("Table 6 of the paper (ImageNet)", table_6_rows(), TABLE_6, allow_imports)
    if source.startswith(f"{LIBRARY}:"):
        return read_pytorchcv(source.removeprefix(f"{LIBRARY}:"))
    path = Path(source)
    if path.suffix == ".json":
        return read_tabular(path)
    if path.suffix == ".csv":
        return _from_rows(path.name, _csv_rows(path), str(path), allow_imports)
    raise ZennasError(
        f"{source}: not a study; give a NAS-Bench-Macro or Channel-Bench-Macro .json, a .csv, {TABLE_6} or "
        f"{LIBRARY}:cifar10"
    )


def _csv_rows(path: Path) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    except csv.Error as error:
        raise ZennasError(f"{path}: not a table: {error}") from None


def _from_rows(title: str, rows: Iterable[dict[str, str]], where: str, allow_imports: bool) -> KnownNetworks:
    models = {row["model"]: row["network"] for row in table_6_rows()}
    networks, left_out = [], []
    for number, row in enumerate(rows, start=1):
        cells = _cells(row, f"{where}: row {number}")
        name, model = cells.model, models.get(cells.model, cells.model)
        if not model:
            left_out.append(f"{name}: neither torchvision, timm nor the zoo has it")
            continue
        check_model_of_file(model, f"{where}: row {number}", allow_imports)
        try:
            networks.append(_known(cells, model))
        except MissingExtraError:
            raise
        except ZennasError as error:
            left_out.append(f"{cut(name)}: {error}")
    if not networks:
        raise ZennasError(f"{where}: no network of it can be scored" + (f"; {left_out[0]}" if left_out else ""))
    return KnownNetworks(title, tuple(networks), tuple(left_out))


@dataclass(frozen=True)
class _Cells:
    """A row of a CSV."""

    model: str
    resolution: Resolution | None
    accuracy: float
    std: float | None
    recipe: str


def _cells(row: dict[str, str], where: str) -> _Cells:
    accuracy = row.get("accuracy") or row.get("top1_percent")
    for column, value in (("model", row.get("model")), ("accuracy", accuracy)):
        if not value:
            raise ZennasError(f"{where}: no {column}; a study's columns are model, resolution and accuracy")
    side, std, epochs = (row.get(column) or None for column in ("resolution", "std", "epochs"))
    try:
        percent, spread = float(str(accuracy)), None if std is None else float(std)
    except ValueError:
        raise ZennasError(f"{where}: accuracy and std must be numbers") from None
    try:
        resolution = None if side is None else read_resolution(side)
    except ArchitectureError as error:
        raise ZennasError(f"{where}: {error}") from None
    if spread is not None and not 0 <= spread <= 100:
        raise ZennasError(f"{where}: std {spread:g} is not allowed; use 0 to 100 points of percent")
    # Networks that were trained for longer are of another recipe.
    recipe = ", ".join(part for part in (row.get("recipe"), epochs and f"{epochs} epochs") if part)
    return _Cells(row["model"], resolution, finite(percent, where), spread, recipe)


def _known(cells: _Cells, model: str) -> KnownNetwork:
    network, resolution = scored_network(model, cells.resolution)
    classes = class_count(network, None)
    if isinstance(network, Architecture):
        counted = costs(network, resolution, classes)
        params, flops = counted.params, counted.flops
    else:
        params, flops = network.params, network.flops
    return KnownNetwork(
        cells.model, network, resolution, classes, cells.accuracy, params, flops, cells.recipe, std=cells.std
    )
