"""Measurements on disk: one JSON object a line, appended as they are taken, so that none is lost or taken twice."""

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.architecture.structure import parse_structure
from zennas.errors import ArchitectureError, LatencyError
from zennas.latency.layers import TimedLayer
from zennas.latency.setting import Setting, differences, setting_from_json

FORMAT = "zennas latency measurements 1"


@dataclass(frozen=True)
class Header:
    """What all measurements of a file have in common.

    Attributes:
        space: name of the search space that the networks come from.
        flops: bounds of the sampled networks' multiply-adds.
        seed: of the sequence of networks.
    """

    setting: Setting
    space: str
    num_classes: int
    flops: tuple[float, float]
    seed: int

    def as_json(self) -> dict[str, Any]:
        """The first line of the file."""
        return {
            "format": FORMAT,
            "setting": self.setting.as_json(),
            "space": self.space,
            "num_classes": self.num_classes,
            "flops": list(self.flops),
            "seed": self.seed,
        }


@dataclass
class Measured:
    """Measurements of networks and of single layers.

    Attributes:
        networks: super-blocks by their number in the sequence.
        latencies: seconds an image of each visit to a network, by number; empty where it ran out of memory.
        layers: seconds an image of single layers.
    """

    header: Header
    networks: dict[int, tuple[SuperBlock, ...]] = field(default_factory=dict)
    latencies: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    layers: dict[TimedLayer, float] = field(default_factory=dict)

    def numbers(self) -> list[int]:
        """The numbers of the networks that were measured, in order."""
        return sorted(number for number, latencies in self.latencies.items() if latencies)

    def latency(self, number: int) -> float:
        """A network's latency: the median over the visits."""
        return float(np.median(self.latencies[number]))


class RecordFile:
    """A file of measurements, open for appending."""

    def __init__(self, path: Path, header: Header, measured: Measured) -> None:
        self.path = path
        self.header = header
        self.measured = measured

    def add_network(self, number: int, structure: str, latency: float | None, spread: float = 0.0) -> None:
        """Keep one visit to a network; `None` for one that ran out of memory."""
        self._append({"number": number, "network": structure, "latency": latency, "spread": spread})
        self.measured.networks[number] = parse_structure(structure).super_blocks
        visits = self.measured.latencies[number]
        if latency is not None:
            visits.append(latency)

    def add_layer(self, layer: TimedLayer, latency: float) -> None:
        """Keep the latency of a single layer."""
        self._append({"layer": list(layer), "latency": latency})
        self.measured.layers[layer] = latency

    def _append(self, record: dict[str, Any]) -> None:
        _append_line(self.path, record)


def open_records(path: Path, header: Header) -> RecordFile:
    """Open a file for more measurements, or begin one.

    A file that exists must be of the same setting, space, classes and seed; its bounds of multiply-adds are kept.

    Raises:
        LatencyError: the file is damaged, or its measurements are of another kind; both are named.
    """
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _append_line(path, header.as_json())
        except OSError as error:
            raise LatencyError(f"{path}: cannot be written: {error.strerror or error}") from None
        return RecordFile(path, header, Measured(header))
    measured = read_records(path)
    old = measured.header
    wanted = {key: value for key, value in header.setting.as_json().items() if key != "versions"}
    other = differences(old.setting, wanted)
    other += [name for name in ("space", "num_classes", "seed") if getattr(old, name) != getattr(header, name)]
    if other:
        raise LatencyError(
            f"{path}: holds measurements of {_describe(old)}; wanted are {_describe(header)} "
            f"({', '.join(other)} differ); give another --out, or remove the file"
        )
    return RecordFile(path, old, measured)


def read_records(path: Path) -> Measured:
    """Read a file of measurements; a last line that was cut off by a crash is dropped. Raises `LatencyError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LatencyError(f"{path}: cannot be read: {error}") from None
    lines = text.split("\n")
    if lines[-1]:
        # Drop the torn line on disk as well, lest the next record be glued to it.
        os.truncate(path, len(text.encode()) - len(lines[-1].encode()))
    measured: Measured | None = None
    for number, line in enumerate(lines[:-1], start=1):
        try:
            record = json.loads(line)
            if measured is None:
                measured = Measured(_header(record, str(path)))
            elif "layer" in record:
                measured.layers[TimedLayer(*record["layer"])] = float(record["latency"])
            else:
                identity = int(record["number"])
                measured.networks[identity] = parse_structure(record["network"]).super_blocks
                visits = measured.latencies[identity]
                if record["latency"] is not None:
                    visits.append(float(record["latency"]))
        except (ValueError, KeyError, TypeError, AttributeError, ArchitectureError):
            raise LatencyError(f"{path}, line {number}: damaged; remove the line or the file") from None
    if measured is None:
        raise LatencyError(f"{path}: empty; it should hold latency measurements")
    return measured


def _header(record: dict[str, Any], where: str) -> Header:
    if record["format"] != FORMAT:
        raise LatencyError(f"{where}: not a file of latency measurements (its format is {record['format']!r})")
    low, high = record["flops"]
    setting = setting_from_json(record["setting"], where)
    return Header(setting, str(record["space"]), int(record["num_classes"]), (low, high), int(record["seed"]))


def _describe(header: Header) -> str:
    return f"the {header.space} space with {header.num_classes} classes, seed {header.seed}, on {header.setting}"


def _append_line(path: Path, record: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
