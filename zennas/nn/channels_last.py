"""Maps that a module holds as N×H×W×C for a while, as ConvNeXt does around its linear layers."""

from typing import Any

from torch import fx, nn

from zennas.nn.main_path import Shapes, name_of

_TO_LAST, _TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def channels_first(graph: fx.Graph, modules: dict[str, nn.Module], shapes: Shapes) -> Shapes:
    """The shapes with every map as N×C×H×W, so that a linear layer over its last dimension is a 1×1 convolution.

    Args:
        graph: of the traced module.
        modules: its parts by the names that the graph calls them.
        shapes: of every node whose value is a tensor.
    """
    last: set[fx.Node] = set()
    found = dict(shapes)
    for node in graph.nodes:
        if len(shapes.get(node, ())) != 4:
            continue
        order = _order(node, modules)
        if order == _TO_LAST or (order != _TO_FIRST and any(source in last for source in node.all_input_nodes)):
            last.add(node)
            n, height, width, channels = shapes[node]
            found[node] = (n, channels, height, width)
    return found


def _order(node: fx.Node, modules: dict[str, nn.Module]) -> tuple[int, ...]:
    """The dimensions that a permutation puts in order, empty for anything else."""
    module = modules[str(node.target)] if node.op == "call_module" else None
    if name_of(type(module) if module is not None else node.target) != "permute":
        return ()
    given: Any = node.args[1:] if module is None else module.dims
    if len(given) == 1:
        given = given[0]
    return tuple(size % 4 for size in given)
