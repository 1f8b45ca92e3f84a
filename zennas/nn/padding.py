"""Padding that a module has as a layer of its own, in front of the convolution or pooling whose border it is."""

from typing import Any

from zennas.nn.main_path import Operation, name_of

_MODULES = ("constantpad2d", "zeropad2d")
_FUNCTION = "pad"
_PAD = {"pad": (), "mode": "constant", "value": None}
"""Arguments of torch's function after the map, in their order, with their defaults."""


def zeros_around(operation: Operation) -> int | None:
    """How many zeros a padding puts on each of the four sides of a map; `None` where it is no such padding.

    Args:
        operation: of any kind.
    """
    module, node = operation.module, operation.node
    found: dict[str, Any]
    if module is not None:
        if name_of(type(module)) not in _MODULES:
            return None
        found = {**_PAD, "pad": module.padding, "value": getattr(module, "value", 0)}
    else:
        if name_of(node.target) != _FUNCTION:
            return None
        given = dict(zip(_PAD, node.args[1:], strict=False))
        found = {**_PAD, **given, **{name: node.kwargs[name] for name in _PAD if name in node.kwargs}}
    sides = set(found["pad"])
    if found["mode"] != "constant" or found["value"] not in (None, 0) or len(found["pad"]) != 4 or len(sides) != 1:
        return None
    side = sides.pop()
    return side if isinstance(side, int) and side >= 0 else None
