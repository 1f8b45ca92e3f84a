"""From images to a network: candidates of searches are trained for a short time, and what was learned chooses the next.

Names are imported on first use: the choice among a run's networks needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zennas.designing.api import design, resume_design
    from zennas.designing.result import DesignResult, read_design
    from zennas.designing.winners import Pick, winners

_HOMES = {
    "DesignResult": "result",
    "Pick": "winners",
    "design": "api",
    "read_design": "result",
    "resume_design": "api",
    "winners": "winners",
}

__all__ = ["DesignResult", "Pick", "design", "read_design", "resume_design", "winners"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zennas.designing' has no attribute {name!r}")
    value = getattr(import_module(f"zennas.designing.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
