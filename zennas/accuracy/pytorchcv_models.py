"""The networks of the package pytorchcv, whose errors stand in its own list. Nothing is downloaded."""

import csv
from collections.abc import Iterator
from importlib import resources

from zennas.accuracy.known import KnownNetwork, KnownNetworks
from zennas.errors import ZennasError
from zennas.optional_dependencies import require, unknown

LIBRARY = "pytorchcv"
LIST = "models/common/model_metainfos.csv"
UNKNOWN = "NA"
CIFAR, IMAGENET = "cf", "in1k"
"""What the list calls the images of the small data sets, and ImageNet."""
DATA = {"cifar10": CIFAR, "cifar100": CIFAR, "svhn": CIFAR, "imagenet": IMAGENET}
"""Data sets, and what the list calls them."""


def read_pytorchcv(data: str) -> KnownNetworks:
    """The networks of one data set that become VCN-networks.

    The accuracy is 100 − the error in the list: of the first guess, on ImageNet of the five first. Its remark says
    where weights were taken over from; that is the recipe, `pytorchcv` for its author's own.

    Args:
        data: `cifar10`, `cifar100`, `svhn` or `imagenet`.

    Raises:
        UnknownNameError: no such data set.
        MissingExtraError: pytorchcv or torch is not installed.
        ZennasError: its list is not where this package knows it, or no network can be scored.
    """
    if data not in DATA:
        raise unknown("data set of pytorchcv", data, DATA)
    purpose = f"{LIBRARY}:{data}"
    provider = require("pytorchcv.model_provider", LIBRARY, purpose)
    torch = require("torch", "torch", purpose)
    from zennas.nn.convert import convert

    networks: list[KnownNetwork] = []
    left_out = []
    for row in _rows(data):
        name = row["model_name"]
        try:
            with torch.device("meta"):
                module = provider.get_model(name)
            side = int(module.in_size[0])
            network = convert(module, side, name)
        except ZennasError as error:
            left_out.append(str(error))
            continue
        except Exception as error:  # of the library's own: its networks are as they are
            left_out.append(f"{name}: cannot be built without weights ({type(error).__name__}: {error})")
            continue
        recipe = LIBRARY if row["remark"] == UNKNOWN else row["remark"]
        accuracy = 100 - int(row["error_value"]) / 100
        classes = int(module.num_classes)
        networks.append(KnownNetwork(name, network, side, classes, accuracy, network.params, network.flops, recipe))
    if not networks:
        raise ZennasError(f"{purpose}: no network of it can be scored" + (f"; {left_out[0]}" if left_out else ""))
    return KnownNetworks(f"pytorchcv, {data}", tuple(networks), tuple(left_out))


def _rows(data: str) -> Iterator[dict[str, str]]:
    try:
        text = (resources.files(LIBRARY) / LIST).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ZennasError(f"pytorchcv: no {LIST}; its list of errors is there since version 0.0.74") from None
    wanted = {"test_dataset", "model_name", "error_value", "remark"}
    for row in csv.DictReader(text.splitlines()):
        if not wanted <= set(row):
            raise ZennasError(f"pytorchcv: {LIST} has no columns {', '.join(sorted(wanted - set(row)))}")
        of_data = row["test_dataset"] == DATA[data] and (
            DATA[data] == IMAGENET or row["model_name"].endswith(f"_{data}")
        )
        if of_data and row["error_value"] != UNKNOWN:
            yield row
