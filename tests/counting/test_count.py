"""Costs against what torch itself counts."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import zennas
from tests.strategies import random_networks
from zennas.architecture import Architecture, SuperBlock
from zennas.counting import count_layers
from zennas.errors import ArchitectureError
from zennas.input_size import Resolution, sides, size_of
from zennas.zoo import zoo_names


def counted_by_torch(architecture: Architecture, resolution: Resolution, num_classes: int) -> tuple[int, int, int]:
    with torch.device("meta"):
        network = zennas.build(architecture, num_classes).eval()
        image = torch.empty(1, architecture.in_channels, *sides(resolution))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    total = counter.get_total_flops()
    assert total % 2 == 0
    convolutions = sum(isinstance(m, torch.nn.Conv2d) for m in network.modules())
    return sum(p.numel() for p in network.parameters()), total // 2, convolutions


def assert_equal(architecture: Architecture, resolution: Resolution, num_classes: int) -> None:
    costs = zennas.costs(architecture, resolution, num_classes)
    assert (costs.params, costs.flops, costs.convolutions) == counted_by_torch(architecture, resolution, num_classes)


@pytest.mark.parametrize("name", zoo_names())
def test_zoo_networks_cost_what_torch_counts(name):
    architecture = zennas.load(name)
    assert_equal(architecture, architecture.resolution, 1000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("space", "resolution", "se"),
    [("resnet", 32, False), ("resnet", 96, False), ("mobilenet", 32, True), ("mobilenet", 96, False)],
)
def test_random_networks_cost_what_torch_counts(space, resolution, se):
    for architecture in random_networks(space, resolution, 100, seed=resolution, se=se):
        assert_equal(architecture, resolution, 10)


def test_grouped_networks_and_odd_resolutions():
    for resolution in (33, 75):
        for architecture in random_networks("regnet", resolution, 20, seed=1):
            assert_equal(architecture, resolution, 7)


@pytest.mark.parametrize("channels", [1, 3, 4, 12])
def test_any_size_and_any_channels(channels):
    rng = np.random.default_rng(channels)
    for space in ("resnet", "mobilenet", "regnet", "inverted"):
        for _ in range(2):
            size = size_of(*rng.integers(33, 120, 2).tolist())
            for architecture in random_networks(space, size, 2, seed=int(rng.integers(1000)), se=space == "mobilenet"):
                assert_equal(architecture.with_channels(channels), size, 5)


def test_memory_of_a_map_that_is_not_square():
    plain = Architecture((SuperBlock("Conv", 3, 1, 16), SuperBlock("Conv", 3, 16, 8, 2)))
    assert zennas.costs(plain, "9x5").memory == 4 * max(1 * 45 + 16 * 45, 16 * 45 + 8 * (5 * 3))


def test_peak_memory_of_hand_counted_networks():
    plain = Architecture((SuperBlock("Conv", 3, 3, 16), SuperBlock("Conv", 3, 16, 8, 2)))
    assert zennas.costs(plain, 8).memory == 4 * max(3 * 64 + 16 * 64, 16 * 64 + 8 * 16)
    # Identity unit: while the second convolution runs, input, inner map and output are alive.
    res = Architecture((SuperBlock("Res", 3, 4, 4, 1, 10, layers=2),))
    assert zennas.costs(res, 8).memory == 4 * 64 * (4 + 10 + 4)


def test_what_a_projection_made_is_alive_beside_the_main_path():
    # While the first convolution runs: its input, its output, and the projection's output, which has its stride.
    res = Architecture((SuperBlock("Res", 3, 4, 16, 2, 10),))
    assert zennas.costs(res, 8).memory == 4 * (4 * 64 + 10 * 16 + 16 * 16)


def test_depth_counts_layers_and_not_pooling():
    stem = (
        SuperBlock("Conv", 7, 3, 64, 2),
        SuperBlock("MaxPool", 3, 64, 64, 2),
        SuperBlock("Res", 3, 64, 64, 1, 64, 2),
    )
    assert zennas.costs(Architecture(stem), 32).layers == count_layers(stem) == 3


@pytest.mark.parametrize("name", zoo_names())
def test_layers_alone_are_those_of_the_costs(name):
    architecture = zennas.load(name)
    assert count_layers(architecture.super_blocks) == zennas.costs(architecture).layers


def test_too_small_a_resolution_names_the_super_block():
    with pytest.raises(ArchitectureError, match=r"super-block 5 \(Btn\).*at least"):
        zennas.costs(zennas.load("zennet-cifar-1.0M"), 2)


def test_either_side_may_be_too_small():
    with pytest.raises(ArchitectureError, match=r"super-block 6 \(Btn\).*its input is 1×6"):
        zennas.costs(zennas.load("zennet-cifar-1.0M"), "4x24")


def test_no_classifier():
    with_classes = zennas.costs(zennas.load("zennet-cifar-1.0M"), 32, 10)
    without = zennas.costs(zennas.load("zennet-cifar-1.0M"), 32, 0)
    assert with_classes.params - without.params == 512 * 10 + 10
    assert with_classes.flops - without.flops == 512 * 10
