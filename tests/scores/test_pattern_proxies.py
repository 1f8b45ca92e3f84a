"""naswot and linear regions."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import zennas
from zennas.errors import ScoreError
from zennas.nn import convert
from zennas.scores import ScoreSettings, compute_score
from zennas.scores.patterns import at_statistics_of, linear_regions, naswot
from zennas.scores.switches import switches

SMALL = ScoreSettings(batch_size=6, repeats=1, num_classes=4)
TWO_CODES = torch.tensor([[1.0, 1.0], [1.0, -1.0]]).view(2, 2, 1, 1)
"""Codes 11 and 10: K = [[2, 1], [1, 2]] and |K| = 3."""


def identity_relus() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.ReLU())


def test_naswot_by_hand() -> None:
    # Codes 11 and 10: they agree in one of two ReLUs, so K = [[2, 1], [1, 2]] and |K| = 3.
    images = torch.tensor([[1.0, 1.0], [1.0, -1.0]]).view(2, 2, 1, 1)
    assert naswot(identity_relus(), images) == pytest.approx(math.log(3))


def test_naswot_refuses_images_that_it_cannot_tell_apart() -> None:
    with pytest.raises(ScoreError, match="singular"):
        naswot(identity_relus(), torch.ones(2, 2, 1, 1))


def test_naswot_needs_relus() -> None:
    with pytest.raises(ScoreError, match=r"no nn\.ReLU"):
        naswot(nn.Sequential(nn.Flatten()), torch.ones(2, 2, 1, 1))


def test_naswot_reads_what_an_inplace_relu_overwrites() -> None:
    images = torch.tensor([[1.0, 1.0], [1.0, -1.0]]).view(2, 2, 1, 1)
    module = nn.Sequential(nn.Flatten(), nn.ReLU(inplace=True))
    assert naswot(module, images.clone()) == pytest.approx(math.log(3))


def test_linear_regions_count_the_borders_on_a_line() -> None:
    # From (−1, −1) to (2, 1) both ReLUs switch once: two borders, three regions.
    ends = torch.tensor([[-1.0, -1.0], [2.0, 1.0]]).view(2, 2, 1, 1)
    assert linear_regions(identity_relus(), ends) == pytest.approx(math.log(3))


def test_batch_norms_stand_exactly_at_the_statistics_of_the_ends() -> None:
    # The mean of the ends is 11 and their variance 1: the line runs from −1 to 1 and switches the ReLU once.
    ends = torch.tensor([10.0, 12.0]).view(2, 1, 1, 1)
    module = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.ReLU())
    assert linear_regions(module, ends) == pytest.approx(math.log(2))


@pytest.mark.parametrize("tracked", [True, False])
def test_on_its_images_the_copy_computes_what_training_mode_does(tracked: bool) -> None:
    """Through several batch norms with a batch so small that N and N − 1 would differ, and no residue of momentum."""
    torch.manual_seed(0)
    module = nn.Sequential(
        *(
            part
            for channels in (3, 8, 8)
            for part in (
                nn.Conv2d(channels, 8, 3, 2, 1),
                nn.BatchNorm2d(8, momentum=0.3, track_running_stats=tracked),
                nn.ReLU(),
            )
        ),
        nn.Flatten(),
        nn.BatchNorm1d(8, track_running_stats=tracked),
    )
    images = 5 + 3 * torch.randn(6, 3, 8, 8)
    copied = at_statistics_of(module, images)
    with torch.no_grad():
        assert torch.allclose(copied(images), module.train()(images), atol=1e-5)
        # One image alone: the statistics stay those of the batch.
        assert torch.allclose(copied(images[:1]), copied(images)[:1], atol=1e-5)


def test_a_module_is_not_touched() -> None:
    module = nn.Sequential(nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten()).eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    linear_regions(module, 3 + torch.randn(4, 2, 4, 4))
    naswot(module, 3 + torch.randn(4, 2, 4, 4))
    assert not module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


class Applied(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x.flatten(1))


@pytest.mark.parametrize(
    "activation",
    [
        F.relu,
        torch.relu,
        lambda x: x.clone().relu_(),
        lambda x: x.clamp(min=0),
        F.relu6,
        F.leaky_relu,
        nn.ReLU6(),
        nn.LeakyReLU(0.1),
        nn.PReLU(),
    ],
)
def test_what_switches_is_seen_however_it_is_called(activation: Callable[[Tensor], Tensor]) -> None:
    assert naswot(Applied(activation), TWO_CODES) == pytest.approx(math.log(3))


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        (nn.SiLU(), "silu"),
        (nn.Hardswish(), "hardswish"),
        (nn.GELU(), "gelu"),
        (torch.tanh, "tanh"),
        (torch.sigmoid, "sigmoid"),
        (nn.Hardtanh(), "hardtanh"),
        (lambda x: x * torch.sigmoid(x), "sigmoid"),
        (lambda x: torch.maximum(x, torch.zeros_like(x)), "maximum"),
    ],
)
def test_what_has_no_pattern_is_refused_by_name(activation: Callable[[Tensor], Tensor], name: str) -> None:
    beside_a_relu = Applied(lambda x: activation(F.relu(x)))
    for proxy in (naswot, linear_regions):
        with pytest.raises(ScoreError, match=f"the activation {name} has no pattern"):
            proxy(beside_a_relu, TWO_CODES)


def test_a_gate_is_no_activation() -> None:
    gated = Applied(lambda x: F.relu(x) * torch.sigmoid(x.mean(1, keepdim=True)))
    assert len(switches(gated, TWO_CODES)) == 1
    with_se = zennas.parse_structure("SuperConvK3BNRELU(3,8,1,1)SuperResIDWE2K3SE(8,16,2,8,1)")
    assert math.isfinite(compute_score("naswot", with_se, 8, SMALL).score)


def test_fewer_activations_than_the_network_has_are_refused() -> None:
    with pytest.raises(ScoreError, match="only 1 of 2"):
        naswot(identity_relus(), TWO_CODES, activations=2)


@pytest.mark.parametrize("name", ["naswot", "linear-regions"])
def test_modules_with_functional_activations_score_as_their_twins(name: str) -> None:
    class Net(nn.Module):
        def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(3, 8, 3, padding=1, bias=False)
            self.norm = nn.BatchNorm2d(8)
            self.last = nn.Conv2d(8, 8, 3, padding=1, bias=False)
            self.last_norm = nn.BatchNorm2d(8)
            self.relu = nn.ReLU()
            self.head = nn.Linear(8, 4)
            self.activation = activation

        def forward(self, x: Tensor) -> Tensor:
            x = self.activation(self.norm(self.convolution(x)))
            return self.head(self.relu(self.last_norm(self.last(x))).mean((2, 3)))

    functional, twin = (compute_score(name, convert(Net(f), 8), 8, SMALL).score for f in (F.relu, nn.ReLU()))
    assert functional == pytest.approx(twin)
    with pytest.raises(ScoreError, match="silu"):
        compute_score(name, convert(Net(F.silu), 8), 8, SMALL)
