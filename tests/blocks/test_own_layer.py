"""A new kind of layer is one class and at most three registrations: nothing else knows the kinds by name."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

import zennas
from zennas.blocks import Convolution, Layer, Unit, layers, register_block, registry, residual
from zennas.errors import ArchitectureError, LatencyError, ScoreError
from zennas.latency.convolutions import layer_features
from zennas.latency.layers import KINDS, kinds_of, network_layers
from zennas.nn.build import layer_modules
from zennas.scores.closed_form.score import closed_form_rows
from zennas.scores.zen import random_layer

TEXT = "SuperConvK3BNRELU(3,16,1,1)Shuffled[k3,g4](16,24,2,16,2)"
PLAIN = "SuperConvK3BNRELU(3,16,1,1)GBtn[k3,g4](16,24,2,16,2)"


@dataclass(frozen=True, slots=True)
class Shuffle(Layer):
    name = "channel shuffle"
    timed_kinds = ("shuffle",)

    channels: int
    groups: int

    @property
    def in_channels(self) -> int:
        return self.channels

    @property
    def out_channels(self) -> int:
        return self.channels

    @property
    def stride(self) -> int:
        return 1


@pytest.fixture
def shuffled():
    layer_modules.register(Shuffle, lambda layer: [nn.ChannelShuffle(layer.groups)])

    @register_block("Shuffled", needs=("bottleneck", "group_width"))
    def block_type(block, in_channels, stride, first):
        inner, groups = block.bottleneck, block.bottleneck // block.group_width
        main = (
            Convolution(in_channels, inner, 1),
            Shuffle(inner, groups),
            Convolution(inner, inner, block.kernel, stride, groups),
            Convolution(inner, block.out_channels, 1, activation=None),
        )
        return [residual(main, in_channels, block.out_channels, stride, first)]

    yield zennas.parse_structure(TEXT)
    del registry._BLOCK_TYPES["Shuffled"]


def test_it_costs_its_time_and_memory_only(shuffled) -> None:
    plain = zennas.parse_structure(PLAIN)
    ours, theirs = zennas.costs(shuffled, 16, 10), zennas.costs(plain, 16, 10)
    assert (ours.params, ours.flops, ours.convolutions) == (theirs.params, theirs.flops, theirs.convolutions)
    assert zennas.format_structure(shuffled) == TEXT


def test_its_module_trains(shuffled) -> None:
    network = zennas.build(shuffled, 10)
    assert sum(isinstance(part, nn.ChannelShuffle) for part in network.modules()) == 2
    network(torch.randn(2, 3, 16, 16)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_monte_carlo_runs_it(shuffled) -> None:
    images = torch.arange(6.0).reshape(1, 6, 1, 1)
    ran = random_layer(Shuffle(6, 2), images, torch.Generator())
    assert ran.flatten().tolist() == [0, 3, 1, 4, 2, 5]
    ours = zennas.zen_score(shuffled, 16, batch_size=8, repeats=8)
    theirs = zennas.zen_score(zennas.parse_structure(PLAIN), 16, batch_size=8, repeats=8)
    assert ours.score == pytest.approx(theirs.score, rel=0.05)


def test_the_closed_form_refuses_it_until_it_is_told(shuffled) -> None:
    with pytest.raises(ScoreError, match="does not know channel shuffle"):
        zennas.meanfield_score(shuffled, 16)
    closed_form_rows.register(Shuffle, lambda layer, resolution: [])
    plain = zennas.meanfield_score(zennas.parse_structure(PLAIN), 16).score
    assert zennas.meanfield_score(shuffled, 16).score == plain, "every channel has the same moments"


def test_its_latency_is_a_kind_of_its_own(shuffled) -> None:
    timed = [layer for layer, _ in network_layers(shuffled.super_blocks, 16, 10)]
    found = next(layer for layer in timed if layer.kind == "shuffle")
    assert kinds_of(timed) == (*KINDS, "shuffle")
    assert layer_features(found, kinds_of(timed))[len(KINDS)] == 1
    with pytest.raises(LatencyError, match="never seen a layer of kind 'shuffle'"):
        layer_features(found)


def test_a_kind_without_a_module_is_refused_by_name() -> None:
    @dataclass(frozen=True, slots=True)
    class Unbuilt(Layer):
        name = "unbuilt"
        timed_kinds = ("unbuilt",)
        channels: int = 3
        in_channels: int = 3
        out_channels: int = 3
        stride: int = 1

    del layers.LAYER_KINDS["unbuilt"]

    @register_block("Unbuilt")
    def unbuilt(block, in_channels, stride, first):
        return [Unit((Unbuilt(),))]

    try:
        with pytest.raises(ArchitectureError, match="no module is known for the layer Unbuilt"):
            zennas.build(zennas.parse_structure("Unbuilt[k3](3,3,1,0,1)"), 10)
    finally:
        del registry._BLOCK_TYPES["Unbuilt"]
