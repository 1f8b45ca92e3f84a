import csv
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import zennas
from tests.scores.chains import TABLE_4, resnet_chain
from tests.strategies import random_networks
from zennas.architecture import parse_structure
from zennas.blocks import Convolution, MaxPool
from zennas.blocks.layers import AveragePool
from zennas.errors import ScoreError
from zennas.scores.closed_form import meanfield_many, meanfield_score
from zennas.scores.closed_form.geometry import COHERENT, OWN, geometry_row, image_classes, max_moments
from zennas.scores.zen import zen_score

REFERENCE = Path(__file__).parents[2] / "benchmarks" / "data" / "zen_reference.csv"


def reference(name):
    with REFERENCE.open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["set"] == name]


def compare(rows):
    ours = np.array([meanfield_score(parse_structure(r["structure"]), int(r["resolution"])).score for r in rows])
    theirs = np.array([float(r["mean"]) for r in rows])
    return np.abs(ours / theirs - 1), scipy.stats.spearmanr(ours, theirs).statistic


def test_zoo_networks():
    rows = reference("zoo")
    errors, _ = compare(rows)
    assert len(rows) == 19
    assert np.median(errors) < 0.002
    assert errors.max() < 0.005


@pytest.mark.parametrize(
    ("name", "median", "largest"),
    [
        ("resnet-32", 0.002, 0.0125),
        ("resnet-224", 0.003, 0.0125),
        ("mobilenet-32", 0.002, 0.0075),
        ("mobilenet-224", 0.003, 0.0135),
        ("resnet-32-held-out", 0.002, 0.015),
        ("mobilenet-32-held-out", 0.002, 0.0085),
        ("mobilenet-32-held-out-2", 0.002, 0.0155),
        ("resnet-32-held-out-2", 0.002, 0.0125),
        ("mobilenet-32-held-out-3", 0.002, 0.0095),
    ],
)
def test_random_networks(name, median, largest):
    """The bounds are a little wider than what was measured."""
    errors, rank = compare(reference(name))
    assert np.median(errors) < median
    assert errors.max() < largest
    assert rank > 0.999


def test_networks_within_two_percent_of_a_search():
    _, rank = compare(reference("search-2-percent"))
    assert rank > 0.85


def test_winners_of_searches():
    errors, _ = compare(reference("winners-32"))
    assert np.median(errors) < 0.004
    assert errors.max() < 0.007
    errors, rank = compare(reference("winners-224"))
    assert errors.max() < 0.001
    assert rank > 0.999


@pytest.mark.parametrize(("name", "blocks", "error"), [("101", (3, 4, 23, 3), 0.007), ("152", (3, 8, 36, 3), 0.0115)])
def test_deep_resnets(name, blocks, error):
    (row,) = (row for row in reference("table-4") if row["name"] == f"ResNet-{name}")
    assert meanfield_score(resnet_chain(blocks, True), 224).score == pytest.approx(float(row["mean"]), rel=error)


@pytest.mark.parametrize("name", TABLE_4)
def test_table_4(name):
    chain, printed = TABLE_4[name]
    assert meanfield_score(chain, 224).score == pytest.approx(printed, rel=0.002)


def test_the_first_variance_is_exact_arithmetic():
    """3×3 over a 4×4 map of white noise: the expected variance is fan-in times the taps inside, 100 of 144."""
    score = meanfield_score((Convolution(3, 512, 3),), 4)
    taps = 3 * 9 * 100 / 144
    assert score.contributions[0] == pytest.approx(0.5 * math.log(taps), abs=2e-3)


def test_layer_by_layer_against_monte_carlo():
    network = parse_structure("SuperConvK3BNRELU(3,64,1,1)SuperResK1K5K1(64,96,2,32,2)SuperResK3K3(96,64,2,48,2)")
    closed = meanfield_score(network, 16).contributions
    sampled = zen_score(network, 16, batch_size=16, repeats=60).contributions
    assert closed == pytest.approx(sampled, abs=0.02)


@pytest.mark.parametrize(
    "chain",
    [
        (
            Convolution(3, 64, 3),
            Convolution(64, 96, 1),
            Convolution(96, 96, 3, groups=96),
            Convolution(96, 32, 1, activation=None),
            Convolution(32, 128, 1),
        ),
        (Convolution(3, 64, 7, 2), MaxPool(64), Convolution(64, 64, 3), Convolution(64, 128, 3, 2, groups=8)),
        (Convolution(3, 64, 3), Convolution(64, 64, 3, activation=None)),
        (Convolution(3, 64, 3), AveragePool(64, 2, 2), Convolution(64, 64, 3, groups=64), Convolution(64, 64, 1)),
        (Convolution(3, 32, 3), Convolution(32, 64, 3), AveragePool(64, 3, 2), *[Convolution(64, 64, 3)] * 4),
        (Convolution(3, 64, 3), *[AveragePool(64, 3, 1), Convolution(64, 64, 3)] * 3),
        (Convolution(3, 64, 3), Convolution(64, 64, 1, activation=None), AveragePool(64, 3, 2), Convolution(64, 64, 3)),
        (Convolution(3, 64, 3), MaxPool(64), AveragePool(64, 2, 2), AveragePool(64, 3, 1), Convolution(64, 64, 3)),
    ],
    ids=[
        "linear bottleneck",
        "max-pool stem and groups",
        "linear end",
        "average pool and depthwise",
        "average-pool stem",
        "overlapping average pools",
        "average pool without ReLU",
        "three pools",
    ],
)
@pytest.mark.parametrize("resolution", [24, "40x12"])
def test_every_kind_of_layer(chain, resolution):
    closed = meanfield_score(chain, resolution)
    sampled = zen_score(chain, resolution, batch_size=16, repeats=40)
    assert closed.score == pytest.approx(sampled.score, abs=4 * sampled.std_error + 0.006 * sampled.score + 0.1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2, 8, 24, 512, 8192]), st.sampled_from([1, 3, 5, 7, 31]), st.sampled_from([1, 1, 2]),
            st.booleans(), st.booleans(),
        ),
        min_size=1, max_size=40,
    ),
    st.one_of(st.integers(1, 64), st.tuples(st.integers(1, 64), st.integers(1, 64))),
    st.sampled_from([1, 2, 16, 256]),
)  # fmt: skip
def test_finite_everywhere(layers, resolution, batch_size):
    channels, chain = 3, []
    for out, kernel, stride, relu, depthwise in layers:
        if depthwise:
            out = channels
        groups = channels if depthwise else 1
        chain.append(Convolution(channels, out, kernel, stride, groups, activation="relu" if relu else None))
        channels = out
    score = meanfield_score(tuple(chain), resolution, batch_size=batch_size)
    assert math.isfinite(score.score)
    assert all(map(math.isfinite, score.contributions))
    assert len(score.contributions) == len(chain)


def test_the_variance_after_an_average_pool():
    """Layer by layer: the mean stays, the rest of the variance falls by the window."""
    chain = (Convolution(3, 64, 3), *[AveragePool(64, 3, 1), Convolution(64, 64, 3)] * 2, AveragePool(64, 2, 2))
    chain += (Convolution(64, 64, 3), Convolution(64, 64, 3))
    closed = meanfield_score(chain, 32).contributions
    sampled = zen_score(chain, 32, batch_size=16, repeats=30).contributions
    assert closed == pytest.approx(sampled, abs=0.045)


def test_an_average_pool_of_one_pixel_changes_nothing():
    chain = (Convolution(3, 64, 3), Convolution(64, 64, 3), Convolution(64, 64, 3))
    pooled = (chain[0], AveragePool(64, 1, 1), *chain[1:])
    assert meanfield_score(pooled, 16).contributions == pytest.approx(
        meanfield_score(chain, 16).contributions, abs=0.01
    )


def test_many_takes_average_pools():
    """The kernel is compiled without them for networks that have none."""
    plain = parse_structure("SuperConvK3BNRELU(3,8,1,1)SuperConvK3BNRELU(8,8,1,2)").super_blocks
    before = meanfield_many([plain], 32)
    meanfield_score((Convolution(3, 8, 3), AveragePool(8), Convolution(8, 8, 3)), 32)
    assert meanfield_many([plain], 32) == before


def test_a_thousand_layers():
    chain = tuple(Convolution(3 if i == 0 else 8, 8, 3) for i in range(1000))
    assert 800 < meanfield_score(chain, 8).score < 4000


def test_many_gives_what_one_gives():
    networks = [a.super_blocks for name in ("resnet", "mobilenet", "regnet") for a in random_networks(name, 32, 12, 3)]
    many = meanfield_many(networks, 32)
    single = [meanfield_score(zennas.Architecture(n), 32).score for n in networks]
    assert many == pytest.approx(single, rel=1e-12)


def test_wider_and_deeper_score_higher():
    scores = [
        meanfield_score(parse_structure(f"SuperConvK3BNRELU(3,{w},1,{n})"), 32).score
        for w, n in ((16, 2), (64, 2), (64, 6))
    ]
    assert scores == sorted(scores)


def test_the_error_of_the_model_is_reported():
    dense = meanfield_score(zennas.load("zennet-cifar-1.0M"))
    depthwise = meanfield_score(zennas.load("zennet-imagenet-400M-se"))
    for score, kind in ((dense, "resnet"), (depthwise, "mobilenet")):
        rows = [row for name in (f"{kind}-32", f"{kind}-224") for row in reference(name)]
        measured = float(np.sqrt(np.mean(compare(rows)[0] ** 2)))
        assert measured == pytest.approx(score.std_error / score.score, rel=0.3)
    assert dense.ci95[0] < dense.score < dense.ci95[1]


def test_what_it_cannot_handle_is_refused_by_name():
    with pytest.raises(ScoreError, match="batch norm"):
        meanfield_score((Convolution(3, 8, 3, norm=False),), 8)
    with pytest.raises(ScoreError, match="sigmoid"):
        meanfield_score((Convolution(3, 8, 3, activation="sigmoid"),), 8)
    with pytest.raises(ScoreError, match="too small"):
        meanfield_score(zennas.load("zennet-imagenet-0.1ms"), 8)
    with pytest.raises(ScoreError, match="resolution"):
        meanfield_score((Convolution(3, 8, 3),))


def test_geometry_against_brute_force():
    row = geometry_row(7, 7, 5, 2)
    inside = np.array([[0 <= i * 2 + t - 2 < 7 for t in range(5)] for i in range(4)])
    per_tap = inside.mean(0)
    assert row[0] == pytest.approx(((per_tap**2).sum() / per_tap.sum()) ** 2)
    assert np.all((row[4:] >= 0) & (row[4:] <= 1))
    assert row[-1] == pytest.approx(0, abs=0.01), "a field that is constant over the map has no local part"


def test_geometry_of_a_map_that_is_not_square():
    """Of each side on its own: the factors of a map are the roots of those of both squares, multiplied."""
    tall, wide, row = geometry_row(7, 7, 5, 2), geometry_row(4, 4, 5, 2), geometry_row(7, 4, 5, 2)
    assert row[COHERENT] == pytest.approx(math.sqrt(tall[COHERENT] * wide[COHERENT]))
    assert row[OWN] == pytest.approx(math.sqrt(tall[OWN] * wide[OWN]))
    assert np.array_equal(row, geometry_row(4, 7, 5, 2))


@pytest.mark.parametrize("name", ["zennet-cifar-0.5M", "zennet-imagenet-400M-se"])
def test_height_and_width_count_alike(name):
    network = zennas.load(name)
    tall, wide = meanfield_score(network, "96x40"), meanfield_score(network, (40, 96))
    assert tall.score == pytest.approx(wide.score, rel=1e-12)
    assert tall.contributions == pytest.approx(wide.contributions, rel=1e-12)
    assert tall.score != meanfield_score(network, 40).score


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "resolution"),
    [("zennet-cifar-1.0M", "64x16"), ("zennet-cifar-0.5M", "15x33"), ("zennet-imagenet-400M-se", "160x48")],
)
def test_networks_on_inputs_that_are_not_square(name, resolution):
    network = zennas.load(name, channels=1)
    closed, sampled = meanfield_score(network, resolution), zen_score(network, resolution, batch_size=16, repeats=24)
    assert closed.score == pytest.approx(sampled.score, abs=4 * sampled.std_error + 0.012 * sampled.score)


def test_image_classes_have_mean_zero_and_unit_variance():
    for batch in (2, 3, 16, 100):
        weights, normal = image_classes(batch)
        assert weights.sum() == pytest.approx(1)
        assert weights @ normal == pytest.approx(0, abs=1e-12)
        assert weights @ normal**2 == pytest.approx(1)


def test_moments_of_a_maximum_against_sampling():
    sample = np.maximum(np.random.default_rng(0).standard_normal((200_000, 9)).max(1), 0)
    mean, variance = max_moments(9)
    assert mean == pytest.approx(sample.mean(), abs=0.01)
    assert variance == pytest.approx(sample.var(), abs=0.01)
