"""A module's graph, traced by torch.fx without weights and with the shape of everything in it."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor, fx, nn

from zennas.errors import ScoreError
from zennas.input_size import Resolution, shown, sides
from zennas.nn.main_path import (
    ACTIVATIONS,
    ATTENTION_POOLS,
    BLUR,
    OTHER_NORMS,
    REASONS,
    REGULARISERS,
    Shapes,
    name_of,
    where_of,
)

KNOWN_WHOLE = ACTIVATIONS | REGULARISERS | REASONS.keys() | OTHER_NORMS | ATTENTION_POOLS | {BLUR}
"""Module types that are read by their name and not traced into."""
_IN_SHAPE = ("shape", "ndim", "dtype", "device")


@dataclass(frozen=True)
class Traced:
    """A traced module.

    Attributes:
        graph: what it does; sizes in it are numbers.
        modules: its parts by the names that the graph calls them, without weights.
        shapes: of every node whose value is a tensor, N×C×H×W for maps.
    """

    graph: fx.Graph
    modules: dict[str, nn.Module]
    shapes: Shapes

    def convolutions(self) -> int:
        """Calls of convolutions, and of linear layers over maps, which are such with a window of 1×1."""
        return sum(
            isinstance(called := self._called(node), nn.Conv2d)
            or (isinstance(called, nn.Linear) and len(self.shapes[node]) == 4)
            for node in self.graph.nodes
        )

    def multiply_adds(self) -> int:
        """Multiply-adds of the convolutions and linear layers on one image."""
        return sum(map(self._multiply_adds, self.graph.nodes))

    def _called(self, node: fx.Node) -> nn.Module | None:
        return self.modules[str(node.target)] if node.op == "call_module" else None

    def _multiply_adds(self, node: fx.Node) -> int:
        module = self._called(node)
        outputs = 1
        for size in self.shapes.get(node, ())[1:]:
            outputs *= size
        if isinstance(module, nn.Conv2d):
            kernel = module.kernel_size[0] * module.kernel_size[1]
            return outputs * int(kernel) * int(module.in_channels) // int(module.groups)
        return outputs * int(module.in_features) if isinstance(module, nn.Linear) else 0


def traced(module: nn.Module, resolution: Resolution, name: str) -> Traced:
    """The graph of a module on images of one size.

    Args:
        module: traced on a copy without weights, in evaluation mode; itself untouched.
        resolution: size of the images; their channels are those of the module's first convolution.
        name: of the module, for messages.

    Raises:
        ScoreError: it has no convolution, does not run on such images, or what it does depends on values.
    """
    first = next((m for m in module.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None:
        raise refused(name, "it has no convolution")
    try:
        skeleton = _weightless(module).eval()
    except (RuntimeError, ValueError, TypeError) as error:
        raise refused(name, f"it cannot be copied ({_line(error)})") from error
    tracer = _Tracer(torch.empty((2, first.in_channels, *sides(resolution)), device="meta"))
    try:
        with torch.no_grad():
            graph = tracer.trace(skeleton)
    except _DoesNotRunError as error:
        raise refused(name, f"it does not run at {shown(resolution)} ({_line(error)})") from error
    except Exception as error:  # whatever the user's forward raises when its input is symbolic
        raise refused(name, f"torch.fx cannot trace it ({type(error).__name__}: {_line(error)})") from error
    shapes = {node: tuple(value.shape) for node, value in tracer.values.items() if isinstance(value, Tensor)}
    return Traced(graph, dict(skeleton.named_modules()), shapes)


def refused(name: str, reason: str) -> ScoreError:
    """What is raised for a module that has no chain.

    Args:
        name: of the module.
        reason: why, in words that go behind a colon.
    """
    return ScoreError(f"{name} cannot be made a VCN-network: {reason}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


def _weightless(module: nn.Module) -> nn.Module:
    """A deep copy whose parameters and buffers have shapes but no values."""
    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        memo[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="meta"), parameter.requires_grad)
    for buffer in module.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(module, memo)


class _DoesNotRunError(Exception):
    """An operation failed on tensors of these shapes."""


class _ShapedProxy(fx.Proxy):
    """A proxy of which shape, type and device are known, so that a forward that asks for them can be traced."""

    def __getattr__(self, k: str) -> Any:
        value = self.tracer.values[self.node]
        return getattr(value, k) if k in _IN_SHAPE and isinstance(value, Tensor) else super().__getattr__(k)


class _Tracer(fx.Tracer):
    """Runs every operation on the meta device as it is recorded, and keeps whole what the conversion knows by type.

    What comes out as a number stays one: sizes are no part of the graph.
    """

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.values: dict[fx.Node, Any] = {}
        self._images = images
        self._running = False

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if isinstance(m, nn.Conv2d | nn.Linear | nn.BatchNorm2d | nn.SyncBatchNorm) or name_of(type(m)) in KNOWN_WHOLE:
            return True
        return bool(super().is_leaf_module(m, module_qualified_name))

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _ShapedProxy(node, self)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        return attr_val if self._running else super().getattr(attr, attr_val, parameter_proxy_cache)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        return forward(*args, **kwargs) if self._running else super().call_module(m, forward, args, kwargs)

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *more: Any, **named: Any) -> Any:
        proxy = super().create_proxy(kind, target, args, kwargs, *more, **named)
        node = proxy.node
        value = self.values[node] = self._run(node)
        if kind in ("placeholder", "output") or _has_tensor(value):
            return proxy
        self.graph.erase_node(node)
        del self.values[node]
        return value

    def _value(self, node: fx.Node) -> Any:
        if node not in self.values:  # buffers become nodes without a proxy
            self.values[node] = self._run(node)
        return self.values[node]

    def _run(self, node: fx.Node) -> Any:
        """The value of a node on tensors without values."""
        if node.op == "placeholder":
            # Further arguments of a forward have their defaults.
            return self._images if node.prev.op == "root" else (node.args[0] if node.args else None)
        args, kwargs = (fx.node.map_arg(given, self._value) for given in (node.args, node.kwargs))
        self._running = True
        try:
            if node.op == "get_attr":
                return reduce(getattr, str(node.target).split("."), self.root)
            if node.op == "call_module":
                return self.root.get_submodule(str(node.target)).forward(*args, **kwargs)
            if node.op == "call_method":
                return getattr(args[0], str(node.target))(*args[1:], **kwargs)
            return node.target(*args, **kwargs) if node.op == "call_function" else args[0]
        except Exception as error:
            raise _DoesNotRunError(f"{where_of(node)}: {error}") from error
        finally:
            self._running = False


def _has_tensor(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_has_tensor, value))
    return isinstance(value, Tensor)
