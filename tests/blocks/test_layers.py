"""What each kind of layer answers, against torch."""

import pytest
import torch
from torch import nn

import zennas
from zennas.blocks import AveragePool, Convolution, Layer, MaxPool, PooledLinear, SqueezeExcite, architecture_chain
from zennas.blocks.layers import LAYER_KINDS
from zennas.errors import ArchitectureError
from zennas.nn.build import layer_module

LAYERS = [
    Convolution(8, 12, 3, 2, groups=4, bias=True),
    Convolution(8, 8, 5, groups=8, norm=False, activation=None),
    MaxPool(8),
    MaxPool(8, 2),
    MaxPool(8, 5, 3),
    AveragePool(8),
    AveragePool(8, 5, 1),
    AveragePool(8, 2),
    AveragePool(8, 4),
    AveragePool(8, 1, 2),
    SqueezeExcite(Convolution(8, 2, 1), Convolution(2, 8, 1, activation="sigmoid")),
    SqueezeExcite(
        Convolution(8, 2, 1, bias=True, norm=False, activation="silu"),
        Convolution(2, 8, 1, bias=True, norm=False, activation="hardsigmoid"),
    ),
    PooledLinear(Convolution(8, 12, 1, bias=True, norm=False, activation="hardswish")),
]


@pytest.mark.parametrize("side", [1, 7, 12])
@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_a_layer_answers_what_its_module_does(layer: Layer, side: int) -> None:
    module = layer_module(layer).eval()
    out = module(torch.randn(2, layer.in_channels, side, side))
    after = layer.out_resolution(side)
    assert out.shape == (2, layer.out_channels, after, after)
    assert layer.params == sum(p.numel() for p in module.parameters())
    assert len(layer.convolutions) == sum(isinstance(m, nn.Conv2d) for m in module.modules())


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_average_pooling_is_a_depthwise_convolution_of_equal_weights(kernel: int, stride: int) -> None:
    images = torch.randn(2, 4, 9, 9)
    weight = torch.full((4, 1, kernel, kernel), 1 / kernel**2)
    expected = nn.functional.conv2d(images, weight, None, stride, kernel // 2, groups=4)
    torch.testing.assert_close(layer_module(AveragePool(4, kernel, stride))(images), expected)


def test_a_window_of_two_halves_even_maps_and_averages_what_an_odd_one_leaves() -> None:
    images = torch.randn(1, 3, 6, 6)
    pool = layer_module(AveragePool(3, 2))
    torch.testing.assert_close(pool(images), nn.AvgPool2d(2)(images))
    torch.testing.assert_close(pool(images[..., :5, :5])[..., 2, 2], images[..., 4, 4])


@pytest.mark.parametrize("kind", [MaxPool, AveragePool])
def test_windows_that_do_not_halve_are_refused(kind) -> None:
    for kernel, stride in ((0, 1), (3, 0)):
        with pytest.raises(ArchitectureError, match="use 1 or more"):
            kind(8, kernel, stride)
    with pytest.raises(ArchitectureError, match="pooling: an even kernel needs stride 2; kernel 4 has stride 1"):
        kind(8, 4, 1)


def test_the_block_type_reads_costs_and_builds() -> None:
    text = "SuperConvK3BNRELU(3,16,2,1)AvgPool[k3](16,16,2,0,1)SuperResK3K3(16,24,1,8,2)"
    architecture = zennas.parse_structure(text)
    assert zennas.format_structure(architecture) == text
    assert architecture_chain(architecture)[1] == AveragePool(16)
    without = zennas.parse_structure(text.replace("AvgPool[k3](16,16,2,0,1)", ""))
    with_pool, plain = zennas.costs(architecture, 32, 10), zennas.costs(without, 32, 10)
    assert (with_pool.params, with_pool.layers, with_pool.convolutions) == (
        plain.params,
        plain.layers,
        plain.convolutions,
    )
    pool = zennas.parse_structure("AvgPool[k3](16,16,2,0,1)")
    assert zennas.costs(pool, 32, 0).memory == 4 * 16 * (32**2 + 16**2)
    assert zennas.build(architecture, 10)(torch.zeros(2, 3, 33, 33)).shape == (2, 10)


def test_every_kind_can_be_timed_alone_where_that_means_something() -> None:
    for layer in LAYERS:
        own = layer.timed(12)[-1]
        alone = LAYER_KINDS[own.kind].from_timed(own)
        assert alone is None if layer.decoration else alone.timed(12) == layer.timed(12)
