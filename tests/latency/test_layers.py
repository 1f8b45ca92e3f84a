import pytest
from devices import flops

import zennas
from zennas.latency.layers import network_layers

STRUCTURES = {
    "conv": "SuperConvK3BNRELU(3,16,2,2)",
    "res": "SuperConvK3BNRELU(3,16,1,1)SuperResK5K5(16,24,2,8,3)",
    "bottleneck": "SuperConvK3BNRELU(3,16,1,1)SuperResK1K5K1(16,24,2,8,3)",
    "depthwise": "SuperConvK3BNRELU(3,16,1,1)SuperResIDWE4K7(16,24,2,16,2)",
    "squeeze-excitation": "SuperConvK3BNRELU(3,16,1,1)SuperResIDWE4K7SE(16,24,2,16,2)",
    "grouped": "SuperConvK3BNRELU(3,16,1,1)GBtn[k5,g8](16,24,2,32,3)",
    "pooled": "SuperConvK3BNRELU(3,16,1,1)MaxPool[k3](16,16,2,0,1)SuperResK3K3(16,24,1,8,2)",
}


@pytest.mark.parametrize("kind", STRUCTURES)
@pytest.mark.parametrize("resolution", [32, 33])
def test_layers_add_up_to_the_counted_multiply_adds(kind: str, resolution: int) -> None:
    architecture = zennas.load(STRUCTURES[kind])
    layers = network_layers(architecture.super_blocks, resolution, 10)
    total = sum(flops(layer) * n for layer, n in layers if layer.kind in ("conv", "depthwise", "grouped"))
    counted = zennas.costs(architecture, resolution, 10)
    assert total == counted.flops - architecture.out_channels * 10
    assert sum(n for layer, n in layers if layer.kind in ("conv", "depthwise", "grouped")) == counted.convolutions


def test_every_kind_of_layer_is_told_apart() -> None:
    found = {
        layer.kind
        for text in STRUCTURES.values()
        for layer, _ in network_layers(zennas.load(text).super_blocks, 32, 10)
    }
    assert found == {"conv", "depthwise", "grouped", "add", "gate", "maxpool", "linear"}


def test_each_unit_with_a_link_has_one_sum() -> None:
    layers = dict(network_layers(zennas.load(STRUCTURES["bottleneck"]).super_blocks, 32, 10))
    assert sum(n for layer, n in layers.items() if layer.kind == "add") == 6
