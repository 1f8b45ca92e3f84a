"""Proxies on gradients: hand-computed cases and the properties that their papers state."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import zennas
from zennas.errors import ScoreError
from zennas.scores import ScoreSettings, compute_score
from zennas.scores.gradients import (
    Initialisation,
    fresh_module,
    gradnorm,
    ntk_condition,
    random_batches,
    synflow,
    zico,
    zico_of_gradients,
)

SMALL = ScoreSettings(batch_size=6, repeats=2, num_classes=4)
NETWORK = zennas.parse_structure("SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,16,2,8,1)SuperConvK1BNRELU(16,16,1,1)")
PROXIES = ("gradnorm", "synflow", "naswot", "ntk", "ntk-fan-in", "ntk-fan-out", "linear-regions", "zico")


def test_gradnorm_of_softmax_regression() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        module[1].weight.zero_()
    images = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    # The gradient is (p − y) xᵀ with p = (½, ½): its norm is |p − y|·|x| = √½ · 5.
    assert gradnorm(module, (images, torch.tensor([0]))) == pytest.approx(math.sqrt(0.5) * 5)


def test_gradnorm_sums_the_norms_of_the_layers() -> None:
    module = fresh_module(NETWORK, SMALL, torch.Generator().manual_seed(0))
    images, labels = random_batches(NETWORK, 8, SMALL, 1)[0]
    F.cross_entropy(module.train()(images), labels).backward()
    weights = [m.weight for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert gradnorm(module, (images, labels)) == pytest.approx(sum(w.grad.norm().item() for w in weights), rel=1e-5)


def test_synflow_by_hand() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([-2.0, 3.0]).view(2, 1, 1, 1))
        module[3].weight.copy_(torch.tensor([[5.0, -7.0]]))
    # R = |−2|·5 + 3·|−7| = 31, and each of the two layers holds all of it.
    assert synflow(module, (1, 1, 1, 1)) == pytest.approx(math.log(2 * 31))


def test_synflow_is_conserved_layer_by_layer() -> None:
    """Tanaka et al., Theorem 2: every layer of a chain carries the same flow, which is R."""
    chain = zennas.parse_structure("SuperConvK3BNRELU(3,4,1,3)")
    module = fresh_module(chain, SMALL, torch.Generator().manual_seed(1))
    flow = synflow(module, (1, 3, 5, 5))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.abs_()
    output = module.double().eval()(torch.ones(1, 3, 5, 5, dtype=torch.float64)).sum().item()
    assert flow == pytest.approx(math.log(4 * output), rel=1e-6)


def test_synflow_refuses_a_dead_network() -> None:
    module = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten())
    nn.init.zeros_(module[0].weight)
    with pytest.raises(ScoreError, match="vanished"):
        synflow(module, (1, 1, 1, 1))


def test_zico_by_hand() -> None:
    # Weight 1 has |g| = 1, 3: mean 2, deviation 1; weight 2 has 2, 2: it does not vary. Layer 2: 1, 5: 3 / 2.
    layers = [torch.tensor([[1.0, 2.0], [-3.0, 2.0]]), torch.tensor([[1.0], [5.0]])]
    assert zico_of_gradients(layers) == pytest.approx(math.log(2) + math.log(1.5))


def test_zico_does_not_see_the_scale_of_the_loss() -> None:
    generator = torch.Generator().manual_seed(0)
    layers = [torch.randn(4, 9, generator=generator) for _ in range(3)]
    assert zico_of_gradients(layers) == pytest.approx(zico_of_gradients([17 * g for g in layers]))


@pytest.mark.parametrize("layers", [[torch.ones(1, 3)], [torch.ones(3, 3)]])
def test_zico_refuses_what_does_not_vary(layers: list[torch.Tensor]) -> None:
    with pytest.raises(ScoreError):
        zico_of_gradients(layers)


def test_zico_takes_real_data() -> None:
    module = fresh_module(NETWORK, SMALL, torch.Generator().manual_seed(0))
    data = [(torch.rand(5, 3, 8, 8), torch.arange(5) % 4) for _ in range(3)]
    assert math.isfinite(zico(module, data))


def test_ntk_of_a_linear_model() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False))
    images = torch.tensor([[3.0, 0.0], [0.0, 1.0]]).view(2, 2, 1, 1)
    # The gradients are the images themselves: the kernel is diag(9, 1).
    assert ntk_condition(module, images) == pytest.approx(9)


def test_ntk_refuses_equal_images() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False))
    with pytest.raises(ScoreError, match="singular"):
        ntk_condition(module, torch.ones(2, 2, 1, 1))


def test_ntk_counts_the_scale_of_batch_norms_but_no_shift_and_no_bias() -> None:
    module = fresh_module(NETWORK, SMALL, torch.Generator().manual_seed(0), "torch")
    images, _ = random_batches(NETWORK, 8, SMALL, 1)[0]

    def condition(parameters: list[nn.Parameter]) -> float:
        sums = module.train()(images).sum(1)
        gradients = [torch.autograd.grad(value, parameters, retain_graph=True) for value in sums]
        jacobian = torch.stack([torch.cat([g.flatten() for g in row]) for row in gradients]).double()
        eigenvalues = torch.linalg.eigvalsh(jacobian @ jacobian.T)
        return float(eigenvalues[-1] / eigenvalues[0])

    # What the authors take: all parameters whose names end in "weight", γ among them.
    theta = [p for name, p in module.named_parameters() if name.endswith("weight")]
    without_scales = [p for p in theta if p.dim() > 1]
    assert ntk_condition(module, images) == pytest.approx(condition(theta), rel=1e-3)
    assert ntk_condition(module, images) != pytest.approx(condition(without_scales), rel=1e-2)


@pytest.mark.parametrize(
    ("initialisation", "deviation", "largest"),
    [
        # 27 weights an output, 64 · 9 an input; He's variance is 2 over either, that of U(−a, a) is a² / 3.
        ("fan-in", math.sqrt(2 / 27), None),
        ("fan-out", math.sqrt(2 / (64 * 9)), None),
        ("torch", 1 / math.sqrt(3 * 27), 1 / math.sqrt(27)),
    ],
)
def test_initialisations(initialisation: Initialisation, deviation: float, largest: float | None) -> None:
    network = zennas.parse_structure("SuperConvK3BNRELU(3,64,1,1)")
    module = fresh_module(network, SMALL, torch.Generator().manual_seed(0), initialisation)
    convolution = next(m for m in module.modules() if isinstance(m, nn.Conv2d))
    linear = next(m for m in module.modules() if isinstance(m, nn.Linear))
    assert convolution.weight.std().item() == pytest.approx(deviation, rel=0.05)
    if largest is None:
        assert not linear.bias.any()
    else:
        assert largest * 0.99 < convolution.weight.abs().max().item() <= largest
        assert 0 < linear.bias.abs().max().item() <= 1 / math.sqrt(64)


@pytest.mark.parametrize(
    ("name", "initialisation"), [("ntk", "torch"), ("ntk-fan-in", "fan-in"), ("ntk-fan-out", "fan-out")]
)
def test_each_ntk_has_the_initialisation_of_its_name(name: str, initialisation: Initialisation) -> None:
    settings = ScoreSettings(batch_size=6, repeats=1, num_classes=4)
    seed = int(np.random.SeedSequence([0, 0]).generate_state(1)[0])
    module = fresh_module(NETWORK, settings, torch.Generator().manual_seed(seed), initialisation)
    images, _ = random_batches(NETWORK, 8, replace(settings, seed=seed), 1)[0]
    assert compute_score(name, NETWORK, 8, settings).score == pytest.approx(-math.log(ntk_condition(module, images)))


def test_zico_compares_two_batches_whatever_the_repeats() -> None:
    """As `score` with its four repeats and `search` with its one do."""
    one = compute_score("zico", NETWORK, 8, ScoreSettings(batch_size=6, repeats=1, num_classes=4))
    many = compute_score("zico", NETWORK, 8, ScoreSettings(batch_size=6, repeats=8, num_classes=4))
    assert math.isinf(one.std_error)
    assert len(many.repeats) == 8
    assert many.repeats[0] == one.score
    assert 0 < many.std_error < math.inf
    assert many.ci95[0] < many.score < many.ci95[1]


@pytest.mark.parametrize("name", PROXIES)
def test_repeats_from_its_seed(name: str) -> None:
    one = compute_score(name, NETWORK, 8, SMALL)
    again = compute_score(name, NETWORK, 8, SMALL)
    other = compute_score(name, NETWORK, 8, ScoreSettings(batch_size=6, repeats=2, num_classes=4, seed=9))
    assert one.score == again.score
    assert one.score != other.score


@pytest.mark.parametrize("name", ["synflow", "naswot", "linear-regions", "zico"])
def test_a_good_network_ranks_over_a_crippled_one(name: str) -> None:
    good = zennas.parse_structure("SuperConvK3BNRELU(3,24,1,1)SuperResK3K3(24,32,2,24,2)SuperConvK1BNRELU(32,64,1,1)")
    crippled = zennas.parse_structure("SuperConvK3BNRELU(3,2,1,1)SuperResK3K3(2,2,2,2,1)SuperConvK1BNRELU(2,8,1,1)")
    assert compute_score(name, good, 16, SMALL).score > compute_score(name, crippled, 16, SMALL).score


@pytest.mark.parametrize("name", PROXIES)
def test_usable_in_a_search(name: str) -> None:
    result = zennas.search(
        "resnet", 16, 4, score=name, iterations=3, population=3, round_size=3, batch_size=4, params="200k"
    )
    assert result.scored >= 1
    assert math.isfinite(result.score)


def test_a_users_module_is_copied() -> None:
    from zennas.nn import convert

    module = zennas.build(NETWORK, 4)
    before = [p.clone() for p in module.parameters()]
    compute_score("gradnorm", convert(module, 8), 8, SMALL)
    assert all(torch.equal(p, q) for p, q in zip(module.parameters(), before, strict=True))


def test_parameters_that_no_initialisation_knows_are_refused() -> None:
    from zennas.nn import convert

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
            self.scale = nn.Parameter(torch.ones(4, 1, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (self.body(x) * self.scale).mean((2, 3))

    with pytest.raises(ScoreError, match="4 of 124 parameters"):
        compute_score("gradnorm", convert(Scaled(), 8), 8, SMALL)


class Dropping(nn.Module):
    """Drops half of what it computes, while it is trained."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5))
        self.classifier = nn.Linear(8, 4)

    def forward(self, images):
        return self.classifier(self.features(images).mean((2, 3)))


@pytest.mark.parametrize("name", PROXIES)
def test_what_drops_at_random_stays_off(name):
    network = zennas.convert(Dropping(), 8)
    assert compute_score(name, network, 8, SMALL).score == compute_score(name, network, 8, SMALL).score


@pytest.mark.parametrize(("counts", "said"), [({"repeats": 0}, "0 repeats"), ({"batch_size": 1}, "batch size 1")])
def test_counts_that_cannot_be_are_refused(counts, said):
    for name in PROXIES:
        with pytest.raises(ScoreError, match=said):
            compute_score(name, NETWORK, 16, replace(SMALL, **counts))


def test_filters_that_are_no_weights_are_there_where_there_were_no_values():
    timm = pytest.importorskip("timm")
    from zennas.loading import scored_network

    assert timm
    network, _ = scored_network("timm:resnetblur18", 32)
    module = fresh_module(network, SMALL, torch.Generator().manual_seed(0))
    filters = [part.filt for part in module.modules() if hasattr(part, "filt")]
    assert filters
    assert all(torch.allclose(f.flatten(1).sum(1), torch.ones(len(f))) for f in filters)
