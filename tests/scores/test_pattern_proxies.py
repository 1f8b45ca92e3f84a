"""naswot and linear regions."""

import math

import pytest
import torch
from torch import nn

from zennas.errors import ScoreError
from zennas.scores.patterns import linear_regions, naswot


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
