"""Pooling of a traced module as a layer of a chain, or why no layer says the same."""

from typing import Any

from zennas.blocks.layers import AveragePool, MaxPool
from zennas.nn.main_path import BLUR, Operation, Refusal, Shapes, is_adaptive, name_of

_MAX = {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}
_AVERAGE = {
    "kernel_size": None, "stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True,
    "divisor_override": None,
}  # fmt: skip
"""Arguments of torch's functions after the map, in their order, with their defaults."""


def max_pooling(operation: Operation, shapes: Shapes, padded: int = 0) -> MaxPool | Refusal:
    """The max pooling of a node, adaptive ones as the windows that they have at the traced resolution.

    Args:
        operation: of kind `max pooling`.
        shapes: of the traced maps.
        padded: zeros around the map by a padding in front of it; none by default.
    """
    found = _arguments(operation, _MAX, shapes)
    if isinstance(found, Refusal):
        return found
    window = _window(operation, found, shapes, padded)
    if isinstance(window, Refusal):
        return window
    if _square(found["dilation"]) != 1:
        return Refusal(f"the max pooling {operation.where} is dilated")
    return MaxPool(shapes[operation.node][1], *window)


def average_pooling(operation: Operation, shapes: Shapes, padded: int = 0) -> AveragePool | Refusal:
    """The average pooling of a node, adaptive ones as the windows that they have at the traced resolution, and blurs as
    averages over their windows.

    Args:
        operation: of kind `average pooling`.
        shapes: of the traced maps.
        padded: zeros around the map by a padding in front of it; none by default.
    """
    if operation.module is not None and name_of(type(operation.module)) == BLUR:
        return AveragePool(shapes[operation.node][1], int(operation.module.filt_size), int(operation.module.stride))
    found = _arguments(operation, _AVERAGE, shapes)
    if isinstance(found, Refusal):
        return found
    window = _window(operation, found, shapes, padded)
    if isinstance(window, Refusal):
        return window
    kernel, stride = window
    where = f"the average pooling {operation.where}"
    if found["divisor_override"] not in (None, kernel**2):
        return Refusal(f"{where} divides by {found['divisor_override']}, not by the {kernel**2} values of its window")
    if kernel > 2 and not found["count_include_pad"]:
        return Refusal(f"{where} leaves padded zeros out of its averages (count_include_pad=False); they must count")
    return AveragePool(shapes[operation.node][1], kernel, stride)


def _window(operation: Operation, found: dict[str, Any], shapes: Shapes, padded: int) -> tuple[int, int] | Refusal:
    """Kernel and stride, where the window is square and padded as a layer's is, by itself or in front of it."""
    what = f"the {operation.kind} {operation.where}"
    kernel = _square(found["kernel_size"])
    stride = kernel if found["stride"] in (None, [], ()) else _square(found["stride"])
    own = _square(found["padding"])
    if not kernel or not stride:
        return Refusal(f"{what} has a window or stride that is not square")
    if own is None or own + padded != (kernel - 1) // 2:
        more = f" and {padded} in front of it" if padded else ""
        return Refusal(f"{what} has padding {found['padding']}{more}, not {(kernel - 1) // 2}")
    if kernel % 2 == 0 and stride != 2:
        return Refusal(f"{what} has an even kernel ({kernel}) and stride {stride}; an even kernel needs stride 2")
    if kernel % 2 and found["ceil_mode"] and any((side - 1) % stride for side in shapes[operation.source][2:]):
        return Refusal(f"{what} has ceil_mode, by which it makes a larger map than a layer of a VCN-network")
    return kernel, stride


def _square(value: Any) -> int | None:
    """The one value of both directions, or `None` where they differ."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    return int(values[0]) if len(set(values)) == 1 else None


def _arguments(operation: Operation, defaults: dict[str, Any], shapes: Shapes) -> dict[str, Any] | Refusal:
    """The arguments of a pooling module or function by their names in torch."""
    node, module = operation.node, operation.module
    if is_adaptive(operation):
        before, after = shapes[operation.source][2:], shapes[node][2:]
        windows = {side // out if side % out == 0 else None for side, out in zip(before, after, strict=True)}
        if len(windows) > 1 or None in windows:
            sides = f"{before[0]}×{before[1]} to {after[0]}×{after[1]}"
            return Refusal(f"the {operation.kind} {operation.where} has windows that are not equal squares ({sides})")
        return {**defaults, "kernel_size": before[0] // after[0]}
    if module is not None:
        return {name: getattr(module, name) for name in defaults}
    given = dict(zip(defaults, node.args[1:], strict=False))
    return {**defaults, **given, **{name: node.kwargs[name] for name in defaults if name in node.kwargs}}
