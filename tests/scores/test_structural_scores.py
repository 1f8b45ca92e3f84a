"""zen-weighted, its first form, DeepMAD's entropy and effectiveness, and the registry."""

import math
from dataclasses import replace

import pytest

import zennas
from tests.strategies import random_networks
from zennas.blocks import architecture_chain
from zennas.blocks.layers import Convolution
from zennas.errors import ScoreError, ZennasError
from zennas.nn import convert
from zennas.scores import ScoreSettings, compute_score, registered_score, score_names, weighted, weighted_1
from zennas.scores.entropy import (
    DEPTH_PENALTY,
    deepmad_score,
    depth_penalty,
    stage_entropies,
    stages_of_blocks,
    stages_of_chain,
)

SETTINGS = ScoreSettings()
CHAIN = (Convolution(3, 16, 3), Convolution(16, 16, 1, activation=None), Convolution(16, 32, 3, 2, groups=4))
ARCHITECTURE = zennas.load("zennet-cifar-1.0M")


def test_the_first_zen_weighted_by_hand() -> None:
    relu = 0.5 - 1 / (2 * math.pi)
    assert relu == pytest.approx(0.341, abs=1e-3)
    first = 0.5 * math.log(27) + 0.5 * math.log(16)
    # The linear convolution in the middle does not count; the last one reads its normalised output.
    last = 0.5 * math.log(9 * 4) + 0.5 * math.log(32)
    assert weighted_1.weighted_score(CHAIN, 8) == pytest.approx(math.sqrt(8 * first) + math.sqrt(4 * last), rel=0.02)


def test_the_first_zen_weighted_stays_for_searches_that_began_with_it() -> None:
    assert compute_score("zen-weighted-1", ARCHITECTURE, 32, SETTINGS).score == pytest.approx(
        weighted_1.weighted_score(architecture_chain(ARCHITECTURE), 32)
    )


def _sum(*scales: tuple[int, float]) -> float:
    return sum(side**weighted.SIDE_POWER * worth**weighted.DEPTH_POWER for side, worth in scales)


def _worth(channels: int, values: float, noise: float) -> float:
    """√c · ½·log(1 + σ²), of which the noise of the layer and those behind it leaves a share."""
    return math.sqrt(channels) * 0.5 * math.log(1 + values) / (1 + weighted.NOISE * noise)


def test_zen_weighted_by_hand() -> None:
    # 3×3 3→16, ReLU; 1×1 16→16; 3×3 16→32 in four groups, stride 2, ReLU: a row of three values of each channel.
    architecture = zennas.Architecture(
        zennas.parse_structure(
            "SuperConvK3BNRELU(3,16,1,1)Linear[k1](16,16,1,0,1)SuperConvK3BNRELU(16,32,2,1)"
        ).super_blocks
    )
    # The linear convolution does not count; the last one reads its normalised output, of variance 1.
    expected = _sum((8, _worth(16, 3 * 3, 1 / 16 + 1 / 32)), (4, _worth(32, 3 * 16, 1 / 32)))
    assert compute_score("zen-weighted", architecture, 8, SETTINGS).score == pytest.approx(expected)
    grouped = zennas.parse_structure("SuperConvK3BNRELU(3,16,1,1)GBtn[k3,g4](16,16,1,16,1)")
    relu = 0.5 - 1 / (2 * math.pi)
    layers = [(3 * 3, 4), (16 * relu, 3), (3 * 4 * relu, 2), (16 * relu, 1)]
    expected = _sum((8, sum(_worth(16, values, behind / 16) for values, behind in layers)))
    assert compute_score("zen-weighted", grouped, 8, SETTINGS).score == pytest.approx(expected, rel=1e-3)


def test_a_gate_is_worth_its_two_layers_at_one_position() -> None:
    plain = zennas.parse_structure("SuperConvK3BNRELU(3,16,1,1)SuperResIDWE2K3(16,24,2,16,1)")
    gated = zennas.Architecture((plain.super_blocks[0], replace(plain.super_blocks[1], se=True)))
    scores = [compute_score("zen-weighted", network, 16, SETTINGS).score for network in (plain, gated)]
    relu = 0.5 - 1 / (2 * math.pi)
    # Two MobileBlocks of depthwise widths 32 and 48: behind the first gate lie layers of 16, 48, 48 and 24 channels.
    behind = 1 / 24
    second = _worth(12, 48 * relu, behind) + _worth(48, 12 * relu, behind)
    behind += 2 / 48 + 1 / 16
    first = _worth(8, 32 * relu, behind) + _worth(32, 8 * relu, behind)
    assert scores[1] - scores[0] == pytest.approx((first + second) ** weighted.DEPTH_POWER, rel=1e-3)


def test_zen_weighted_grows_with_depth_by_less_and_less_and_with_width_more_in_deep_networks() -> None:
    def score(width: int, depth: int) -> float:
        blocks = zennas.parse_structure(f"SuperConvK3BNRELU(3,{width},1,1)SuperConvK3BNRELU({width},{width},1,{depth})")
        return compute_score("zen-weighted", blocks, 16, SETTINGS).score

    assert 0 < score(16, 12) - score(16, 8) < score(16, 8) - score(16, 4)
    assert score(64, 40) / score(64, 4) > score(8, 40) / score(8, 4)


def test_a_narrow_layer_takes_from_those_in_front_of_it() -> None:
    def score(*widths: int) -> float:
        blocks = "".join(f"SuperConvK3BNRELU({a},{b},1,1)" for a, b in zip((3, *widths), widths, strict=False))
        return compute_score("zen-weighted", zennas.parse_structure(blocks), 8, SETTINGS).score

    assert score(64, 64, 2, 64) < score(64, 64, 64)


def test_a_linear_layer_adds_nothing() -> None:
    plain = (Convolution(8, 8, 3), Convolution(8, 8, 3))
    with_linear = (plain[0], plain[1], Convolution(8, 8, 1, activation=None))
    assert weighted_1.weighted_score(with_linear, 8) == pytest.approx(weighted_1.weighted_score(plain, 8))
    networks = [zennas.parse_structure(f"SuperConvK3BNRELU(3,8,1,2){rest}") for rest in ("", "Linear[k1](8,8,1,0,1)")]
    one, other = (compute_score("zen-weighted", network, 8, SETTINGS).score for network in networks)
    assert one == other


def test_entropy_by_hand() -> None:
    # Widths 3·9, 16 and 16·9/4; maps 8×8×16 and 4×4×32.
    first, last = math.log(27) + math.log(16), math.log(27) + math.log(16) + math.log(36)
    entropies = [math.log(8 * 8 * 16) * first, math.log(4 * 4 * 32) * last]
    assert stage_entropies(CHAIN, 8) == pytest.approx(entropies)
    # One convolution of a kernel above 1 in each stage: the depths are even and Q is 1.
    assert deepmad_score(CHAIN, 8) == pytest.approx(entropies[0] + 8 * entropies[1] - 10)


def test_a_stage_ends_before_the_block_that_makes_the_map_smaller() -> None:
    """The strided bottleneck's first 1×1 still works on the larger map, but its width is no part of that stage."""
    architecture = zennas.parse_structure("SuperConvK3BNRELU(3,16,1,1)SuperResK1K3K1(16,64,2,24,1)")
    # 3×3 to 16 channels; then 1×1 to 24, 3×3 and 1×1 to 64, and once more from 64.
    first = math.log(27)
    second = first + sum(map(math.log, (16, 24 * 9, 24, 64, 24 * 9, 24)))
    entropies = [math.log(8 * 8 * 16) * first, math.log(4 * 4 * 64) * second]
    assert stage_entropies(architecture_chain(architecture), 8) == pytest.approx(entropies)
    # Depths 1 and 2: a variance of ¼.
    expected = entropies[0] + 8 * entropies[1] - 10 * math.exp(0.25)
    assert compute_score("deepmad", architecture, 8, SETTINGS).score == pytest.approx(expected)


def test_uneven_depth_costs_and_stays_a_number() -> None:
    def stages(*depths: int):
        blocks = "".join(f"SuperResK3K3(16,16,2,16,{depth})" for depth in depths)
        return stages_of_blocks(zennas.parse_structure(f"SuperConvK3BNRELU(3,16,1,1){blocks}").super_blocks[1:])

    assert DEPTH_PENALTY == 10
    assert depth_penalty(stages(2, 2, 2)) == 1
    # Two convolutions a block: depths 2, 4 and 6 have the variance 8/3.
    assert depth_penalty(stages(1, 2, 3)) == pytest.approx(math.exp(8 / 3))
    assert math.isfinite(DEPTH_PENALTY * depth_penalty(stages(1, 1, 90)))


@pytest.mark.parametrize(
    ("structure", "channels"),
    [
        # The 1×1 that closes a bottleneck stays with it; the strided block has none of its own.
        ("SuperConvK3BNRELU(3,16,1,1)SuperResK1K3K1(16,64,1,24,1)SuperResK3K3(64,32,2,32,1)", (64, 32)),
        ("SuperConvK3BNRELU(3,16,1,1)SuperResIDWE2K3(16,24,1,16,1)SuperResIDWE2K3(24,32,2,24,1)", (24, 32)),
        ("SuperConvK3BNRELU(3,16,2,1)MaxPool[k3](16,16,2,0,1)SuperResK1K3K1(16,64,2,24,1)", (16, 16, 64)),
    ],
)
def test_a_chain_has_the_stages_of_its_blocks(structure: str, channels: tuple[int, ...]) -> None:
    architecture = zennas.parse_structure(structure)
    of_blocks = stages_of_blocks(architecture.super_blocks)
    assert tuple(stage.channels for stage in of_blocks) == channels
    for one, other in zip(of_blocks, stages_of_chain(architecture_chain(architecture)), strict=True):
        assert one == pytest.approx(other)


@pytest.mark.parametrize(("space", "resolution"), [("resnet", 32), ("mobilenet", 64), ("regnet", 64), ("inverted", 64)])
def test_a_random_chain_has_the_stages_of_its_blocks(space: str, resolution: int) -> None:
    for architecture in random_networks(space, resolution, 30, seed=3, mutations=40):
        of_blocks = stages_of_blocks(architecture.super_blocks)
        for one, other in zip(of_blocks, stages_of_chain(architecture_chain(architecture)), strict=True):
            assert one == pytest.approx(other)


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


@pytest.mark.parametrize("name", ["meanfield", "zen-weighted", "zen-weighted-1", "deepmad"])
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


def test_a_network_scores_alike_whatever_is_scored_with_it() -> None:
    """To the last bit: a search that is resumed scores other networks together."""
    many = registered_score("zen-weighted").many
    assert many is not None
    networks = [a.super_blocks for a in random_networks("mobilenet", 64, 20, seed=5, mutations=40)]
    together = many(networks, 64, SETTINGS)
    assert [many([network], 64, SETTINGS)[0] for network in networks] == together


@pytest.mark.parametrize("space", ["mobilenet", "resnet"])
def test_zen_weighted_of_a_module_with_gates_is_that_of_its_architecture(space: str) -> None:
    for architecture in random_networks(space, 32, 3, seed=2, mutations=30):
        blocks = tuple(replace(b, se=b.block == "MB") for b in architecture.super_blocks)
        gated = zennas.Architecture(blocks)
        module = convert(zennas.build(gated, 10), 32)
        assert compute_score("zen-weighted", module, 32, SETTINGS).score == pytest.approx(
            compute_score("zen-weighted", gated, 32, SETTINGS).score
        )
        assert len(module.gates) == sum(4 * b.layers for b in blocks if b.se)
