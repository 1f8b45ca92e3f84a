"""A learned device: predicts latencies without running anything, and knows in which setting. No torch."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from zennas.architecture.model import MAX_CHANNELS, SuperBlock
from zennas.errors import FileError, LatencyError, cut, shortened
from zennas.input_size import Resolution
from zennas.io.documents import load_json
from zennas.io.text import read_text, write_text
from zennas.latency.convolutions import ConvolutionModel
from zennas.latency.perceptron import Perceptron
from zennas.latency.setting import Setting, differences, setting_from_json
from zennas.latency.trees import Trees

FORMAT = "zennas latency predictor 1"
_KEYS = {"format", "model", "setting", "space", "blocks", "num_classes", "range", "pace", "report", "parameters"}
_PROBE = (SuperBlock("Conv", 3, 3, 16), SuperBlock("Conv", 3, 16, 64, 2))
"""A small network of blocks that every space has: what gives it no time gives none to others."""


class LatencyModel(Protocol):
    """What predicts."""

    name: str

    def predict(self, super_blocks: tuple[SuperBlock, ...]) -> float:
        """Seconds an image of a network."""

    def parameters(self) -> dict[str, Any]:
        """Plain values, for the predictor's file."""


MODELS: dict[str, Any] = {model.name: model for model in (ConvolutionModel, Perceptron, Trees)}


def as_kept(model: LatencyModel, resolution: Resolution, num_classes: int) -> LatencyModel:
    """A model as the predictor's file gives it back, which has fewer digits.

    Args:
        model: one of `MODELS`.
        resolution: size of the networks' input.
        num_classes: outputs of their classifiers, 0 for none; the model knows the time of others by their width.
    """
    kept: LatencyModel = MODELS[model.name].from_parameters(model.parameters(), resolution, num_classes)
    return kept


@dataclass(frozen=True)
class Predictor:
    """A latency model with the setting that it was fitted in.

    Attributes:
        blocks: block types that it has seen.
        range: lowest and highest latency that it has seen, in seconds an image.
        reference: seconds that the reference network of `zennas.latency.drift` took when it was fitted; where that
            takes longer now, so does every network. The file calls it `pace`.
        report: how well it predicted networks that it was not fitted to (`zennas.latency.fit.Report`).
    """

    model: LatencyModel
    setting: Setting
    space: str
    blocks: tuple[str, ...]
    num_classes: int
    range: tuple[float, float]
    reference: float
    report: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, super_blocks: tuple[SuperBlock, ...]) -> float:
        """Seconds an image of a network at the setting's resolution.

        Raises:
            LatencyError: no time comes out, since the model's parameters are damaged.
        """
        seconds = self.model.predict(super_blocks)
        if not 0 < seconds < math.inf:
            raise LatencyError(
                f"the latency predictor ({self.model.name}) says {seconds} seconds for a network of "
                f"{len(super_blocks)} super-blocks; its parameters are damaged: fit it anew"
            )
        return seconds

    def check(self, where: str, wanted: Mapping[str, Any]) -> None:
        """Refuse to be used in another setting: `wanted` has values by the names of `Setting`'s fields.

        Raises:
            LatencyError: names both settings.
        """
        other = differences(self.setting, wanted)
        if other:
            asked = ", ".join(f"{name.replace('_', ' ')} {wanted[name]}" for name in other)
            raise LatencyError(
                f"{where}: was fitted on {self.setting}; asked for is {asked}; "
                "fit one for that by zennas latency-predictor fit"
            )

    def check_blocks(self, where: str, blocks: set[str]) -> None:
        """Raises `LatencyError` where a space has block types that were not fitted."""
        unseen = sorted(blocks - set(self.blocks))
        if unseen:
            raise LatencyError(
                f"{where}: was fitted on the {self.space} space ({', '.join(self.blocks)}) and has never seen "
                f"{', '.join(unseen)}; fit one for the space that is searched"
            )


def write_predictor(predictor: Predictor, path: str | os.PathLike[str]) -> None:
    """Write a predictor as JSON. Raises `ZennasError` where the file cannot be written."""
    document = {
        "format": FORMAT,
        "model": predictor.model.name,
        "setting": predictor.setting.as_json(),
        "space": predictor.space,
        "blocks": list(predictor.blocks),
        "num_classes": predictor.num_classes,
        "range": list(predictor.range),
        "pace": predictor.reference,
        "report": dict(predictor.report),
        "parameters": predictor.model.parameters(),
    }
    write_text(Path(path), json.dumps(document) + "\n")


def read_predictor(path: str | os.PathLike[str]) -> Predictor:
    """Read what `write_predictor` wrote.

    Raises:
        LatencyError: no such file, empty, damaged, or no predictor.
    """
    where = str(path)
    try:
        text = read_text(Path(path))
    except FileError as error:
        raise LatencyError(str(error)) from None
    if not text.strip():
        raise LatencyError(f"{where}: empty; it should hold a latency predictor")
    try:
        document = load_json(text, f"{where}: damaged latency predictor")
    except FileError as error:
        raise LatencyError(str(error)) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise LatencyError(f"{where}: not a latency predictor of this zennas (expected format {FORMAT!r})")
    missing = sorted(_KEYS - set(document))
    if missing:
        raise LatencyError(f"{where}: damaged latency predictor: {', '.join(missing)} missing")
    name, blocks, report = document["model"], document["blocks"], document["report"]
    if not isinstance(name, str) or name not in MODELS:
        raise LatencyError(f"{where}: unknown model {shortened(name)}; known are {', '.join(MODELS)}")
    setting = setting_from_json(document["setting"], where)
    if not isinstance(blocks, list) or not all(isinstance(block, str) for block in blocks):
        raise LatencyError(f"{where}: damaged latency predictor: blocks must be a list of names")
    if not isinstance(report, dict) or not isinstance(document["parameters"], dict):
        raise LatencyError(f"{where}: damaged latency predictor: report and parameters must be mappings")
    try:
        num_classes = int(document["num_classes"])
        low, high = map(float, document["range"])
        reference = float(document["pace"])
        model = MODELS[name].from_parameters(document["parameters"], setting.resolution, num_classes)
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise LatencyError(f"{where}: damaged latency predictor: {cut(str(error))}") from None
    if not (0 < low <= high < math.inf and 0 < reference < math.inf and 0 <= num_classes <= MAX_CHANNELS):
        raise LatencyError(
            f"{where}: damaged latency predictor: range {low} to {high}, pace {reference}, "
            f"{shortened(num_classes)} classes"
        )
    space = document["space"]
    if not isinstance(space, str):
        raise LatencyError(f"{where}: damaged latency predictor: space must be a name, got {shortened(space)}")
    predictor = Predictor(model, setting, space, tuple(blocks), num_classes, (low, high), reference, report)
    try:
        predictor.predict(_PROBE)
    except LatencyError as error:
        raise LatencyError(f"{where}: {error}") from None
    return predictor
