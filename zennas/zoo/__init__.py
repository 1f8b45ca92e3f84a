"""The published ZenNets, as data files, by name."""

from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

from zennas.architecture.document import from_document
from zennas.architecture.model import Architecture
from zennas.io.documents import load_yaml
from zennas.optional_dependencies import unknown

_DATA = resources.files("zennas.zoo") / "data"


@dataclass(frozen=True)
class ZooEntry:
    """A published network.

    Attributes:
        source: the table of the paper, or the later version.
        corrected: misprints of the table that were corrected, one text each.
        paper: the paper's numbers: params, flops, top-1 accuracies in percent, latencies in ms per image.
    """

    architecture: Architecture
    source: str
    corrected: tuple[str, ...] = ()
    paper: dict[str, float] = field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        """Classes of the data set it was designed for."""
        assert self.architecture.num_classes is not None
        return self.architecture.num_classes

    @property
    def name(self) -> str:
        """The zoo name."""
        return self.architecture.name


@lru_cache(maxsize=1)
def zoo_names() -> tuple[str, ...]:
    """All zoo names, sorted."""
    return tuple(sorted(item.name.removesuffix(".yaml") for item in _DATA.iterdir() if item.name.endswith(".yaml")))


@lru_cache(maxsize=64)
def zoo_entry(name: str) -> ZooEntry:
    """A published network by name (case does not matter). Raises `UnknownNameError` with the nearest names."""
    by_lower = {known.lower(): known for known in zoo_names()}
    if name.lower() not in by_lower:
        raise unknown("zoo network", name, zoo_names())
    file = f"{by_lower[name.lower()]}.yaml"
    document: dict[str, Any] = load_yaml((_DATA / file).read_text(encoding="utf-8"), file)
    return ZooEntry(
        from_document(document, file),
        document["source"],
        tuple(document.get("mended", ())),
        document.get("paper", {}),
    )
