import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import random_networks
from zennas.architecture import Architecture, parse_structure
from zennas.spaces.mutation import DRAWS, applied, draw_mutation, in_proportion, mutate
from zennas.spaces.operators import draw_offspring, offspring_draws
from zennas.spaces.space import BlockChoice, Range, SearchSpace, search_space
from zennas.spaces.start import random_small


def rare(counts, categories):
    """p-value of a uniform distribution over `categories`."""
    observed = [counts.get(c, 0) for c in categories]
    return scipy.stats.chisquare(observed).pvalue


def test_every_super_block_and_every_block_type_is_drawn_uniformly():
    space = search_space("resnet", 32)
    rng = np.random.default_rng(0)
    network = random_small(space, rng)
    drawn = [draw_mutation(network, 1.0, space, iter(rng.random(DRAWS).tolist())) for _ in range(12_000)]
    assert rare(Counter(m.index for m in drawn), range(len(network))) > 1e-4
    types = Counter((m.blocks[0].block, m.blocks[0].kernel) for m in drawn if 0 < m.index < len(network) - 1)
    assert rare(types, [(c.block, c.kernel) for c in space.choices]) > 1e-4


def test_expansions_and_kernels_of_space_two_are_drawn_uniformly():
    space = search_space("mobilenet", 224, se=True)
    rng = np.random.default_rng(1)
    network = random_small(space, rng)
    drawn = [draw_mutation(network, 1.0, space, iter(rng.random(DRAWS).tolist())) for _ in range(9_000)]
    inner = [m.blocks[0] for m in drawn if 0 < m.index < len(network) - 1]
    assert (
        rare(Counter((b.kernel, b.expansion) for b in inner), [(k, e) for k in (3, 5, 7) for e in (1, 2, 4, 6)]) > 1e-4
    )
    assert all(b.se for b in inner)


def test_the_type_changes_with_probability_rho():
    space = search_space("resnet", 32)
    rng = np.random.default_rng(2)
    network = random_small(space, rng)
    changed = inner = 0
    for _ in range(6000):
        m = draw_mutation(network, 0.3, space, iter(rng.random(DRAWS).tolist()))
        if 0 < m.index < len(network) - 1:
            inner += 1
            before, after = network[m.index], m.blocks[0]
            changed += (before.block, before.kernel) != (after.block, after.kernel)
    expected = 0.3 * (1 - 1 / len(space.choices))
    assert scipy.stats.binomtest(changed, inner, expected).pvalue > 1e-4


def test_of_a_given_share_of_changes_width_and_bottleneck_keep_their_proportion():
    space, rng = replace(search_space("mobilenet", 32), together=0.6), np.random.default_rng(3)
    network = parse_structure(
        "SuperConvK3BNRELU(3,16,1,1)SuperResIDWE2K3(16,80,1,80,2)"
        "SuperResIDWE2K3(80,160,2,40,2)SuperConvK1BNRELU(160,64,1,1)"
    ).super_blocks
    drawn = [draw_mutation(network, 0.0, space, iter(rng.random(DRAWS).tolist())) for _ in range(6_000)]
    changed = [(network[m.index], m.blocks[0]) for m in drawn if 0 < m.index < len(network) - 1]
    both = [new for old, new in changed if new.bottleneck == in_proportion(old, new.out_channels, space)]
    # Beside those of depth alone and those that come to it by chance, at most one of 6 values in most cases.
    assert 1 / 7 + 0.6 * 6 / 7 < len(both) / len(changed) < 1 / 7 + 0.75 * 6 / 7
    wide = {new.out_channels for old, new in changed if old.bottleneck == old.out_channels and new in both}
    assert wide == set(range(40, 161, 8))


def test_the_nearest_allowed_value():
    allowed = Range(16, 64, 8)
    assert [allowed.nearest(value) for value in (1, 20, 19.9, 43, 44, 1000)] == [16, 24, 16, 40, 48, 64]


def test_widths_and_depths_are_uniform_over_half_to_double():
    assert list(Range(8, 4096, 8).near(24, (0.5, 2.0))) == [16, 24, 32, 40, 48]
    assert list(Range(8, 4096, 8).near(8, (0.5, 2.0))) == [8, 16]
    assert list(Range(8, 32, 8).near(24, (0.5, 2.0))) == [16, 24, 32]
    assert list(Range(1, 10).near(3, (0.5, 2.0))) == [2, 3, 4, 5, 6]
    assert list(Range(1, 10).near(1, (0.5, 2.0))) == [1, 2]


def grows(blocks, space):
    widths = [block.out_channels for block in blocks[1 : -1 if space.head else None]]
    return not space.growing or widths == sorted(widths)


def test_widths_of_a_growing_space_lie_between_their_neighbours():
    space = SearchSpace("growing", (BlockChoice("Res", 3),), (1, 2, 2), width=Range(8, 64, 8), growing=True)
    blocks = parse_structure(
        "SuperConvK3BNRELU(3,32,1,1)SuperResK3K3(32,16,1,8,1)SuperResK3K3(16,24,2,8,1)"
        "SuperResK3K3(24,40,2,8,1)SuperConvK1BNRELU(40,8,1,1)"
    ).super_blocks
    assert [space.widths_at(blocks, index) for index in (1, 2, 3)] == [
        Range(8, 24, 8),
        Range(16, 40, 8),
        Range(24, 64, 8),
    ]
    headless = replace(space, head=None)
    assert headless.widths_at(blocks[:-1], 3) == Range(24, 64, 8)
    assert replace(space, growing=False).widths_at(blocks, 2) == Range(8, 64, 8)


@given(
    st.sampled_from(["resnet", "mobilenet", "regnet", "inverted"]),
    st.sampled_from([32, 224]),
    st.integers(0, 1000),
    st.floats(0, 1),
)
def test_mutations_stay_in_the_space(name, resolution, seed, rho):
    space = search_space(name, resolution)
    architecture = next(random_networks(name, resolution, 1, seed))
    before = architecture.super_blocks
    after = mutate(architecture, rho, space, np.random.default_rng(seed)).super_blocks
    allowed = {(c.block, c.kernel, c.expansion, c.group_width) for c in space.choices}
    assert after[0].stride == before[0].stride
    strides = lambda blocks: [b.stride for b in blocks if b.stride > 1]  # noqa: E731
    assert strides(after) == strides(before)
    for block in after[1:-1]:
        assert (block.block, block.kernel, block.expansion, block.group_width) in allowed
        assert block.out_channels % 8 == block.bottleneck % 8 == 0
        assert block.layers < space.split_at
    assert grows(after, space)
    changed = [b for b in after if b not in before]
    assert len(changed) <= 1 + 2 + 1, "one super-block, its split, and the input of the next"


def offspring(space, network, rho, rng):
    return draw_offspring(network, rho, space, iter(rng.random(offspring_draws()).tolist()))


@given(st.sampled_from(["resnet", "mobilenet", "inverted"]), st.integers(0, 1000), st.floats(0, 1))
def test_offspring_stay_in_the_space(name, seed, rho):
    space = search_space(name, 32)
    before = next(random_networks(name, 32, 1, seed)).super_blocks
    after = applied(offspring(space, before, rho, np.random.default_rng(seed)), before)
    strides = lambda blocks: [b.stride for b in blocks if b.stride > 1]  # noqa: E731
    assert strides(after) == strides(before)
    for block, following in itertools.pairwise(after):
        assert following.in_channels == block.out_channels
    assert all(1 <= block.layers < space.split_at for block in after[1:-1])
    assert grows(after, space)


def test_layers_that_move_are_neither_lost_nor_gained():
    space = search_space("resnet", 32)
    rng = np.random.default_rng(0)
    network = Architecture(random_small(space, rng))
    for _ in range(40):
        network = mutate(network, 0.5, space, rng)
    before = network.super_blocks
    depth = sum(b.layers for b in before)
    assert len(before) > 5
    moved = 0
    for _ in range(3000):
        after = applied(offspring(space, before, 0.0, rng), before)
        shape = lambda blocks: [(b.block, b.kernel, b.out_channels, b.bottleneck) for b in blocks]  # noqa: E731
        same = len(after) == len(before) and shape(after) == shape(before)
        if same and sum(b.layers for b in after) == depth and after != before:
            moved += 1
            differences = [b.layers - a.layers for a, b in zip(before, after, strict=True)]
            assert sum(map(abs, differences)) in (2, 4)
    assert moved > 100


def test_offspring_of_a_space_with_one_stage():
    space = SearchSpace("one", search_space("resnet", 32).choices, (1,))
    rng = np.random.default_rng(0)
    network = random_small(space, rng)
    for _ in range(200):
        network = applied(offspring(space, network, 0.5, rng), network)
        assert len(network) >= 3


def test_super_blocks_that_reach_six_layers_split():
    space = search_space("resnet", 32)
    block = random_small(space, np.random.default_rng(0))[2]
    from dataclasses import replace

    parts = space.split(replace(block, layers=8, stride=2, in_channels=16))
    assert [p.layers for p in parts] == [3, 5]
    assert [p.stride for p in parts] == [2, 1]
    assert parts[1].in_channels == parts[0].out_channels
    assert [p.layers for p in space.split(replace(block, layers=5))] == [5]
    assert [p.layers for p in space.split(replace(block, layers=10))] == [3, 3, 4]


def test_frozen_parts_stay():
    space = SearchSpace("mine", search_space("resnet", 32).choices, (1, 2), frozen=frozenset({"stem", "head"}))
    rng = np.random.default_rng(0)
    architecture = Architecture(random_small(space, rng))
    stem, head = architecture.super_blocks[0], architecture.super_blocks[-1].out_channels
    for _ in range(200):
        architecture = mutate(architecture, 0.5, space, rng)
    assert architecture.super_blocks[0] == stem
    assert architecture.super_blocks[-1].out_channels == head


def test_the_generator_that_is_passed_in_decides():
    space = search_space("resnet", 32)
    start = Architecture(random_small(space, np.random.default_rng(0)))
    first, again = (mutate(start, 0.5, space, np.random.default_rng(7)) for _ in range(2))
    assert first == again
    with pytest.raises(AttributeError):
        mutate(start, 0.5, space, None)
