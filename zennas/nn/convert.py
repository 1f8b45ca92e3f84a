"""Any `nn.Module` as a VCN-network: the chain of convolutions whose Zen-score is the module's (paper, Section 3).

The module is traced by torch.fx on a weightless copy. At each addition the branch with fewer convolutions goes, gates
go, activations become ReLU, and everything behind the pre-GAP feature map is cut off. What has no such chain is refused
with its reason.
"""

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from zennas.blocks.chain import Chain
from zennas.blocks.layers import AveragePool, Convolution, GateLayer, Layer
from zennas.errors import ScoreError
from zennas.input_size import GivenResolution, Resolution, read_resolution, shown, sides, size_of
from zennas.nn.main_path import (
    ACTIVATIONS,
    REASONS,
    REGULARISERS,
    Operation,
    Path,
    Refusal,
    Shapes,
    find_paths,
    name_of,
)
from zennas.nn.pooling import average_pooling, max_pooling

KNOWN_WHOLE = ACTIVATIONS | REGULARISERS | REASONS.keys()
"""Module types that are read by their name and not traced into."""

POOLINGS: dict[str, Callable[[Operation, Shapes], Layer | Refusal]] = {
    "max pooling": max_pooling,
    "average pooling": average_pooling,
}
"""Kinds of pooling on the main path, and what reads one into a layer."""


@dataclass(frozen=True)
class Conversion:
    """A module as a VCN-network.

    Attributes:
        name: of the module.
        module: the module itself, untouched.
        resolution: size of the input that it was traced with.
        chain: its convolutions and poolings up to the pre-GAP feature map.
        changes: what was changed on the way, one line each, in the order of the network.
        params: learnable values of the whole module.
        flops: multiply-adds of its convolutions and linear layers on one image.
        convolutions: all its convolutions, removed ones included.
        gates: what the gates that were removed are made of.
    """

    name: str
    module: nn.Module
    resolution: Resolution
    chain: Chain
    changes: tuple[str, ...]
    params: int
    flops: int
    convolutions: int
    gates: tuple[GateLayer, ...] = ()

    def explain(self) -> list[str]:
        """The changes with equal ones counted together, in the order in which they first occur."""
        kinds: dict[str, list[str]] = {}
        for change in self.changes:
            where, _, what = change.partition(": ")
            kinds.setdefault(what, []).append(where)
        lines = []
        for what, places in kinds.items():
            shown = ", ".join(places[:4]) + (f" and {len(places) - 4} more" if len(places) > 4 else "")
            lines.append(f"{what} ({len(places)}×): {shown}")
        return lines


class _Tracer(fx.Tracer):
    """Keeps whole what the conversion knows by type, wherever it was defined."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if isinstance(m, nn.Conv2d | nn.Linear | nn.BatchNorm2d | nn.SyncBatchNorm) or name_of(type(m)) in KNOWN_WHOLE:
            return True
        return bool(super().is_leaf_module(m, module_qualified_name))


class _Shapes(fx.Interpreter):
    """Runs the traced graph on the meta device and keeps every node's shape."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.shapes[n] = tuple(result.shape)
        return result


def convert(module: nn.Module, resolution: GivenResolution, name: str = "") -> Conversion:
    """The VCN-network of a module.

    Args:
        module: traced on a weightless copy; itself untouched.
        resolution: size of the input: the side of a square, `"320x192"` or (height, width); the channels are those
            of the module's first convolution.
        name: for messages; by default the module's class.

    Raises:
        ScoreError: the module is no network of a single branch of convolutions with batch norms, with the reason
            (concatenation, attention, no batch norm, …), or torch.fx cannot trace it.
    """
    name = name or type(module).__name__
    first = next((m for m in module.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None:
        raise _refused(name, "it has no convolution")
    attention = next((path for path, m in module.named_modules() if _is_attention(m)), None)
    if attention is not None:
        raise _refused(name, f"it has attention ({attention}), which is no convolution")
    if not any(isinstance(m, nn.BatchNorm2d | nn.SyncBatchNorm) for m in module.modules()):
        raise _refused(name, "it has no batch norm, which the Zen-score needs behind every convolution")
    skeleton = _weightless(module).eval()
    resolution = read_resolution(resolution)
    graph, shapes = _trace(skeleton, (2, first.in_channels, *sides(resolution)), name)
    modules = dict(skeleton.named_modules())
    end = find_paths(graph, modules, shapes)
    if isinstance(end, Refusal):
        raise _refused(name, end.reason)
    builder = _ChainBuilder(name, shapes)
    chain = builder.chain(end)
    convolutions = [node for node in graph.nodes if node.op == "call_module" and _is(modules, node, nn.Conv2d)]
    return Conversion(
        name,
        module,
        resolution,
        chain,
        tuple(builder.changes),
        sum(p.numel() for p in module.parameters()),
        sum(_multiply_adds(node, modules, shapes) for node in graph.nodes),
        len(convolutions),
        tuple(builder.gates),
    )


def _refused(name: str, reason: str) -> ScoreError:
    return ScoreError(f"{name} cannot be made a VCN-network: {reason}")


def _is(modules: dict[str, nn.Module], node: fx.Node, kind: Any) -> bool:
    return isinstance(modules[str(node.target)], kind)


def _is_attention(module: nn.Module) -> bool:
    kind = type(module).__name__
    return isinstance(module, nn.MultiheadAttention | nn.Transformer) or (
        "Attention" in kind and any(hasattr(module, part) for part in ("qkv", "q", "to_qkv", "query", "in_proj_weight"))
    )


def _weightless(module: nn.Module) -> nn.Module:
    """A deep copy whose parameters and buffers have shapes but no values."""
    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        memo[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="meta"), parameter.requires_grad)
    for buffer in module.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(module, memo)


def _trace(
    module: nn.Module, shape: tuple[int, int, int, int], name: str
) -> tuple[fx.Graph, dict[fx.Node, tuple[int, ...]]]:
    try:
        graph = _Tracer().trace(module)
    except Exception as error:  # whatever the user's forward raises when its input is symbolic
        line = " ".join(str(error).split())
        raise _refused(name, f"torch.fx cannot trace it ({type(error).__name__}: {line[:160]})") from error
    interpreter = _Shapes(fx.GraphModule(module, graph))
    try:
        with torch.no_grad():
            interpreter.run(torch.empty(shape, device="meta"))
    except Exception as error:
        line = " ".join(str(error).split())
        raise _refused(name, f"it does not run at {shape[2]}×{shape[3]} ({line[:160]})") from error
    return graph, interpreter.shapes


def _multiply_adds(node: fx.Node, modules: dict[str, nn.Module], shapes: dict[fx.Node, tuple[int, ...]]) -> int:
    if node.op != "call_module" or node not in shapes:
        return 0
    module = modules[str(node.target)]
    outputs = 1
    for size in shapes[node][1:]:
        outputs *= size
    if isinstance(module, nn.Conv2d):
        kernel = module.kernel_size[0] * module.kernel_size[1]
        return outputs * int(kernel) * int(module.in_channels) // int(module.groups)
    return outputs * int(module.in_features) if isinstance(module, nn.Linear) else 0


class _ChainBuilder:
    """Reads a main path into a chain and notes what it changes."""

    def __init__(self, name: str, shapes: dict[fx.Node, tuple[int, ...]]) -> None:
        self.name = name
        self.shapes = shapes
        self.layers: list[Layer] = []
        self.places: list[str] = []
        self.changes: list[str] = []
        self.gates: list[GateLayer] = []
        self.current: tuple[int, Convolution] | None = None
        """The last convolution so far, and its place among the layers."""

    def chain(self, end: Path) -> Chain:
        """The chain of the main path up to the pre-GAP feature map. Raises `ScoreError`."""
        operations, behind = self._cut(list(end.operations()))
        for operation in operations:
            self._read(operation)
        self._check_norm()
        if behind:
            self.changes.append(f"{', '.join(behind)}: cut off behind the pre-GAP feature map")
        if not self.layers:
            raise _refused(self.name, "it has no convolution before its global average pooling")
        self._check_shapes(operations)
        return tuple(self.layers)

    def _cut(self, operations: list[Operation]) -> tuple[list[Operation], list[str]]:
        """The operations up to the pre-GAP feature map, and the names of the layers behind it."""
        cut = next((i for i, o in enumerate(operations) if o.kind in ("pool", "head")), len(operations))
        for operation in operations[cut:]:
            if len(self.shapes.get(operation.node, (0, 0))) not in (2, 4) or self._is_map(operation):
                raise _refused(
                    self.name, f"{operation.where} goes on with {operation.text} behind the last feature map"
                )
        end = cut
        # VGG pools its last map to 7×7 before the classifier: that is its GAP.
        while end and operations[end - 1].kind == "average pooling":
            end -= 1
        return operations[:end], [o.where for o in operations[cut:] if o.kind in ("convolution", "linear")]

    def _is_map(self, operation: Operation) -> bool:
        shape = self.shapes.get(operation.node, ())
        return operation.kind not in ("pool", "head", "regulariser") and len(shape) == 4 and shape[2] * shape[3] > 1

    def _read(self, operation: Operation) -> None:
        kind, where = operation.kind, operation.where
        self.changes += operation.removed
        self.gates += [_gate_layer(layer, len(self.layers), self.shapes) for layer in operation.gate]
        if kind == "convolution":
            self._check_norm()
            convolution = self._convolution(operation)
            self.current = len(self.layers), convolution
            self._append(convolution, where)
        elif kind in POOLINGS:
            layer = POOLINGS[kind](operation, self.shapes)
            if isinstance(layer, Refusal):
                raise _refused(self.name, layer.reason)
            self._append(layer, where)
        elif kind == "norm":
            self._norm(operation)
        elif kind == "activation":
            self._activate(operation.text, where)
        elif kind == "regulariser":
            self.changes.append(f"{where}: {operation.text} off")
        elif kind == "shortcut only":
            raise _refused(self.name, f"{where} is {operation.text} on the main path")

    def _append(self, layer: Layer, where: str) -> None:
        self.layers.append(layer)
        self.places.append(where)

    def _amend(self, **changes: Any) -> None:
        assert self.current is not None
        index, convolution = self.current
        self.current = index, replace(convolution, **changes)
        self.layers[index] = self.current[1]

    def _averaged_at(self) -> str | None:
        """Where the map was averaged since the last convolution, if it was."""
        start = 0 if self.current is None else self.current[0] + 1
        behind = zip(self.layers[start:], self.places[start:], strict=True)
        return next((where for layer, where in behind if layer.name == AveragePool.name), None)

    def _check_norm(self) -> None:
        if self.current is not None and not self.current[1].norm:
            where = self.places[self.current[0]]
            raise _refused(self.name, f"the convolution {where} has no batch norm behind it")

    def _norm(self, operation: Operation) -> None:
        if self.current is None or self.current[1].norm or self.current[1].activation:
            raise _refused(self.name, f"the batch norm {operation.where} does not follow a convolution")
        averaged = self._averaged_at()
        if averaged:
            raise _refused(self.name, f"the batch norm {operation.where} comes behind the average pooling {averaged}")
        self._amend(norm=True)
        if self.current[0] != len(self.layers) - 1:
            self.changes.append(f"{operation.where}: batch norm taken before the max pooling")
        act = getattr(operation.module, "act", None)
        if act is not None and not isinstance(act, nn.Identity):
            self._activate(type(act).__name__, f"{operation.where}.act")

    def _activate(self, text: str, where: str) -> None:
        if self.current is None:
            raise _refused(self.name, f"the activation {where} comes before any convolution")
        # ReLU commutes with max pooling, so that it may be said with the convolution before the pooling. It does not
        # with average pooling; behind a ReLU and an average it changes nothing.
        averaged = self._averaged_at()
        if averaged and self.current[1].activation is None:
            raise _refused(self.name, f"the activation {where} comes behind the average pooling {averaged}")
        self._amend(activation="relu")
        if text.lower().rstrip("_") != "relu":
            self.changes.append(f"{where}: {text} replaced by ReLU")

    def _convolution(self, operation: Operation) -> Convolution:
        conv, where = operation.module, operation.where
        assert isinstance(conv, nn.Conv2d)
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        if conv.kernel_size != (kernel, kernel) or conv.stride != (stride, stride) or kernel % 2 == 0:
            sides = "×".join(map(str, conv.kernel_size))
            raise _refused(self.name, f"the convolution {where} has a {sides} kernel; it must be square and odd")
        if conv.dilation != (1, 1):
            raise _refused(self.name, f"the convolution {where} is dilated")
        half = (kernel - 1) // 2
        if type(conv).__name__ == "Conv2dSame" or conv.padding == "same":
            if stride > 1 and kernel > 1:
                self.changes.append(f"{where}: one-sided padding made symmetrical")
        elif conv.padding != (half, half):
            raise _refused(self.name, f"the convolution {where} has padding {conv.padding}, not {half}")
        bias = conv.bias is not None
        return Convolution(conv.in_channels, conv.out_channels, kernel, stride, conv.groups, bias, False, None)

    def _check_shapes(self, operations: list[Operation]) -> None:
        """The chain's maps must be the module's own, or its costs and score would be another network's."""
        counted = [o for o in operations if o.kind in ("convolution", *POOLINGS)]
        resolution: Resolution | None = None
        for operation, layer in zip(counted, self.layers, strict=True):
            made = size_of(*self.shapes[operation.node][2:])
            before = size_of(*self.shapes[operation.source][2:]) if resolution is None else resolution
            resolution = layer.out_resolution(before)
            if made != resolution:
                raise _refused(
                    self.name,
                    f"{operation.where} makes a {shown(made)} map of {shown(before)} where a VCN-network has "
                    f"{shown(resolution)}; try another resolution",
                )


def _gate_layer(operation: Operation, place: int, shapes: dict[fx.Node, tuple[int, ...]]) -> GateLayer:
    """A layer of a gate; a linear layer is a convolution of a 1×1 map."""
    layer, shape = operation.module, shapes.get(operation.node, ())
    if isinstance(layer, nn.Linear):
        return GateLayer(Convolution(layer.in_features, layer.out_features, 1), 1, place)
    assert isinstance(layer, nn.Conv2d)
    convolution = Convolution(layer.in_channels, layer.out_channels, layer.kernel_size[0], groups=layer.groups)
    return GateLayer(convolution, size_of(*shape[2:]) if len(shape) == 4 else 1, place)


def summary(chain: Chain) -> str:
    """A chain in a line: `53 convolutions, 1 max pooling`."""
    kinds = Counter(layer.name for layer in chain)
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items())
