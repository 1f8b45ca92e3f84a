"""The main path of a traced module: what each node of the graph does, and which branch stays where two meet."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from torch import fx, nn

Shapes = dict[fx.Node, tuple[int, ...]]

ADDITIONS = {"add", "iadd", "add_", "floataddadd"}
PRODUCTS = {"mul", "imul", "mul_"}
ACTIVATIONS = {
    "relu", "relu6", "leakyrelu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "gelutanh", "quickgelu", "silu",
    "swish", "mish", "hardswish", "hardsigmoid", "sigmoid", "tanh", "hardtanh", "softplus", "logsigmoid", "hardmish",
    "clamp",
}  # fmt: skip
REGULARISERS = {"dropout", "dropout2d", "featuredropout", "alphadropout", "droppath", "stochasticdepth", "dropblock2d"}
NEUTRAL = {"identity", "contiguous", "clone", "to", "float", "getattr", "assert", "eq", "size", "dim"}
RESHAPES = {"flatten", "view", "reshape", "squeeze", "permute"}
SHORTCUT_ONLY = {"pad", "getitem", "constantpad2d", "zeropad2d"}
OTHER_NORMS = {
    "layernorm", "layernorm2d", "groupnorm", "groupnormact", "groupnorm1", "instancenorm2d", "localresponsenorm",
    "evonorm2ds0", "evonorm2ds0a", "evonorm2ds1", "evonorm2ds2", "evonorm2db0", "evonorm2db1", "evonorm2db2",
    "filterresponsenormtlu2d", "filterresponsenormact2d", "layernormact2d", "layernormact", "rmsnorm", "rmsnorm2d",
}  # fmt: skip
"""Norms that are no batch norms: the score of a network with them is that of one with batch norms in their places."""
ATTENTION_POOLS = {"attentionpool2d", "rotattentionpool2d"}
"""Attention in the place of global average pooling, as in CLIP's ResNets: the chain ends in front of it."""
BLUR = "blurpool2d"
REASONS = {
    "cat": "concatenation",
    "concat": "concatenation",
    "chunk": "splitting of channels",
    "split": "splitting of channels",
    "interpolate": "interpolation",
    "upsample": "interpolation",
    "matmul": "matrix product of activations",
    "bmm": "matrix product of activations",
    "einsum": "matrix product of activations",
    "scaleddotproductattention": "attention",
    "softmax": "softmax between layers",
    "convtranspose2d": "transposed convolution",
}


@dataclass(frozen=True)
class Operation:
    """What a node does to the map that comes in.

    Attributes:
        kind: convolution, norm, other norm, activation, max pooling, average pooling, pool (global average), head,
            linear, regulariser, neutral, or "shortcut only": what may stand in a residual link but not on the main
            path.
        where: the module's path, or the node's name.
        text: the operation in words.
        source: the node whose map comes in.
        removed: residual links and gates that ended here and are left out.
        gate: the convolutions and linear layers of a gate that is left out, from its fork on.
    """

    kind: str
    where: str
    text: str
    node: fx.Node
    source: fx.Node
    module: nn.Module | None = None
    removed: tuple[str, ...] = ()
    gate: "tuple[Operation, ...]" = ()


@dataclass(frozen=True, eq=False)
class Path:
    """The main path from the input to a node; shared tails make the whole graph one tree.

    Attributes:
        convolutions: on this path; where two paths meet, the common part counts in both.
        weights: of those convolutions.
    """

    operation: Operation | None
    before: "Path | None" = None
    convolutions: int = 0
    weights: int = 0
    length: int = field(default=0)

    def operations(self) -> Iterator[Operation]:
        """From the input on."""
        found = []
        path: Path | None = self
        while path is not None:
            if path.operation is not None:
                found.append(path.operation)
            path = path.before
        return iter(reversed(found))


@dataclass(frozen=True)
class Refusal:
    """Why a node's map is no VCN-network's."""

    reason: str


Found = Path | Refusal | None
"""`None` for a value that does not depend on the input: a parameter or a number."""


def find_paths(graph: fx.Graph, modules: dict[str, nn.Module], shapes: Shapes) -> Path | Refusal:
    """The main path to the module's output, or why there is none.

    Args:
        graph: of the traced module.
        modules: the traced module's parts by the names that the graph calls them.
        shapes: of every node whose value is a tensor, N×C×H×W for maps.
    """
    found: dict[fx.Node, Found] = {}
    for node in graph.nodes:
        if node.op == "output":
            result = node.args[0]
            if isinstance(result, dict):
                return Refusal("it returns a dictionary; wrap it so that it returns one tensor")
            if not isinstance(result, fx.Node):
                return Refusal("it returns several values; wrap it so that it returns one tensor")
            end = found[result]
            return Refusal("its output does not depend on its input") if end is None else end
        found[node] = _visit(node, modules, shapes, found)
    raise AssertionError("a traced graph ends with its output")


def name_of(target: Any) -> str:
    """The plain name of a function, method or module type: `F.hardswish` → `hardswish`, `nn.ReLU6` → `relu6`."""
    text = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    plain = text.lower().strip("_").replace("_", "")
    return plain.removeprefix("adaptive") if plain.startswith("adaptive") else plain


def _visit(node: fx.Node, modules: dict[str, nn.Module], shapes: Shapes, found: dict[fx.Node, Found]) -> Found:
    if node.op == "placeholder":
        return Path(None) if node.prev.op == "root" else None
    if node.op == "get_attr":
        return None
    inputs = [n for n in node.all_input_nodes if found[n] is not None]
    if not inputs:
        return None
    module = modules[str(node.target)] if node.op == "call_module" else None
    name = name_of(type(module) if module is not None else node.target)
    if name in ADDITIONS and len(inputs) == 2:
        return _add(node, inputs, found)
    if name in PRODUCTS and len(inputs) == 2:
        return _multiply(node, inputs, shapes, found)
    operation = _operation(node, inputs[0], module, name, shapes)
    if isinstance(operation, Refusal):
        earlier = next((found[n] for n in inputs if isinstance(found[n], Refusal)), None)
        # A node that yields no tensor (a size, a check) refuses nothing by itself.
        return earlier or (operation if node in shapes or name in REASONS else None)
    maps = [n for n in inputs if n in shapes]
    if len(maps) > 1:
        return Refusal(f"{operation.where} joins {len(maps)} branches by {operation.text}")
    before = found[maps[0] if maps else inputs[0]]
    if not isinstance(before, Path):
        return before
    return _extend(before, operation)


def _extend(before: Path, operation: Operation) -> Path:
    convolutions, weights = before.convolutions, before.weights
    if operation.kind == "convolution":
        assert isinstance(operation.module, nn.Conv2d | nn.Linear)
        convolutions += 1
        weights += operation.module.weight.numel()
    return Path(operation, before, convolutions, weights, before.length + 1)


def where_of(node: fx.Node) -> str:
    """The name of a node's module, or its own with that of the module around it."""
    if node.op == "call_module":
        return str(node.target)
    stack = node.meta.get("nn_module_stack")
    inside = list(stack)[-1] if stack else ""
    return f"{inside}.{node.name}" if inside else node.name


def _operation(
    node: fx.Node, source: fx.Node, module: nn.Module | None, name: str, shapes: Shapes
) -> Operation | Refusal:
    where = where_of(node)
    text = type(module).__name__ if module is not None else name
    made = Operation("neutral", where, text, node, source, module)
    if isinstance(module, nn.Conv2d):
        return replace(made, kind="head" if _takes_whole_map(made, shapes) else "convolution")
    if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm):
        return replace(made, kind="norm")
    if isinstance(module, nn.Linear) or name == "linear":
        sides = shapes.get(node, ())[2:]
        over_maps = isinstance(module, nn.Linear) and len(sides) == 2 and sides != (1, 1)
        return replace(made, kind="convolution" if over_maps else "linear" if not sides else "head")
    if len(shapes.get(source, ())) == len(shapes.get(node, ())) == 2:
        return replace(made, kind="head")  # softmax, norms and their like on the vector behind the pooling
    if name in OTHER_NORMS:
        return replace(made, kind="other norm")
    if name in ATTENTION_POOLS:
        return replace(made, kind="pool")
    if name == BLUR:
        return replace(made, kind="average pooling")
    if name == "maxpool2d":
        return replace(made, kind="max pooling")
    if name in ("avgpool2d", "mean"):
        return _average(made, shapes)
    if name in ACTIVATIONS:
        return replace(made, kind="activation")
    if name in REGULARISERS:
        return replace(made, kind="regulariser")
    if name in RESHAPES:
        return _reshape(made, shapes)
    if name in SHORTCUT_ONLY:
        return replace(made, kind="shortcut only")
    if name in NEUTRAL or name in ADDITIONS or name in PRODUCTS or name in ("div", "truediv", "sub"):
        return made  # with a number or a parameter: batch norms see through scale and shift
    return Refusal(f"{where} is {REASONS.get(name, f'the operation {text}, which no VCN-network has')}")


def _takes_whole_map(operation: Operation, shapes: Shapes) -> bool:
    """Whether a convolution's window is the whole map: a linear layer of VGG's classifier, as timm writes it."""
    before, after = shapes.get(operation.source, ()), shapes.get(operation.node, ())
    layer = operation.module
    assert isinstance(layer, nn.Conv2d)
    return len(before) == 4 and after[2:] == (1, 1) and before[2:] != (1, 1) and before[2:] == layer.kernel_size


def _average(operation: Operation, shapes: Shapes) -> Operation:
    """Average pooling: global if it leaves 1×1 (or drops height and width), harmless if it changes nothing."""
    before, after = shapes.get(operation.source, ()), shapes.get(operation.node, ())
    if len(before) == 4 and (len(after) == 2 or after[2:] == (1, 1)):
        return replace(operation, kind="pool")
    if before == after and len(before) == 4 and is_adaptive(operation):
        return operation
    pools = len(before) == len(after) == 4 and before[:2] == after[:2] and operation.text != "mean"
    return replace(operation, kind="average pooling" if pools else "shortcut only")


def is_adaptive(operation: Operation) -> bool:
    """Whether a pooling is told the side of its output instead of its window."""
    called = operation.node.target if operation.module is None else type(operation.module)
    return "adaptive" in getattr(called, "__name__", str(called)).lower()


def _reshape(operation: Operation, shapes: Shapes) -> Operation | Refusal:
    before, after = shapes.get(operation.source, ()), shapes.get(operation.node, ())
    if len(after) == 2 or (len(before) == 4 and before[2:] == (1, 1)):
        return replace(operation, kind="head")
    if before == after:
        return operation
    return Refusal(f"{operation.where} rearranges the feature map ({operation.text} to {len(after)} dimensions)")


def _add(node: fx.Node, inputs: list[fx.Node], found: dict[fx.Node, Found]) -> Path | Refusal:
    """The branch with more convolutions between fork and addition stays; of one convolution each, the larger."""
    paths = []
    for source in inputs:
        path = found[source]
        if isinstance(path, Refusal):
            return path
        assert path is not None
        paths.append(path)
    keep, drop = sorted(paths, key=lambda p: (p.convolutions, p.weights), reverse=True)
    fork = _fork(keep, drop)
    where = where_of(node)
    in_link = drop.convolutions - fork.convolutions
    if in_link > 1 and drop.convolutions == keep.convolutions:
        return Refusal(f"{where} adds two branches of {in_link} convolutions each; none of them is a residual link")
    kind = "residual link removed" + (f" with {in_link} convolution{'s' * (in_link > 1)}" if in_link else "")
    if in_link and drop.convolutions == keep.convolutions:
        kind = "parallel branch removed with 1 convolution"
    source = inputs[paths.index(keep)]
    note = Operation("neutral", where, "addition", node, source, removed=(f"{where}: {kind}",))
    return Path(note, keep, keep.convolutions, keep.weights, keep.length + 1)


def _fork(one: Path, other: Path) -> Path:
    """Where two paths part."""
    a: Path = one
    b: Path = other
    while a is not b:
        if a.length >= b.length:
            assert a.before is not None
            a = a.before
        else:
            assert b.before is not None
            b = b.before
    return a


def _multiply(node: fx.Node, inputs: list[fx.Node], shapes: Shapes, found: dict[fx.Node, Found]) -> Path | Refusal:
    """A gate goes; x·sigmoid(x) and its like are activations."""
    size = [_values(shapes.get(n, ())) for n in inputs]
    where = where_of(node)
    if size[0] == size[1]:
        gates = [i for i, n in enumerate(inputs) if _ends_in_sigmoid(n, found)]
        if not gates:
            return Refusal(f"{where} multiplies two feature maps, and none of them is a gate")
        gate = gates[-1]
    else:
        gate = 0 if size[0] < size[1] else 1
    source, other = inputs[1 - gate], inputs[gate]
    main, side = found[source], found[other]
    if not isinstance(main, Path):
        assert main is not None
        return main
    if isinstance(side, Path) and size[0] == size[1] and side.convolutions == _fork(main, side).convolutions:
        activation = Operation("activation", where, "product with its own sigmoid", node, source)
        return _extend(main, activation)
    weights = _between(_fork(main, side), side) if isinstance(side, Path) else ()
    note = Operation("neutral", where, "gate", node, source, removed=(f"{where}: gate removed",), gate=weights)
    return Path(note, main, main.convolutions, main.weights, main.length + 1)


def _between(fork: Path, end: Path) -> tuple[Operation, ...]:
    """The layers with weights behind a fork, in order."""
    found = []
    path: Path | None = end
    while path is not None and path is not fork:
        if path.operation is not None and isinstance(path.operation.module, nn.Conv2d | nn.Linear):
            found.append(path.operation)
        path = path.before
    return tuple(reversed(found))


def _values(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _ends_in_sigmoid(node: fx.Node, found: dict[fx.Node, Found]) -> bool:
    path = found[node]
    if not isinstance(path, Path):
        return False
    last = path.operation
    while last is not None and last.kind == "neutral" and path.before is not None:
        path = path.before
        last = path.operation
    return last is not None and last.text.lower().replace("_", "") in ("sigmoid", "hardsigmoid", "relu6", "tanh")
