"""What networks take where they are deployed, against files of onnxruntime and counts by hand."""

from collections import Counter

import numpy as np
import pytest
import torch

import zennas
from tests.strategies import random_networks
from zennas.architecture import Architecture, SuperBlock
from zennas.counting import DEPLOYED_TYPES
from zennas.errors import BudgetError

SMALL = (
    "SuperConvK3BNRELU(1,16,2,1)SuperResIDWE4K5SE(16,24,2,16,2)SuperResK1K3K1(24,40,2,16,1)SuperConvK1BNRELU(40,64,1,1)"
)


def onnx_graph(architecture: Architecture, size, classes: int, dtype: str):
    """The exported graph of a network whose biases and norms are all different, so that no two tensors are merged."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from zennas.export import onnx_model

    network = zennas.build(architecture, classes)
    generator = torch.Generator().manual_seed(0)
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.dim() == 1:
            tensor.data = torch.rand(tensor.shape, generator=generator) / 2 + 0.2
    shape = (architecture.in_channels, *size)
    images = [torch.rand(1, *shape, generator=generator) for _ in range(2)] if dtype == "int8" else ()
    return onnx.load_from_string(onnx_model(network, shape, dtype, fold=True, calibration=images))


@pytest.mark.parametrize("dtype", DEPLOYED_TYPES)
def test_weights_are_those_of_the_exported_file(dtype):
    from onnx import numpy_helper

    architecture = zennas.parse_structure(SMALL)
    graph = onnx_graph(architecture, (32, 24), 3, dtype).graph
    # Zero points of the classifier, which older releases want, are left out; scales of feature maps are single numbers.
    zero_points = {name for node in graph.node if node.op_type == "DequantizeLinear" for name in node.input[2:]}
    found: Counter = Counter()
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim and tensor.name not in zero_points:
            found[values.dtype.name, values.ndim] += values.nbytes
    # A scale for each output channel, and in onnxruntime's files one more for its bias.
    scales = found.pop(("float32", 1)) / 2 if dtype == "int8" else 0
    assert zennas.costs(architecture, (32, 24), 3, dtype).weights == sum(found.values()) + scales


def arena(model) -> int:
    """Most values that are alive at once while a graph's operators run in its order, element-wise ones in place."""
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(model).graph
    constants = {tensor.name for tensor in graph.initializer}
    sizes = {
        value.name: int(np.prod([d.dim_value for d in value.type.tensor_type.shape.dim]))
        for value in (*graph.value_info, *graph.input, *graph.output)
    }
    last = {name: place for place, node in enumerate(graph.node) for name in node.input}
    alive, most = {graph.input[0].name}, 0
    for place, node in enumerate(graph.node):
        inputs = {name for name in node.input if name not in constants}
        ending = {name for name in inputs if last[name] == place}
        in_place = node.op_type in ("Relu", "Sigmoid", "Add", "Mul")
        # An element-wise operator writes over an input of the output's size that nobody needs afterwards.
        over = next((name for name in ending if in_place and sizes[name] == sizes[node.output[0]]), None)
        most = max(most, sum(sizes[n] for n in alive) + (0 if over else sizes[node.output[0]]))
        alive = (alive - ending) | {node.output[0]}
    return most


@pytest.mark.parametrize("space", ["resnet", "mobilenet", "regnet", "inverted"])
def test_peak_memory_is_that_of_the_exported_graph(space):
    for architecture in random_networks(space, 40, 3, seed=4, se=space in ("mobilenet", "inverted")):
        model = onnx_graph(architecture, (40, 33), 7, "fp32")
        assert zennas.costs(architecture, (40, 33), 7).peak_memory == 4 * arena(model)
        assert zennas.costs(architecture, (40, 33), 7, "int8").peak_memory == arena(model)


def test_peak_memory_by_hand():
    plain = Architecture((SuperBlock("Conv", 3, 1, 16), SuperBlock("Conv", 3, 16, 8, 2)))
    assert zennas.costs(plain, 8, 2, "int8").peak_memory == 16 * 64 + 8 * 16
    # The first convolution has its input and output; the second beside them the unit's input, 4 channels, which the
    # projection reads; the projection its own output, 16 channels of half the side, and the main path's.
    res = Architecture((SuperBlock("Res", 3, 4, 16, 2, 10),))
    steps = (4 * 64 + 10 * 16, 4 * 64 + 10 * 16 + 16 * 16, 4 * 64 + 16 * 16 + 16 * 16)
    assert zennas.costs(res, 8, 2, "int8").peak_memory == max(steps)
    # A network so narrow that its classifier takes the most.
    head = Architecture((SuperBlock("Conv", 1, 1, 2),))
    assert zennas.costs(head, 2, 100, "fp16").peak_memory == 2 * (2 + 100)


def test_number_types():
    network = zennas.load("zennet-cifar-0.5M")
    wide, half, small = (zennas.costs(network, dtype=dtype) for dtype in ("fp32", "float16", "int8"))
    assert wide == zennas.costs(network)
    assert wide.memory == 2 * half.memory == 4 * small.memory
    assert wide.peak_memory == 2 * half.peak_memory == 4 * small.peak_memory
    assert wide.weights == 2 * half.weights
    assert wide.weights < 4 * wide.params, "batch norms are folded"
    assert wide.weights / 4 < small.weights < wide.weights / 2
    with pytest.raises(BudgetError, match="'int4' is not known; use fp32, fp16, int8"):
        zennas.costs(network, dtype="int4")


@pytest.mark.parametrize("dtype", ["fp32", "int8"])
def test_a_search_within_bytes(dtype):
    result = zennas.search(
        "resnet", (24, 20), 2, channels=1, weights="60kB", peak_memory="60kB", dtype=dtype, convolutions=40,
        iterations=400, population=32, rescore=0,
    )  # fmt: skip
    costs = zennas.costs(result.architecture, (24, 20), 2, dtype)
    assert (result.costs.weights, result.costs.peak_memory) == (costs.weights, costs.peak_memory)
    assert costs.weights <= 60_000
    assert costs.peak_memory <= 60_000
    assert costs.convolutions <= 40


def test_bytes_of_weights_alone_imply_a_bound_on_multiply_adds():
    result = zennas.search(weights="100kB", dtype="int8", flops_per_param=50, iterations=200, population=16, rescore=0)
    assert result.costs.flops <= 50 * 100_000
