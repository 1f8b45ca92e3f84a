"""Training, distilling and evaluating networks: needs the extra `train`.

Names are imported on first use: `zennas train --help` lists the settings where torch is not installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zennas.train.config import TrainConfig
    from zennas.train.evaluation import Evaluation, evaluate
    from zennas.train.loop import TrainProgress
    from zennas.train.run import TrainResult, resume_training, train

_HOMES = {
    "TrainConfig": "config",
    "Evaluation": "evaluation",
    "evaluate": "evaluation",
    "TrainProgress": "loop",
    "TrainResult": "run",
    "resume_training": "run",
    "train": "run",
}

__all__ = ["Evaluation", "TrainConfig", "TrainProgress", "TrainResult", "evaluate", "resume_training", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zennas.train' has no attribute {name!r}")
    value = getattr(import_module(f"zennas.train.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
