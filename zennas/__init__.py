"""zennas designs convolutional networks for a budget without training any of them.

Names are imported on first use, so that `import zennas` needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zennas.accuracy.fitting import fit_accuracy
    from zennas.architecture import Architecture, SuperBlock, format_structure, parse_structure
    from zennas.blocks import Convolution, Unit, register_block, residual
    from zennas.counting import Costs, Quantity, costs, register_quantity
    from zennas.designing import design, winners
    from zennas.errors import ZennasError
    from zennas.export.timm_backbone import timm_backbone
    from zennas.loading import load
    from zennas.nn import build, convert, import_network, import_weights
    from zennas.runs import SearchResult, read_run, resume_run, search
    from zennas.runs.watching import print_progress
    from zennas.scores import Score, meanfield_score, register_score
    from zennas.scores.learned import AccuracyModel, load_accuracy_model
    from zennas.scores.zen import phi_score, zen_score
    from zennas.searching import register_algorithm
    from zennas.spaces import mutate, register_operator, register_space, search_space
    from zennas.zoo import zoo_entry, zoo_names

_HOMES = {
    "Architecture": "architecture",
    "SuperBlock": "architecture",
    "format_structure": "architecture",
    "parse_structure": "architecture",
    "Convolution": "blocks",
    "Unit": "blocks",
    "register_block": "blocks",
    "residual": "blocks",
    "Costs": "counting",
    "Quantity": "counting",
    "costs": "counting",
    "register_quantity": "counting",
    "design": "designing",
    "winners": "designing",
    "ZennasError": "errors",
    "load": "loading",
    "build": "nn",
    "convert": "nn",
    "import_network": "nn",
    "import_weights": "nn",
    "Score": "scores",
    "meanfield_score": "scores",
    "register_score": "scores",
    "AccuracyModel": "scores.learned",
    "fit_accuracy": "accuracy.fitting",
    "load_accuracy_model": "scores.learned",
    "phi_score": "scores.zen",
    "zen_score": "scores.zen",
    "timm_backbone": "export.timm_backbone",
    "SearchResult": "runs",
    "mutate": "spaces",
    "register_algorithm": "searching",
    "register_operator": "spaces",
    "register_space": "spaces",
    "print_progress": "runs.watching",
    "read_run": "runs",
    "resume_run": "runs",
    "search": "runs",
    "search_space": "spaces",
    "zoo_entry": "zoo",
    "zoo_names": "zoo",
}
_TORCH = ("nn", "scores.zen")

__version__ = "0.2.0"
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zennas' has no attribute {name!r}")
    home = _HOMES[name]
    if home in _TORCH:
        from zennas.optional_dependencies import require

        require("torch", "torch", f"zennas.{name}")
    module = import_module(f"zennas.{home}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
