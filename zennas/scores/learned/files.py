"""Reading an accuracy model: JSON of plain numbers, from which nothing is evaluated or unpickled."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from zennas.architecture.model import MAX_CHANNELS
from zennas.errors import FileError, ZennasError, cut, shortened
from zennas.input_size import read_resolution
from zennas.io.documents import load_json
from zennas.io.text import read_text
from zennas.scores.learned.corrections import CORRECTIONS, Correction
from zennas.scores.learned.features import known_feature
from zennas.scores.learned.model import FORMAT, AccuracyModel, Baseline, Scaling
from zennas.scores.learned.plain import array, number
from zennas.scores.registry import registered_score

_KEYS = {"format", *(field.name for field in fields(AccuracyModel))}


def load_accuracy_model(path: str | os.PathLike[str]) -> AccuracyModel:
    """Read what `AccuracyModel.save` wrote.

    Raises:
        FileError: no such file, damaged, or no accuracy model.
    """
    where = str(path)
    document = load_json(read_text(Path(path)), where)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FileError(f"{where}: not an accuracy model of this zennas (expected format {FORMAT!r})")
    missing = sorted(_KEYS - set(document))
    if missing:
        raise FileError(f"{where}: damaged accuracy model: {', '.join(missing)} missing")
    try:
        return _model(document)
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, ZennasError) as error:
        raise FileError(f"{where}: damaged accuracy model: {cut(str(error), 300)}") from None


def _model(document: dict[str, Any]) -> AccuracyModel:
    title, reason, report = (document[key] for key in ("title", "reason", "report"))
    if not isinstance(title, str) or not isinstance(reason, str) or not isinstance(report, dict):
        raise ValueError("title and reason must be texts, report a mapping")
    resolution = document["resolution"]
    scaling = _scaling(document["scaling"])
    return AccuracyModel(
        title,
        _whole(document["networks"], "networks", 1 << 32),
        None if resolution is None else read_resolution(resolution),
        _whole(document["num_classes"], "num_classes", MAX_CHANNELS),
        _baseline(document["baseline"]),
        scaling,
        _correction(document["correction"], int(scaling.learned.sum())),
        reason,
        report,
    )


def _baseline(values: dict[str, Any]) -> Baseline:
    name = values["score"]
    if not isinstance(name, str):
        raise ValueError(f"baseline: score must be a name, got {shortened(name)}")
    registered_score(name)
    return Baseline(name, number(values["intercept"]), number(values["slope"]), number(values["std"], 0))


def _scaling(values: dict[str, Any]) -> Scaling:
    names = values["features"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("scaling: features must be a list of names")
    for name in names:
        known_feature(name)
    center, scale, low, high = (array(values[key], 1) for key in ("center", "scale", "low", "high"))
    learned = values["learned"]
    if not isinstance(learned, list) or not all(isinstance(value, bool) for value in learned):
        raise ValueError("scaling: learned must be a list of true and false")
    if {len(column) for column in (scale, low, high, learned)} != {len(center)} or not (scale > 0).all():
        raise ValueError("scaling: columns do not fit together")
    return Scaling(tuple(names), center, scale, low, high, np.array(learned, dtype=bool))


def _correction(values: dict[str, Any] | None, features: int) -> Correction | None:
    if values is None:
        return None
    kind = values["kind"]
    if not isinstance(kind, str) or kind not in CORRECTIONS:
        raise ValueError(f"unknown correction {shortened(kind)}; known are {', '.join(CORRECTIONS)}")
    correction: Correction = CORRECTIONS[kind].from_plain(values)
    if correction.features != features:
        raise ValueError(f"the correction reads {correction.features} features, and the model has {features}")
    return correction


def _whole(value: Any, what: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"{what} must be a whole number up to {most}, got {shortened(value)}")
    return value
