"""A winner in timm's registry, in one line: from there every tool takes it that takes timm's backbones."""

import re
from pathlib import Path

from zennas.architecture.model import Architecture
from zennas.errors import ArchitectureError
from zennas.loading import load
from zennas.optional_dependencies import require

_BEST = "best.yaml"


def timm_backbone(model: str | Path | Architecture, name: str | None = None) -> str:
    """Register a network with timm.

        name = zennas.timm_backbone("runs/search-1")
        backbone = timm.create_model(name, features_only=True, head_in_features=False)

    Args:
        model: directory of a run, whose best network is meant, or what `zennas.load` takes.
        name: what timm calls it; by default the run's or the architecture's name as a plain Python name. A name of an
            earlier call is given to the new network.

    Returns:
        The name.

    Raises:
        ArchitectureError: no network, or the name is no plain Python name, or one of timm's own.
        MissingExtraError: timm is not installed.
    """
    timm = require("timm", "train", "zennas.timm_backbone")
    registry = require("zennas.nn.timm_model", "train", "zennas.timm_backbone")
    directory = Path(model) if not isinstance(model, Architecture) and Path(model).is_dir() else None
    architecture = load(directory / _BEST if directory else model)
    wanted = name or _plain(directory.resolve().name if directory else architecture.name or "zennas_network")
    if not wanted.isidentifier():
        raise ArchitectureError(f"the name {wanted!r} is not a plain Python name; give one, e.g. name='my_backbone'")
    if timm.is_model(wanted) and wanted not in registry.default_cfgs:
        raise ArchitectureError(f"timm has a model {wanted} of its own; give another name, e.g. name='my_{wanted}'")
    registry.register(architecture, wanted, f"{architecture.name or 'A network'} of zennas.")
    return wanted


def _plain(text: str) -> str:
    plain = re.sub(r"\W", "_", text.lower())
    return f"zennas_{plain}" if not plain.isidentifier() else plain
