"""Making an ONNX model smaller without changing what it computes."""

from typing import Any

from zennas.optional_dependencies import require

_ZERO_POINT = 2
"""Place of the zero point among the inputs of `DequantizeLinear`."""


def compacted(content: bytes, short_names: bool) -> bytes:
    """The same model without what only its making needed.

    Identity nodes, zero points of zero, copies of equal constants, shapes of inner values, comments and metadata go.
    The latter hold stack traces and local paths where an exporter writes any.

    Args:
        content: a serialised model.
        short_names: number the parameters; otherwise they keep the names that the network has for them. Inner values
            are numbered in either case.

    Returns:
        The serialised model. Names and order of its inputs and outputs are as before.
    """
    onnx = require("onnx", "onnx", "an export to ONNX")
    model = onnx.load_from_string(content)
    _drop_zero_points(onnx, model.graph)
    _drop_identities(model.graph)
    _merge_constants(onnx, model.graph)
    _drop_comments(model)
    _number_values(model.graph, short_names)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def _drop_comments(model: Any) -> None:
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    graph.ClearField("value_info")


def _drop_zero_points(onnx: Any, graph: Any) -> None:
    """A zero point that is not given is zero, of the type of the quantised values.

    Those of a classifier stay: older releases of onnxruntime (1.18 to 1.23 among them)
    multiply no int8 matrix whose scales come without them.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    multiplied = {name for node in graph.node if node.op_type in ("Gemm", "MatMul") for name in node.input}
    for node in graph.node:
        if node.op_type != "DequantizeLinear" or len(node.input) <= _ZERO_POINT or node.output[0] in multiplied:
            continue
        quantised, zero = constants.get(node.input[0]), constants.get(node.input[_ZERO_POINT])
        if quantised is not None and zero is not None and not onnx.numpy_helper.to_array(zero).any():
            del node.input[_ZERO_POINT:]
    _keep_used(graph)


def _drop_identities(graph: Any) -> None:
    outputs = {value.name for value in graph.output}
    source: dict[str, str] = {}
    kept = []
    for node in graph.node:
        if node.op_type == "Identity" and node.output[0] not in outputs:
            source[node.output[0]] = source.get(node.input[0], node.input[0])
        else:
            kept.append(node)
    _set_nodes(graph, kept)
    _rename_inputs(graph, source)


def _merge_constants(onnx: Any, graph: Any) -> None:
    first: dict[tuple[int, tuple[int, ...], bytes], str] = {}
    same: dict[str, str] = {}
    kept = []
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        key = (tensor.data_type, tuple(tensor.dims), values.tobytes())
        if key in first:
            same[tensor.name] = first[key]
            continue
        first[key] = tensor.name
        kept.append(onnx.numpy_helper.from_array(values, tensor.name))
    graph.ClearField("initializer")
    graph.initializer.extend(kept)
    _rename_inputs(graph, same)


def _number_values(graph: Any, short_names: bool) -> None:
    kept = {value.name for value in (*graph.input, *graph.output)}
    constants = [tensor.name for tensor in graph.initializer]
    inner = [name for node in graph.node for name in node.output if name]
    taken = kept | (set() if short_names else set(constants))
    names: dict[str, str] = {}
    for name in [*(constants if short_names else ()), *inner]:
        if name not in kept:
            number = len(names)
            while str(number) in taken:
                number += len(inner) + len(constants)
            names[name] = str(number)
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    _rename_inputs(graph, names)
    for place, node in enumerate(graph.node):
        node.name = "" if short_names else f"{node.op_type}{place}"
        node.output[:] = [names.get(name, name) for name in node.output]


def _rename_inputs(graph: Any, names: dict[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]


def _keep_used(graph: Any) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    graph.ClearField("initializer")
    graph.initializer.extend(kept)


def _set_nodes(graph: Any, nodes: list[Any]) -> None:
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    graph.ClearField("node")
    graph.node.extend(copies)
