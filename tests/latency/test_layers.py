import json

import pytest
from devices import device_measurements, device_seconds, flops, plain_model

import zennas
from zennas.blocks.layers import TimedLayer
from zennas.errors import LatencyError
from zennas.latency.convolutions import ConvolutionModel, layer_features
from zennas.latency.layers import KINDS, kinds_of, network_layers

STRUCTURES = {
    "conv": "SuperConvK3BNRELU(3,16,2,2)",
    "res": "SuperConvK3BNRELU(3,16,1,1)SuperResK5K5(16,24,2,8,3)",
    "bottleneck": "SuperConvK3BNRELU(3,16,1,1)SuperResK1K5K1(16,24,2,8,3)",
    "depthwise": "SuperConvK3BNRELU(3,16,1,1)SuperResIDWE4K7(16,24,2,16,2)",
    "squeeze-excitation": "SuperConvK3BNRELU(3,16,1,1)SuperResIDWE4K7SE(16,24,2,16,2)",
    "grouped": "SuperConvK3BNRELU(3,16,1,1)GBtn[k5,g8](16,24,2,32,3)",
    "averaged": "SuperConvK3BNRELU(3,16,1,1)AvgPool[k3](16,16,2,0,1)SuperResK3K3(16,24,1,8,2)",
    "hidden": "SuperConvK3BNRELU(3,16,2,1)HardMBConv[k3,se,q4,hardswish](16,16,1,32,2)Hidden[k1](16,24,1,0,1)",
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
    assert found == {"conv", "depthwise", "grouped", "add", "gate", "maxpool", "avgpool", "pooled", "linear"}


def test_each_unit_with_a_link_has_one_sum() -> None:
    layers = dict(network_layers(zennas.load(STRUCTURES["bottleneck"]).super_blocks, 32, 10))
    assert sum(n for layer, n in layers.items() if layer.kind == "add") == 6


def test_pooling_is_timed_by_its_window_and_map() -> None:
    for kind, pool in (("pooled", "maxpool"), ("averaged", "avgpool")):
        layers = dict(network_layers(zennas.load(STRUCTURES[kind]).super_blocks, 33, 10))
        assert layers[TimedLayer(pool, 16, 16, 3, 2, 1, 33)] == 1
        assert next(layer for layer in layers if layer.kind == "add").resolution == 17


@pytest.mark.parametrize("kind", STRUCTURES)
def test_a_predictor_tells_further_kinds_apart_only_where_it_was_fitted_on_them(kind: str) -> None:
    layers = [layer for layer, _ in network_layers(zennas.load(STRUCTURES[kind]).super_blocks, 32, 10)]
    kinds = kinds_of(layers)
    assert kinds == (*KINDS, *{"averaged": ["avgpool"], "hidden": ["pooled"]}.get(kind, []))
    assert len({len(layer_features(layer, kinds)) for layer in layers}) == 1


def test_predictors_without_a_list_of_kinds_are_read_and_refuse_other_layers() -> None:
    model = plain_model()
    document = model.parameters()
    listed = ConvolutionModel.from_parameters(document, 32, 10)
    assert document.pop("kinds") == list(KINDS)
    old = ConvolutionModel.from_parameters(document, 32, 10)
    known, unknown = (zennas.load(STRUCTURES[kind]).super_blocks for kind in ("pooled", "averaged"))
    assert old.predict(known) == listed.predict(known)
    with pytest.raises(LatencyError, match="never seen a layer of kind 'avgpool'; it knows conv, "):
        old.predict(unknown)


@pytest.mark.parametrize("learn", ["learn_convolutions", "learn_trees"])
def test_networks_with_average_pooling_are_learned(learn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    from zennas.latency import learn as learning
    from zennas.latency.records import Corrected

    monkeypatch.setattr(learning, "STEPS", 50)
    measured = device_measurements("resnet", 8, 0.0)
    blocks = zennas.load(STRUCTURES["averaged"]).super_blocks
    measured.add_network(8, blocks, device_seconds(blocks, 32, 10), 1e-3)
    model = getattr(learning, learn)(Corrected(measured), range(9))
    again = type(model).from_parameters(json.loads(json.dumps(model.parameters())), 32, 10)
    assert again.kinds == (*KINDS, "avgpool")
    assert again.predict(blocks) == pytest.approx(model.predict(blocks), rel=1e-3)


@pytest.mark.parametrize("kinds", [["conv"], [*KINDS, "conv"], [*reversed(KINDS)]])
def test_a_damaged_list_of_kinds_is_refused(kinds: list[str]) -> None:
    with pytest.raises(ValueError, match="kinds"):
        ConvolutionModel.from_parameters({**plain_model().parameters(), "kinds": kinds}, 32, 10)
