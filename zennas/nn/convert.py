"""Any `nn.Module` as a VCN-network: the chain of convolutions whose Zen-score is the module's (paper, Section 3).

The module is traced by torch.fx on a weightless copy. At each addition the branch with fewer convolutions goes, gates
go, activations become ReLU, and everything behind the pre-GAP feature map is cut off. What has no such chain is refused
with its reason.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from torch import fx, nn

from zennas.blocks.chain import Chain
from zennas.blocks.layers import AveragePool, Convolution, GateLayer, Layer
from zennas.input_size import GivenResolution, Resolution, read_resolution, shown, size_of
from zennas.nn.channels_last import channels_first
from zennas.nn.main_path import ATTENTION_POOLS, BLUR, Operation, Path, Refusal, Shapes, find_paths, name_of
from zennas.nn.padding import zeros_around
from zennas.nn.pooling import average_pooling, max_pooling
from zennas.nn.traced import refused, traced

POOLINGS: dict[str, Callable[[Operation, Shapes, int], Layer | Refusal]] = {
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
        inserted_norms: batch norms of the chain that the module does not have.
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
    inserted_norms: int = 0

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


def convert(module: nn.Module, resolution: GivenResolution, name: str = "", insert_norm: bool = False) -> Conversion:
    """The VCN-network of a module.

    Args:
        module: traced on a weightless copy; itself untouched.
        resolution: size of the input: the side of a square, `"320x192"` or (height, width); the channels are those
            of the module's first convolution.
        name: for messages; by default the module's class.
        insert_norm: put a batch norm behind every convolution that has none, in the place of another kind of norm where
            there is one; by default such a module is refused.

    Raises:
        ScoreError: the module is no network of a single branch of convolutions with batch norms, with the reason
            (concatenation, attention, no batch norm, …), or torch.fx cannot trace it.
    """
    name = name or type(module).__name__
    first = next((m for m in module.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None:
        raise refused(name, "it has no convolution")
    attention = next((path for path, m in module.named_modules() if _is_attention(m)), None)
    if attention is not None:
        raise refused(name, f"it has attention ({attention}), which is no convolution")
    if not insert_norm and not any(isinstance(m, nn.BatchNorm2d | nn.SyncBatchNorm) for m in module.modules()):
        raise refused(
            name,
            "it has no batch norm, which the Zen-score needs behind every convolution; --insert-norm "
            "(insert_norm=True) scores it with them put in",
        )
    size = read_resolution(resolution)
    found = traced(module, size, name)
    shapes = channels_first(found.graph, found.modules, found.shapes)
    end = find_paths(found.graph, found.modules, shapes)
    if isinstance(end, Refusal):
        raise refused(name, end.reason)
    builder = _ChainBuilder(name, shapes, insert_norm)
    chain = builder.chain(end)
    return Conversion(
        name,
        module,
        size,
        chain,
        tuple(builder.changes),
        sum(p.numel() for p in module.parameters()),
        found.multiply_adds(),
        found.convolutions(),
        tuple(builder.gates),
        builder.inserted,
    )


def _is_attention(module: nn.Module) -> bool:
    kind = type(module).__name__
    if name_of(kind) in ATTENTION_POOLS:
        return False
    return isinstance(module, nn.MultiheadAttention | nn.Transformer) or (
        "Attention" in kind and any(hasattr(module, part) for part in ("qkv", "q", "to_qkv", "query", "in_proj_weight"))
    )


class _ChainBuilder:
    """Reads a main path into a chain and notes what it changes."""

    def __init__(self, name: str, shapes: dict[fx.Node, tuple[int, ...]], insert_norm: bool) -> None:
        self.name = name
        self.insert_norm = insert_norm
        self.inserted = 0
        self.shapes = shapes
        self.layers: list[Layer] = []
        self.places: list[str] = []
        self.changes: list[str] = []
        self.gates: list[GateLayer] = []
        self.current: tuple[int, Convolution] | None = None
        """The last convolution so far, and its place among the layers."""
        self.padding: Operation | None = None
        """Zeros around the map, for the next convolution or pooling."""

    def chain(self, end: Path) -> Chain:
        """The chain of the main path up to the pre-GAP feature map. Raises `ScoreError`."""
        operations, behind = self._cut(list(end.operations()))
        for operation in operations:
            self._read(operation)
        if self.padding is not None:
            self._refuse_padding(self.padding)
        self._check_norm()
        if behind:
            self.changes.append(f"{', '.join(behind)}: cut off behind the pre-GAP feature map")
        if not self.layers:
            raise refused(self.name, "it has no convolution before its global average pooling")
        self._check_shapes(operations)
        return tuple(self.layers)

    def _cut(self, operations: list[Operation]) -> tuple[list[Operation], list[str]]:
        """The operations up to the pre-GAP feature map, and the names of the layers behind it."""
        cut = next((i for i, o in enumerate(operations) if o.kind in ("pool", "head")), len(operations))
        for operation in operations[cut:]:
            if len(self.shapes.get(operation.node, (0, 0))) not in (2, 4) or self._is_map(operation):
                raise refused(self.name, f"{operation.where} goes on with {operation.text} behind the last feature map")
        end = cut
        # VGG pools its last map to 7×7 before the classifier: that is its GAP.
        while end and operations[end - 1].kind == "average pooling":
            end -= 1
        return operations[:end], [o.where for o in operations[cut:] if isinstance(o.module, nn.Conv2d | nn.Linear)]

    def _is_map(self, operation: Operation) -> bool:
        shape = self.shapes.get(operation.node, ())
        return operation.kind not in ("pool", "head", "regulariser") and len(shape) == 4 and shape[2] * shape[3] > 1

    def _read(self, operation: Operation) -> None:
        kind, where = operation.kind, operation.where
        if self.padding is not None and kind not in ("convolution", "neutral", *POOLINGS):
            self._refuse_padding(self.padding)
        self.changes += operation.removed
        self.gates += [_gate_layer(layer, len(self.layers), self.shapes) for layer in operation.gate]
        if kind == "convolution":
            self._check_norm()
            convolution = self._convolution(operation, self._zeros_in_front("its"))
            self.current = len(self.layers), convolution
            self._append(convolution, where)
        elif kind in POOLINGS:
            # A max pooling's own padding is below every value. Zeros differ from it at the border of a map that is
            # negative there; neither costs nor the closed form see that.
            layer = POOLINGS[kind](operation, self.shapes, self._zeros_in_front(f"the {kind}'s"))
            if isinstance(layer, Refusal):
                raise refused(self.name, layer.reason)
            if name_of(operation.text) == BLUR:
                self.changes.append(f"{where}: blur made an average over its window")
            self._append(layer, where)
        elif kind == "norm":
            self._norm(operation)
        elif kind == "other norm":
            self._other_norm(operation)
        elif kind == "activation":
            self._activate(operation.text, where)
        elif kind == "regulariser":
            self.changes.append(f"{where}: {operation.text} off")
        elif kind == "shortcut only":
            if zeros_around(operation) is None:
                self._refuse_padding(operation)
            self.padding = operation

    def _zeros_in_front(self, whose: str) -> int:
        """Zeros that a padding put around the map for the layer at hand, whose own they become."""
        if self.padding is None:
            return 0
        padding, self.padding = self.padding, None
        self.changes.append(f"{padding.where}: {padding.text} made {whose} own padding")
        return zeros_around(padding) or 0

    def _refuse_padding(self, operation: Operation) -> NoReturn:
        raise refused(self.name, f"{operation.where} is {operation.text} on the main path")

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
            if not self.insert_norm:
                raise refused(self.name, f"the convolution {where} has no batch norm behind it")
            self._insert(f"{where}: batch norm put in")

    def _insert(self, change: str) -> None:
        self._amend(norm=True)
        self.inserted += 1
        self.changes.append(change)

    def _other_norm(self, operation: Operation) -> None:
        if not self.insert_norm:
            what = f"{operation.where} is {operation.text}"
            raise refused(self.name, f"{what}; the Zen-score needs batch norms (--insert-norm puts them in)")
        if self.current is not None and not self.current[1].norm and self._averaged_at() is None:
            self._insert(f"{operation.where}: {operation.text} replaced by batch norm")
        else:
            self.changes.append(f"{operation.where}: {operation.text} left out")
        self._own_activation(operation)

    def _own_activation(self, operation: Operation) -> None:
        """The activation that timm's norms have inside."""
        act = getattr(operation.module, "act", None)
        if act is not None and not isinstance(act, nn.Identity):
            self._activate(type(act).__name__, f"{operation.where}.act")

    def _norm(self, operation: Operation) -> None:
        if self.current is None or self.current[1].norm or self.current[1].activation:
            raise refused(self.name, f"the batch norm {operation.where} does not follow a convolution")
        averaged = self._averaged_at()
        if averaged:
            raise refused(self.name, f"the batch norm {operation.where} comes behind the average pooling {averaged}")
        self._amend(norm=True)
        if self.current[0] != len(self.layers) - 1:
            self.changes.append(f"{operation.where}: batch norm taken before the max pooling")
        self._own_activation(operation)

    def _activate(self, text: str, where: str) -> None:
        if self.current is None:
            raise refused(self.name, f"the activation {where} comes before any convolution")
        # ReLU commutes with max pooling, so that it may be said with the convolution before the pooling. It does not
        # with average pooling; behind a ReLU and an average it changes nothing.
        averaged = self._averaged_at()
        if averaged and self.current[1].activation is None:
            raise refused(self.name, f"the activation {where} comes behind the average pooling {averaged}")
        self._amend(activation="relu")
        if text.lower().rstrip("_") != "relu":
            self.changes.append(f"{where}: {text} replaced by ReLU")

    def _convolution(self, operation: Operation, padded: int) -> Convolution:
        conv, where = operation.module, operation.where
        if isinstance(conv, nn.Linear):
            return Convolution(
                conv.in_features, conv.out_features, 1, bias=conv.bias is not None, norm=False, activation=None
            )
        assert isinstance(conv, nn.Conv2d)
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        if conv.kernel_size != (kernel, kernel) or conv.stride != (stride, stride):
            sides = "×".join(map(str, conv.kernel_size))
            raise refused(self.name, f"the convolution {where} has a {sides} kernel; it must be square")
        if conv.dilation != (1, 1):
            raise refused(self.name, f"the convolution {where} is dilated")
        half = (kernel - 1) // 2
        padding = conv.padding
        if padded and not isinstance(padding, str):
            padding = (padding[0] + padded, padding[1] + padded)
        if type(conv).__name__ == "Conv2dSame" or conv.padding == "same":
            if stride > 1 and kernel > 1:
                self.changes.append(f"{where}: one-sided padding made symmetrical")
        elif kernel == stride and padding == (0, 0):
            # Windows side by side: those of ConvNeXt's stem begin one pixel further in than the chain's.
            if half:
                self.changes.append(f"{where}: padded by {half}, which moves its windows")
        elif padding != (half, half):
            raise refused(self.name, f"the convolution {where} has padding {padding}, not {half}")
        bias = conv.bias is not None
        return Convolution(conv.in_channels, conv.out_channels, kernel, stride, conv.groups, bias, False, None)

    def _check_shapes(self, operations: list[Operation]) -> None:
        """The chain's maps must be the module's own, or its costs and score would be another network's."""
        counted = [o for o in operations if o.kind in ("convolution", *POOLINGS)]
        resolution: Resolution | None = None
        for operation, layer in zip(counted, self.layers, strict=True):
            made = size_of(*self.shapes[operation.node][2:])
            # The first one may be padded in front of it.
            before = size_of(*self.shapes[operations[0].source][2:]) if resolution is None else resolution
            resolution = layer.out_resolution(before)
            if made != resolution:
                raise refused(
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
