import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

import zennas
from tests.scores.chains import TABLE_4
from zennas.architecture import parse_structure
from zennas.blocks import AveragePool, Convolution, MaxPool
from zennas.errors import ArchitectureError, ScoreError
from zennas.scores.batch_norm import normalise
from zennas.scores.result import score_from_repeats, t_quantile_975
from zennas.scores.zen import phi_score, repeat_generator, zen_score


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE_4)
def test_table_4(name):
    chain, printed = TABLE_4[name]
    assert zen_score(chain, 224, batch_size=16, repeats=2).score == pytest.approx(printed, rel=0.01)


def as_module(chain, momentum):
    layers = []
    for layer in chain:
        if isinstance(layer, MaxPool):
            layers.append(nn.MaxPool2d(3, 2, 1))
            continue
        if isinstance(layer, AveragePool):
            layers.append(nn.AvgPool2d(layer.kernel, layer.stride, (layer.kernel - 1) // 2))
            continue
        conv = nn.Conv2d(
            layer.in_channels, layer.out_channels, layer.kernel, layer.stride, layer.kernel // 2, bias=False,
            groups=layer.groups,
        )  # fmt: skip
        nn.init.normal_(conv.weight)
        layers += [conv, nn.BatchNorm2d(layer.out_channels, momentum=momentum), nn.ReLU()]
    return nn.Sequential(*layers)


def score_of_module(module, resolution, batch_size):
    """The score read off an ordinary module's running statistics."""
    x = torch.randn(batch_size, 3, resolution, resolution)
    with torch.no_grad():
        clean = module(x)
        sigmas = [m.running_var.mean().log() / 2 for m in module if isinstance(m, nn.BatchNorm2d)]
        perturbed = module(x + 0.01 * torch.randn_like(x))
        running = [m.running_var.mean().log() / 2 for m in module if isinstance(m, nn.BatchNorm2d)]
    log_delta = (clean - perturbed).abs().sum((1, 2, 3)).mean().log()
    return (log_delta + sum(sigmas)).item(), (log_delta + sum(running)).item()


@pytest.mark.slow
def test_running_statistics_would_give_something_else():
    """After two passes at momentum 0.1 the running variance is 0.19 σ² + 0.81: what a public code reads."""
    torch.manual_seed(0)
    _, running = score_of_module(as_module(TABLE_4["ResNet-18"][0], 0.1), 224, 8)
    assert running == pytest.approx(45.5, rel=0.02)


def test_equal_to_an_ordinary_module_with_batch_statistics():
    chain = (
        Convolution(3, 24, 3),
        Convolution(24, 16, 1),
        Convolution(16, 16, 5, 2, groups=16),
        Convolution(16, 64, 1),
    )
    torch.manual_seed(1)
    theirs = [score_of_module(as_module(chain, 1.0), 12, 32)[0] for _ in range(150)]
    ours = zen_score(chain, 12, batch_size=32, repeats=150, seed=1)
    assert scipy.stats.ttest_ind(theirs, ours.repeats).pvalue > 1e-3
    assert ours.std_error < 0.05


def test_average_pooling_as_in_an_ordinary_module():
    chain = (
        Convolution(3, 16, 3),
        AveragePool(16, 3, 2),
        Convolution(16, 16, 3, groups=16),
        AveragePool(16, 2, 2),
        Convolution(16, 24, 1),
    )
    torch.manual_seed(2)
    theirs = [score_of_module(as_module(chain, 1.0), 12, 32)[0] for _ in range(150)]
    ours = zen_score(chain, 12, batch_size=32, repeats=150, seed=1)
    assert scipy.stats.ttest_ind(theirs, ours.repeats).pvalue > 1e-3
    assert len(ours.contributions) == 3
    without = tuple(layer for layer in chain if isinstance(layer, Convolution))
    assert ours.score < zen_score(without, 12, batch_size=32, repeats=20).score - 0.5


@pytest.mark.slow
def test_table_2_relative_error():
    score = zen_score(zennas.load("zennet-cifar-2.0M"), batch_size=64, repeats=12)
    spread = score.std_error * math.sqrt(12)
    relative_interval_of_4 = 1.96 * spread / math.sqrt(4) / score.score
    assert 0.0020 < relative_interval_of_4 < 0.0080, "the paper prints 0.48 %"


def test_phi_without_norm_and_zen_with_norm_agree_along_depth():
    """Figure 1 (c): P networks of 1 to 20 layers of width 64."""
    depths = range(1, 21, 2)
    phi, zen = [], []
    for depth in depths:
        chain = tuple(Convolution(3 if i == 0 else 64, 64, 3) for i in range(depth))
        phi.append(phi_score(chain, 16, batch_size=8, repeats=3).score)
        zen.append(zen_score(chain, 16, batch_size=8, repeats=3).score)
    assert scipy.stats.pearsonr(phi, zen).statistic > 0.99
    assert phi[-1] == pytest.approx(zen[-1], rel=0.05)


def test_phi_overflows_float32_without_rescaling_as_the_paper_notes():
    chain = tuple(Convolution(3 if i == 0 else 64, 64, 3) for i in range(40))
    with pytest.raises(ScoreError, match="numerically meaningless"):
        phi_score(chain, 8, batch_size=4, repeats=1, rescale=False)
    assert phi_score(chain, 8, batch_size=4, repeats=1).score > 100


def test_a_thousand_layers_neither_overflow_nor_underflow():
    chain = tuple(Convolution(3 if i == 0 else 32, 32, 3) for i in range(1000))
    score = zen_score(chain, 8, batch_size=4, repeats=1)
    assert 2000 < score.score < 4000


def test_the_seed_decides():
    network = parse_structure("SuperConvK3BNRELU(3,16,1,1)SuperResK3K3(16,24,2,8,2)")
    first, again, other = (zen_score(network, 16, batch_size=8, repeats=2, seed=s) for s in (1, 1, 2))
    assert first.repeats == again.repeats
    assert first.repeats != other.repeats
    assert zen_score(network, 16, batch_size=8, repeats=3, seed=1).repeats[:2] == first.repeats
    state = torch.get_rng_state()
    zen_score(network, 16, batch_size=8, repeats=1)
    assert torch.equal(state, torch.get_rng_state()), "the global generator is left alone"


def test_a_wider_network_scores_higher_than_a_crippled_one():
    wide, crippled = "SuperConvK3BNRELU(3,64,1,8)", "SuperConvK3BNRELU(3,8,1,1)SuperConvK3BNRELU(8,64,1,7)"
    assert (
        zen_score(parse_structure(wide), 16, repeats=1).score
        > zen_score(parse_structure(crippled), 16, repeats=1).score
    )


def test_contributions_add_up():
    network = parse_structure("SuperConvK3BNRELU(3,16,1,1)SuperResK3K3(16,24,2,8,2)")
    score = zen_score(network, 16, batch_size=8, repeats=2)
    assert len(score.contributions) == 5
    assert score.contributions[0] == pytest.approx(0.5 * math.log(27), rel=0.2)


def test_the_variance_is_that_of_the_mini_batch_itself():
    """Of w·x for two images of one pixel it is w²(x₁ - x₂)²/4; that of a sample would be twice as much."""
    seed = 3
    generator = repeat_generator(seed, 0, "cpu")
    images, _, weight = (torch.randn(shape, generator=generator) for shape in ((2, 1), (2, 1), (1, 1)))
    score = zen_score((Convolution(1, 1, 1),), 1, batch_size=2, repeats=1, seed=seed)
    variance = float(weight**2 * (images[0] - images[1]) ** 2 / 4)
    assert score.contributions[0] == pytest.approx(0.5 * math.log(variance), rel=1e-5)


def test_what_means_nothing_is_refused():
    network = parse_structure("SuperConvK3BNRELU(3,16,1,1)SuperResK3K3(16,24,2,8,2)")
    with pytest.raises(ScoreError, match="batch size 1"):
        zen_score(network, 16, batch_size=1)
    with pytest.raises(ScoreError, match="0 repeats"):
        zen_score(network, 16, repeats=0)
    with pytest.raises((ScoreError, ArchitectureError), match="too small"):
        zen_score(zennas.load("zennet-imagenet-0.1ms"), 16)
    with pytest.raises(ScoreError, match="batch norm"):
        zen_score((Convolution(3, 8, 3, norm=False),), 16)
    with pytest.raises(ScoreError, match="numerically meaningless"):
        score_from_repeats("zen", [1.0, math.nan], 0.0)


def test_t_quantiles_are_those_of_scipy():
    for degrees in (1, 3, 15, 30, 31, 63, 1000):
        assert t_quantile_975(degrees) == pytest.approx(scipy.stats.t.ppf(0.975, degrees), rel=1e-5)


def test_the_interval_is_students_over_the_repeats():
    values = [1.0, 2.0, 4.0]
    score = score_from_repeats("zen", values, 0.0)
    assert score.score == pytest.approx(7 / 3)
    assert score.std_error == pytest.approx(scipy.stats.sem(values))
    assert score.ci95 == pytest.approx(scipy.stats.t.interval(0.95, 2, 7 / 3, scipy.stats.sem(values)), rel=1e-5)


@pytest.mark.parametrize("score", [zen_score, phi_score])
def test_the_perturbation_and_the_norm_reach_the_score(score):
    chain = (Convolution(3, 16, 3), Convolution(16, 8, 3))

    def value(**settings):
        return score(chain, 8, batch_size=8, repeats=1, **settings).score

    # A small difference grows in proportion to α; of the 512 values at the end the first norm is the larger one.
    assert value(alpha=0.002) - value(alpha=0.001) == pytest.approx(math.log(2), abs=0.02)
    assert 1 < value(p=1) - value(p=2) < 0.5 * math.log(512)


@pytest.mark.parametrize("activation", [True, False])
@pytest.mark.parametrize(("rows", "channels"), [(2, 1), (63, 3), (64, 16), (1000, 17)])
def test_batch_norm_in_place_is_that_of_torch(rows, channels, activation):
    maps = torch.randn(rows, channels, generator=torch.Generator().manual_seed(0)) * 3 + 100
    exact = maps.double()
    variance = exact.var(0, correction=0)
    expected = (exact - exact.mean(0)) / (variance + 1e-5).sqrt()
    found = np.empty(channels)
    normalise(maps.numpy(), activation, 1e-5, found)
    torch.testing.assert_close(torch.from_numpy(found), variance, rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(maps.double(), expected.relu() if activation else expected, rtol=1e-4, atol=1e-4)


def test_with_and_without_compiled_batch_norm_the_same(monkeypatch):
    chain = (
        Convolution(3, 24, 3),
        Convolution(24, 24, 3, 2, groups=24, activation=None),
        AveragePool(24, 3, 2),
        Convolution(24, 40, 1),
    )
    compiled = [zen_score(chain, (12, 20), batch_size=4, repeats=3), phi_score(chain, 12, batch_size=4, keep_norm=True)]
    monkeypatch.setattr("zennas.scores.zen.installed", lambda name: False)
    torchs = [zen_score(chain, (12, 20), batch_size=4, repeats=3), phi_score(chain, 12, batch_size=4, keep_norm=True)]
    for ours, theirs in zip(compiled, torchs, strict=True):
        assert ours.repeats != theirs.repeats, "rounded differently, or the same code ran"
        assert ours.repeats == pytest.approx(theirs.repeats, abs=1e-3)
