"""Sampling networks of equal size."""

import numpy as np
import pytest

import zennas
from zennas.accuracy.equal_size import equal_size_networks, resnet_50_for_cifar


def test_the_start_is_resnet_50() -> None:
    start = resnet_50_for_cifar()
    assert zennas.costs(start, 32, 10).convolutions == 1 + 16 * 3 + 4
    # ResNet-50 has 25.56 M, of which its larger stem and 1,000 classes are 2.04 M.
    assert zennas.costs(start, 32, 10).params == pytest.approx(23.52e6, rel=0.005)


def test_equal_size_and_different_shape() -> None:
    start = resnet_50_for_cifar()
    target = zennas.costs(start, 32, 100).params
    networks = equal_size_networks(16, seed=3)
    assert len({n.super_blocks for n in networks}) == 16
    for network in networks:
        assert zennas.costs(network, 32, 100).params == pytest.approx(target, rel=0.01)
        assert all(a.layers <= b.layers for a, b in zip(network.super_blocks, start.super_blocks, strict=True))
    scores = [zennas.meanfield_score(n, 32).score for n in networks]
    assert max(scores) > 1.2 * min(scores)
    assert [n.super_blocks for n in equal_size_networks(16, seed=3)] == [n.super_blocks for n in networks]


def test_high_level_channels_shrink_and_low_level_ones_grow() -> None:
    start = resnet_50_for_cifar().super_blocks
    grown = []
    for network in equal_size_networks(16, seed=3):
        first, last = (
            network.super_blocks[place].out_channels / start[place].out_channels for place in (0, len(start) - 1)
        )
        grown.append(np.log2(first / last))
    assert np.mean(grown) > 0.5
