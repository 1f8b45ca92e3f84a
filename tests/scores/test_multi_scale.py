"""The score of a backbone for dense tasks, and searches by it."""

import numpy as np
import pytest

import zennas
from tests.strategies import random_networks
from zennas.architecture import Architecture
from zennas.errors import ScoreError, ZennasError
from zennas.scores import ScoreSettings, compute_score
from zennas.scores.multi_scale import SCORE, STRIDES, WEIGHTS, stages
from zennas.searching.settings import checked_config


def score(network, resolution):
    return compute_score(SCORE, network, resolution, ScoreSettings()).score


def test_it_is_the_weighed_sum_of_the_stages_scores():
    assert (STRIDES, WEIGHTS) == ((8, 16, 32), (1, 1, 6))
    architecture = zennas.parse_structure(
        "SuperConvK3BNRELU(3,16,2,1)SuperResK3K3(16,24,2,16,1)SuperResK3K3(24,32,2,16,1)SuperResK3K3(32,40,1,16,2)"
        "SuperResK1K5K1(40,64,2,16,1)SuperResK3K3(64,80,2,16,1)SuperResK3K3(80,96,1,16,1)"
    )
    ends = [4, 5, 7]
    expected = sum(
        weight * zennas.meanfield_score(Architecture(architecture.super_blocks[:end]), 96).score
        for weight, end in zip(WEIGHTS, ends, strict=True)
    )
    assert score(architecture, 96) == pytest.approx(expected, rel=1e-12)
    assert [len(stage) for stage in stages(architecture.super_blocks)] == ends


def test_maps_that_are_missing_are_named():
    with pytest.raises(ScoreError, match="none of 16; search at a resolution of 64 or more"):
        score(zennas.load("zennet-cifar-0.5M"), 32)


@pytest.mark.parametrize("resolution", [64, 75])
@pytest.mark.parametrize("space", ["regnet", "mobilenet"])
def test_a_search_scores_its_candidates_as_the_score_does(space, resolution):
    result = zennas.search(space, resolution, task="dense", params="300k", layers=12, iterations=800, seed=1)
    candidates = result.candidates()
    for candidate in candidates[:: len(candidates) // 25]:
        assert candidate.score == pytest.approx(score(Architecture(candidate.super_blocks), resolution), rel=1e-12)
    assert result.architecture.num_classes == 0
    assert result.score > candidates[0].score
    assert sum(p.numel() for p in zennas.build(result.architecture).parameters()) == result.costs.params


def test_random_networks_are_scored_alike_one_by_one_and_together():
    from zennas.scores.multi_scale import _many

    networks = list(random_networks("resnet", 64, 20, seed=2))
    together = _many([n.super_blocks for n in networks], 64, ScoreSettings())
    assert np.allclose(together, [score(n, 64) for n in networks], rtol=1e-12)


def test_a_dense_task_has_no_head_and_no_classifier():
    config = checked_config({"task": "dense", "params": "1M"})
    assert (config.num_classes, config.score, config.resolution) == (0, SCORE, 224)
    assert checked_config({"task": "dense", "params": "1M", "score": "flops", "resolution": 96}).score == "flops"
    with pytest.raises(ZennasError, match="no classifier"):
        checked_config({"task": "dense", "params": "1M", "num_classes": 10})
    with pytest.raises(ZennasError, match="classification"):
        checked_config({"task": "dens", "params": "1M"})
