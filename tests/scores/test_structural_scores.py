"""zen-weighted, DeepMAD's entropy and effectiveness, and the registry."""

import math

import pytest

import zennas
from zennas.blocks import architecture_chain
from zennas.blocks.layers import Convolution
from zennas.errors import ScoreError, ZennasError
from zennas.nn import convert
from zennas.scores import ScoreSettings, compute_score, registered_score, score_names
from zennas.scores.entropy import deepmad_score, stage_entropies
from zennas.scores.weighted import weighted_score

SETTINGS = ScoreSettings()
CHAIN = (Convolution(3, 16, 3), Convolution(16, 16, 1, activation=None), Convolution(16, 32, 3, 2, groups=4))
ARCHITECTURE = zennas.load("zennet-cifar-1.0M")


def test_zen_weighted_by_hand() -> None:
    relu = 0.5 - 1 / (2 * math.pi)
    assert relu == pytest.approx(0.341, abs=1e-3)
    first = 0.5 * math.log(27) + 0.5 * math.log(16)
    # The linear convolution in the middle does not count; the last one reads its normalised output.
    last = 0.5 * math.log(9 * 4) + 0.5 * math.log(32)
    assert weighted_score(CHAIN, 8) == pytest.approx(math.sqrt(8 * first) + math.sqrt(4 * last), rel=0.02)


def test_zen_weighted_grows_with_depth_by_less_and_less() -> None:
    scores = [weighted_score((Convolution(16, 16, 3),) * depth, 16) for depth in (4, 8, 12)]
    assert 0 < scores[2] - scores[1] < scores[1] - scores[0]


def test_a_linear_layer_adds_nothing() -> None:
    plain = (Convolution(8, 8, 3), Convolution(8, 8, 3))
    with_linear = (plain[0], plain[1], Convolution(8, 8, 1, activation=None))
    assert weighted_score(with_linear, 8) == pytest.approx(weighted_score(plain, 8))


def test_entropy_by_hand() -> None:
    # Widths 3·9, 16 and 16·9/4; maps 8×8×16 and 4×4×32.
    first, last = math.log(27) + math.log(16), math.log(27) + math.log(16) + math.log(36)
    entropies = [math.log(8 * 8 * 16) * first, math.log(4 * 4 * 32) * last]
    assert stage_entropies(CHAIN, 8) == pytest.approx(entropies)
    assert deepmad_score(CHAIN, 8) == pytest.approx(entropies[0] + 8 * entropies[1])


def test_effectiveness_by_hand() -> None:
    # Widths 3·9, then twice 8·9 of a residual block: its projection is no part of the main path.
    architecture = zennas.parse_structure("SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,8,2,8,1)")
    assert zennas.costs(architecture, 8).effectiveness == pytest.approx(3 / (27 * 72 * 72) ** (1 / 3))


def test_effectiveness_is_that_of_the_chain() -> None:
    for name in ("zennet-cifar-0.5M", "zennet-imagenet-400M-se"):
        architecture = zennas.load(name)
        widths = [layer.fan_in for layer in architecture_chain(architecture) if isinstance(layer, Convolution)]
        mean = math.exp(sum(map(math.log, widths)) / len(widths))
        assert zennas.costs(architecture).effectiveness == pytest.approx(len(widths) / mean)


def test_effectiveness_as_a_budget() -> None:
    free = zennas.search("mobilenet", 224, 1000, flops="400M", iterations=1500, rescore=0)
    bound = zennas.search("mobilenet", 224, 1000, flops="400M", effectiveness="0.5", iterations=1500, rescore=0)
    assert bound.costs.effectiveness <= 0.5 < free.costs.effectiveness
    assert bound.costs.layers < free.costs.layers


@pytest.mark.parametrize("name", ["meanfield", "zen-weighted", "deepmad"])
def test_many_is_the_function_on_each(name: str) -> None:
    score = registered_score(name)
    assert score.many is not None
    together = score.many([ARCHITECTURE.super_blocks], 32, SETTINGS)
    assert together == pytest.approx([score.function(ARCHITECTURE, 32, SETTINGS).score])


@pytest.mark.parametrize("name", [n for n in score_names() if registered_score(n).takes_modules])
def test_modules_and_architectures_score_alike(name: str) -> None:
    architecture = zennas.parse_structure(
        "SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,16,2,8,1)SuperConvK1BNRELU(16,16,1,1)"
    )
    settings = ScoreSettings(batch_size=6, repeats=2, num_classes=4)
    module = convert(zennas.build(architecture, 4), 8)
    assert compute_score(name, module, 8, settings).score == pytest.approx(
        compute_score(name, architecture, 8, settings).score
    )


def test_a_score_of_architectures_refuses_modules() -> None:
    module = convert(zennas.build(ARCHITECTURE, 4), 32)
    with pytest.raises(ScoreError, match="defined for architectures"):
        compute_score("layers", module, 32, SETTINGS)


def test_a_users_score_that_is_no_number_is_refused() -> None:
    from zennas.scores import Score, registry

    zennas.register_score("broken")(lambda *_: Score(math.nan, 0, (0, 0), 0.0))
    try:
        with pytest.raises(ScoreError, match="came out as nan"):
            compute_score("broken", ARCHITECTURE, 32, SETTINGS)
        with pytest.raises(ZennasError, match="came out as nan"):
            zennas.search("resnet", 32, 10, score="broken", params="100k", iterations=2)
    finally:
        del registry._SCORES["broken"]


def test_every_score_says_where_it_is_from() -> None:
    for name in ("zen", "phi", "gradnorm", "synflow", "naswot", "ntk", "linear-regions", "zico", "deepmad"):
        assert registered_score(name).source


def test_effectiveness_budget_takes_numbers() -> None:
    with pytest.raises(ZennasError, match="effectiveness"):
        zennas.search("resnet", 32, 10, effectiveness="1M", iterations=1)
