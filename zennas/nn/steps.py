"""A traced module as steps: its operations in order, with residual units and gates read as one step each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import fx, nn

from zennas.errors import ArchitectureError
from zennas.nn.main_path import ADDITIONS, NEUTRAL, PRODUCTS, REGULARISERS, RESHAPES, name_of, where_of
from zennas.nn.traced import Traced

ALL_ACTIVATIONS = {
    "relu": "relu",
    "relu6": "relu6",
    "hardswish": "hardswish",
    "silu": "silu",
    "swish": "silu",
    "sigmoid": "sigmoid",
    "hardsigmoid": "hardsigmoid",
}
"""Types and functions by their plain names, and the activation of a layer that says the same."""


@dataclass(frozen=True, eq=False)
class Step:
    """What a module does to its input.

    Attributes:
        kind: `convolution`, `linear`, `norm`, `activation`, `max pooling`, `pool` (global), `gate` or `unit`.
        where: the module's name, or the node's.
        node: of the graph.
        source: the node whose value comes in.
        module: that is called, if it is one.
        activation: of an activation, its name among layers.
        inside: the main path of a unit, the steps of a gate.
        link: the other path of a unit; empty for the identity.
    """

    kind: str
    where: str
    node: fx.Node
    source: fx.Node
    module: nn.Module | None = None
    activation: str = ""
    inside: "tuple[Step, ...]" = ()
    link: "tuple[Step, ...]" = ()


Steps = tuple[Step, ...]


def read_steps(found: Traced) -> Steps:
    """The steps from the input to the output.

    Args:
        found: a traced module.

    Raises:
        ArchitectureError: an operation that no step is, named by its layer.
    """
    values: dict[fx.Node, Steps | None] = {}
    for node in found.graph.nodes:
        if node.op == "output":
            result = node.args[0]
            steps = values.get(result) if isinstance(result, fx.Node) else None
            if steps is None:
                raise ArchitectureError("it does not return one tensor that depends on its input")
            return steps
        values[node] = _value(node, found, values)
    raise AssertionError("a traced graph ends with its output")


def _value(node: fx.Node, found: Traced, values: dict[fx.Node, Steps | None]) -> Steps | None:
    """The steps from the input to a node; `None` for what does not depend on the input."""
    if node.op == "placeholder":
        return () if node.prev.op == "root" else None
    inputs = [(source, steps) for source in node.all_input_nodes if (steps := values[source]) is not None]
    if not inputs:
        return None
    module = found.modules[str(node.target)] if node.op == "call_module" else None
    name, where = name_of(type(module) if module is not None else node.target), where_of(node)
    (source, steps), *others = inputs
    if others:
        if len(others) == 1 and name in ADDITIONS:
            return _sum(node, where, inputs)
        if len(others) == 1 and name in PRODUCTS:
            return _product(node, where, inputs, found)
        raise ArchitectureError(f"{where} joins {len(inputs)} branches by {name}")
    step = Step(_kind(node, source, module, name, found), where, node, source, module)
    if step.kind == "":
        return steps
    return (*steps, replace(step, activation=ALL_ACTIVATIONS.get(name, "")), *_own_activation(step))


def _kind(node: fx.Node, source: fx.Node, module: nn.Module | None, name: str, found: Traced) -> str:
    """The kind of step; empty for what changes nothing in evaluation."""
    where = where_of(node)
    before, after = found.shapes.get(source, ()), found.shapes.get(node, ())
    if isinstance(module, nn.Conv2d):
        return "convolution"
    if isinstance(module, nn.Linear):
        return "linear"
    if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm):
        return "norm"
    if name in ALL_ACTIVATIONS:
        return "activation"
    if name == "maxpool2d":
        return "max pooling"
    if name in ("avgpool2d", "mean") and len(before) == 4 and (len(after) == 2 or after[2:] == (1, 1)):
        return "" if before[2:] == (1, 1) else "pool"
    if name in REGULARISERS or (name in NEUTRAL and before == after):
        return ""
    if name in RESHAPES and (before == after or before[2:] == (1, 1)):
        return ""
    raise ArchitectureError(f"{where} is the operation {type(module).__name__ if module else name}")


def _own_activation(step: Step) -> Steps:
    """The activation that timm's batch norms have inside."""
    act = getattr(step.module, "act", None) if step.kind == "norm" else None
    if act is None or isinstance(act, nn.Identity):
        return ()
    name = name_of(type(act))
    if name not in ALL_ACTIVATIONS:
        raise ArchitectureError(f"{step.where}.act is the activation {type(act).__name__}")
    return (replace(step, kind="activation", where=f"{step.where}.act", activation=ALL_ACTIVATIONS[name]),)


def _fork(one: Steps, other: Steps) -> int:
    """How many steps two branches have in common."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a is not b), min(len(one), len(other)))


def _sum(node: fx.Node, where: str, inputs: Sequence[tuple[fx.Node, Steps]]) -> Steps:
    (first, one), (_, other) = inputs
    fork = _fork(one, other)
    main, link = sorted((one[fork:], other[fork:]), key=_convolutions, reverse=True)
    return (*one[:fork], Step("unit", where, node, first, inside=main, link=link))


def _convolutions(steps: Steps) -> int:
    return sum(step.kind == "convolution" for step in steps)


def _product(node: fx.Node, where: str, inputs: Sequence[tuple[fx.Node, Steps]], found: Traced) -> Steps:
    """A gate, or `x · sigmoid(x)`."""
    (_, one), (_, other) = sorted(inputs, key=lambda pair: len(pair[1]))
    fork = _fork(one, other)
    source = next(source for source, steps in inputs if steps is one)
    inside = other[fork:]
    if fork == len(one) and [(s.kind, s.activation) for s in inside] == [("activation", "sigmoid")]:
        return (*one, Step("activation", where, node, source, activation="silu"))
    if fork < len(one) or not inside or inside[0].kind != "pool":
        raise ArchitectureError(f"{where} is a product of two branches that is no squeeze-excitation")
    return (*one, Step("gate", where, node, source, inside=inside))
