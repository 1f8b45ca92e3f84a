"""A network that knows its number of classes is scored with it."""

from dataclasses import replace

import pytest

import zennas
from zennas.counting import QUANTITIES, known_costs
from zennas.nn import convert
from zennas.scores import ScoreSettings, compute_score, score_names
from zennas.scores.network import class_count

BARE = zennas.parse_structure("SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,16,2,8,1)SuperConvK1BNRELU(16,16,1,1)")
OWN = replace(BARE, num_classes=4)
SETTINGS = ScoreSettings(batch_size=6, repeats=2)


SEEN = [name for name in score_names() if name != "meanfield-dense"]
"""Those of classification: the other takes three scales, and has no classifier."""


@pytest.mark.parametrize("name", SEEN)
def test_by_default_the_classes_are_the_networks_own(name: str) -> None:
    own = compute_score(name, OWN, 8, SETTINGS)
    assert own.score == compute_score(name, BARE, 8, replace(SETTINGS, num_classes=4)).score
    without = compute_score(name, BARE, 8, SETTINGS)
    assert without.score == compute_score(name, BARE, 8, replace(SETTINGS, num_classes=1000)).score


@pytest.mark.parametrize("name", [name for name in QUANTITIES if name in score_names()])
def test_a_cost_as_a_score_is_what_info_says(name: str) -> None:
    for network in (OWN, BARE, zennas.load("zennet-cifar-1.0M"), zennas.load("zennet-imagenet-0.1ms")):
        side = network.resolution or 8
        assert compute_score(name, network, side, SETTINGS).score == known_costs(zennas.costs(network, side))[name]


def test_scores_that_see_the_classifier_see_the_number_of_classes() -> None:
    seen = {
        name
        for name in SEEN
        if compute_score(name, OWN, 8, SETTINGS).score != compute_score(name, BARE, 8, SETTINGS).score
    }
    assert seen >= {"params", "flops", "gradnorm", "synflow", "zico", "ntk"}


def test_a_module_does_not_say_its_classes() -> None:
    module = convert(zennas.build(OWN), 8)
    assert class_count(module, None) == 1000
    assert class_count(module, 4) == 4
    assert class_count(OWN, None) == 4
    assert class_count(OWN, 7) == 7
    # Labels are taken modulo the logits that there are.
    assert compute_score("gradnorm", module, 8, SETTINGS).score > 0
