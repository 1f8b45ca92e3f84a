"""Measurements on disk: one JSON object a line, appended as they are taken, so that none is lost or taken twice."""

import json
import math
import os
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zennas.architecture.model import MAX_CHANNELS, SuperBlock
from zennas.architecture.structure import format_structure, parse_structure
from zennas.blocks.layers import TimedLayer
from zennas.errors import ArchitectureError, FileError, LatencyError, cut, shortened
from zennas.input_size import Size, plain, read_resolution
from zennas.io.documents import load_json
from zennas.io.text import read_text
from zennas.latency.layers import known_kinds
from zennas.latency.setting import Setting, differences, setting_from_json

FORMAT = "zennas latency measurements 1"
_OPENING = json.dumps({"format": FORMAT})[:-1].encode()
SMOOTHING_WINDOW = 8


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
    """Measurements of networks and of single layers, as they were taken.

    Attributes:
        networks: super-blocks by their number in the sequence.
        visits: of each network by number, seconds an image and place in `references` of each visit; empty where it ran
            out of memory.
        layers: seconds an image of single layers, and their place in `references`.
        references: seconds of the reference network (`zennas.latency.drift`) at each visit, in the order of time.
    """

    header: Header
    networks: dict[int, tuple[SuperBlock, ...]] = field(default_factory=dict)
    visits: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    layers: dict[TimedLayer, tuple[float, int]] = field(default_factory=dict)
    references: list[float] = field(default_factory=list)

    def add_network(self, number: int, blocks: tuple[SuperBlock, ...], latency: float | None, reference: float) -> None:
        """Add one visit to a network.

        Args:
            number: of the network in the sequence.
            blocks: the network.
            latency: seconds an image; `None` where it ran out of memory.
            reference: seconds of the reference network at that time.
        """
        self.references.append(reference)
        self.networks[number] = blocks
        visits = self.visits.setdefault(number, [])
        if latency is not None:
            visits.append((latency, len(self.references) - 1))

    def add_layer(self, layer: TimedLayer, latency: float) -> None:
        """Add a single layer of the network that was visited last. Raises `ValueError` where there was none."""
        if not self.references:
            raise ValueError("a layer before any network")
        self.layers[layer] = (latency, len(self.references) - 1)

    def first(self, networks: int) -> "Measured":
        """What there was when the networks before that number had been measured, each once: later visits, and whatever
        was measured after them, are left out."""
        numbers = [number for number in self.networks if number < networks]
        firsts = {number: self.visits[number][:1] for number in numbers}
        last = max((place for visits in firsts.values() for _, place in visits), default=-1)
        return Measured(
            self.header,
            {number: self.networks[number] for number in numbers},
            firsts,
            {layer: (latency, place) for layer, (latency, place) in self.layers.items() if place <= last},
            self.references[: last + 1],
        )


class Corrected:
    """Measurements corrected for drift: brought to the median of the reference network's seconds.

    Attributes:
        latencies: seconds an image of each visit to a network, by number.
        layers: seconds an image of single layers.
        reference: the seconds of the reference network that they were brought to.
    """

    def __init__(self, measured: Measured) -> None:
        references = smoothed(measured.references)
        self.header = measured.header
        self.networks = measured.networks
        self.reference = statistics.median(references) if references else 1.0
        self.latencies = {
            number: [latency * self.reference / references[place] for latency, place in visits]
            for number, visits in measured.visits.items()
        }
        self.layers = {
            layer: latency * self.reference / references[place] for layer, (latency, place) in measured.layers.items()
        }

    def numbers(self) -> list[int]:
        """The numbers of the networks that were measured, in order."""
        return sorted(number for number, latencies in self.latencies.items() if latencies)

    def latency(self, number: int) -> float:
        """A network's latency: the median over the visits."""
        return statistics.median(self.latencies[number])


def smoothed(references: Sequence[float]) -> list[float]:
    """Each value as the median of those at most `SMOOTHING_WINDOW` before and after it: a single one is as noisy as
    what it is to correct."""
    return [
        statistics.median(references[max(0, place - SMOOTHING_WINDOW) : place + SMOOTHING_WINDOW + 1])
        for place in range(len(references))
    ]


class RecordFile:
    """A file of measurements, open for appending."""

    def __init__(self, path: Path, header: Header, measured: Measured) -> None:
        self.path = path
        self.header = header
        self.measured = measured

    def add_network(
        self, number: int, blocks: tuple[SuperBlock, ...], latency: float | None, reference: float, spread: float = 0.0
    ) -> None:
        """Keep one visit to a network.

        Args:
            number: of the network in the sequence.
            blocks: the network.
            latency: seconds an image; `None` where it ran out of memory.
            reference: seconds of the reference network at that time, `pace` in the file.
            spread: of the latency's mini-batches (`zennas.latency.measure.Measurement`).
        """
        structure = format_structure(blocks)
        self._append({"number": number, "network": structure, "latency": latency, "spread": spread, "pace": reference})
        self.measured.add_network(number, blocks, latency, reference)

    def add_layer(self, layer: TimedLayer, latency: float) -> None:
        """Keep the latency of a single layer."""
        values = [plain(value) if isinstance(value, Size) else value for value in layer]
        self._append({"layer": values, "latency": latency})
        self.measured.add_layer(layer, latency)

    def _append(self, record: dict[str, Any]) -> None:
        _append_line(self.path, record)


def open_records(path: Path, header: Header) -> RecordFile:
    """Open a file for more measurements, or begin one.

    A file that exists must be of the same setting, space, classes and seed; its bounds of multiply-adds are kept. A
    last line that was cut off by a crash is dropped; a file of nothing else is begun anew.

    Args:
        path: of the file; it is made, with its directory, where it is missing.
        header: what the measurements to come have in common.

    Raises:
        LatencyError: the file is damaged, or its measurements are of another kind; both are named.
    """
    if not has_records(path):
        with _written(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
        _append_line(path, header.as_json())
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
    _drop_torn_line(path)
    return RecordFile(path, old, measured)


def has_records(path: Path) -> bool:
    """Whether there is a file of measurements with more than a first line that was cut off by a crash."""
    try:
        with path.open("rb") as file:
            first = file.readline()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise LatencyError(f"{path}: cannot be read: {error.strerror or error}") from None
    # Begun by us and never ended: anything else without an end of line is somebody's file, and is refused.
    return first.endswith(b"\n") or not _OPENING.startswith(first[: len(_OPENING)])


def read_records(path: Path) -> Measured:
    """Read a file of measurements; a last line that was cut off by a crash is left out. Nothing is written.

    Raises:
        LatencyError: the file cannot be read or is damaged; the line is named.
    """
    try:
        text = read_text(path)
    except FileError as error:
        raise LatencyError(str(error)) from None
    measured: Measured | None = None
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        try:
            record = load_json(line, str(path))
            if measured is None:
                measured = Measured(_header(record, str(path)))
            elif "layer" in record:
                measured.add_layer(_layer(record["layer"]), positive(record["latency"]))
            else:
                blocks = parse_structure(record["network"]).super_blocks
                latency = None if record["latency"] is None else positive(record["latency"])
                measured.add_network(whole(record["number"]), blocks, latency, positive(record["pace"]))
        except (ValueError, KeyError, TypeError, AttributeError, ArchitectureError, FileError):
            raise LatencyError(f"{path}, line {number}: damaged; remove the line or the file") from None
    if measured is None:
        raise LatencyError(f"{path}: empty; it should hold latency measurements")
    return measured


def _drop_torn_line(path: Path) -> None:
    """Lest the next record be glued to it."""
    with _written(path):
        content = path.read_bytes()
        os.truncate(path, content.rfind(b"\n") + 1)


def _layer(values: Any) -> TimedLayer:
    written = TimedLayer(*values)
    layer = written._replace(resolution=read_resolution(written.resolution))
    sizes = (layer.in_channels, layer.out_channels, layer.kernel, layer.stride, layer.groups)
    if layer.kind not in known_kinds() or not all(isinstance(size, int) and 0 < size <= MAX_CHANNELS for size in sizes):
        raise ValueError(f"{values} is no layer")
    return layer


def positive(value: Any) -> float:
    """A finite number above 0, as JSON has it. Raises `ValueError` where it is none."""
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError(f"{value} is no positive number")
    return number


def whole(value: Any) -> int:
    """A whole number from 0 on that a database holds, as JSON has it. Raises `ValueError` where it is none."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(f"{value} is no count")
    return value


def _header(record: dict[str, Any], where: str) -> Header:
    if record["format"] != FORMAT:
        raise LatencyError(f"{where}: not a file of latency measurements (its format is {shortened(record['format'])})")
    low, high = map(positive, record["flops"])
    setting = setting_from_json(record["setting"], where)
    classes = whole(record["num_classes"])
    if classes > MAX_CHANNELS:
        raise ValueError(f"{classes} classes are too many")
    return Header(setting, str(record["space"]), classes, (low, high), whole(record["seed"]))


def _describe(header: Header) -> str:
    return f"the {cut(header.space)} space with {header.num_classes} classes, seed {header.seed}, on {header.setting}"


def _append_line(path: Path, record: dict[str, Any]) -> None:
    with _written(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LatencyError(
            f"{path}: cannot be written: {error.strerror or error}; the same command goes on with what is there"
        ) from None
