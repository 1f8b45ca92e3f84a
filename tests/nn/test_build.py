from dataclasses import replace

import torch
from torch import nn

import zennas
from tests.strategies import random_networks
from zennas.architecture import Architecture
from zennas.nn.build import ResidualUnit


def with_se(name: str, se: bool) -> Architecture:
    architecture = zennas.load(name)
    blocks = (replace(block, se=se) if block.block == "MB" else block for block in architecture.super_blocks)
    return replace(architecture, super_blocks=tuple(blocks))


def test_stages_and_logits():
    network = zennas.build(zennas.load("zennet-cifar-0.5M"), 100).eval()
    image = torch.randn(2, 3, 32, 32)
    maps = network.forward_stages(image)
    assert [tuple(m.shape[1:]) for m in maps] == [(168, 32, 32), (80, 16, 16), (144, 8, 8), (512, 4, 4)]
    assert torch.equal(maps[-1], network.forward_features(image))
    assert network(image).shape == (2, 100)
    torch.testing.assert_close(network(image), network.classifier(maps[-1].mean((2, 3))))


def test_every_residual_branch_starts_at_zero():
    network = zennas.build(with_se("zennet-imagenet-400M-se", True), 10).eval()
    units = [m for m in network.modules() if isinstance(m, ResidualUnit)]
    assert len(units) == 20
    x = torch.randn(1, units[0].main[0].in_channels, 12, 12)
    assert units[0].main(x).abs().max() == 0
    assert units[0](x).abs().max() > 0


def test_squeeze_excitation_gates_after_the_depthwise_convolution():
    plain, gated = (zennas.build(with_se("zennet-iccv-400M-se", se), 10) for se in (False, True))
    added = sum(p.numel() for p in gated.parameters()) - sum(p.numel() for p in plain.parameters())
    assert (
        added
        == zennas.costs(zennas.load("zennet-iccv-400M-se"), 32).params
        - zennas.costs(with_se("zennet-iccv-400M-se", False), 32).params
    )
    assert any(isinstance(m, nn.Sigmoid) for m in gated.modules())


def test_a_network_learns_one_batch():
    architecture = next(random_networks("resnet", 16, 1, seed=3))
    torch.manual_seed(0)
    network = zennas.build(architecture, 4)
    images, labels = torch.randn(16, 3, 16, 16), torch.arange(16) % 4
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(network(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def test_weights_are_drawn_as_he_et_al_do():
    network = zennas.build(zennas.load("SuperConvK3BNRELU(3,64,1,1)SuperResK3K3(64,256,1,128,1)"), 1000)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 4
    for convolution in convolutions:
        fan_out = convolution.out_channels * convolution.kernel_size[0] ** 2
        assert abs(convolution.weight.std().item() / (2 / fan_out) ** 0.5 - 1) < 0.1
    assert abs(network.classifier.weight.std().item() / 0.01 - 1) < 0.1
    assert not network.classifier.bias.any()


def test_of_a_residual_branch_only_the_last_norm_starts_at_zero():
    network = zennas.build(zennas.load("SuperConvK3BNRELU(3,8,1,1)SuperResK1K3K1(8,32,2,8,2)"), 10)
    for unit in (m for m in network.modules() if isinstance(m, ResidualUnit)):
        first, *_, last = scales = [m.weight for m in unit.main.modules() if isinstance(m, nn.BatchNorm2d)]
        assert len(scales) == 3
        assert first.all()
        assert not last.any()
