from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from tests.strategies import random_networks
from zennas.errors import ZennasError
from zennas.spaces import operators
from zennas.spaces.mutation import CHANGES, Mutation, draw_mutation
from zennas.spaces.operators import (
    change_super_block,
    draw_offspring,
    move_layers,
    mutation_operators,
    offspring_draws,
    register_operator,
)
from zennas.spaces.space import Range, search_space
from zennas.spaces.weighted import WeightedTable

SPACE = search_space("resnet", 32)
NETWORK = next(random_networks("resnet", 32, 1, seed=4, mutations=40)).super_blocks


@pytest.fixture
def restored(monkeypatch):
    """The table of operators is afterwards what it was before."""
    monkeypatch.setattr(operators, "_OPERATORS", mutation_operators())
    monkeypatch.setattr(operators, "_table", None)


def offspring(count, rho=0.5, seed=0):
    rng = np.random.default_rng(seed)
    for row in rng.random((count, offspring_draws())).tolist():
        yield draw_offspring(NETWORK, rho, SPACE, iter(row))


def test_the_table_that_searches_come_with():
    found = mutation_operators()
    assert {name: (o.weight, o.again) for name, o in found.items()} == {
        "move layers": (0.2, 0.0),
        "change super-block": (0.8, 0.5),
    }
    assert offspring_draws() == 21
    assert sorted(map(len, (changes for changes, _ in CHANGES))) == [1, 1, 1, 2, 2, 2, 3]


def test_a_weighted_table_draws_in_proportion_and_never_what_weighs_nothing():
    drawn = WeightedTable([("never", 0), ("one", 1.0), ("three", 3.0), ("nor this", 0)])
    found = Counter(drawn.pick(u) for u in np.random.default_rng(0).random(8000).tolist())
    assert set(found) == {"one", "three"}
    assert scipy.stats.binomtest(found["one"], 8000, 0.25).pvalue > 1e-4
    assert drawn.pick(1 - 2**-53) == "three"
    assert drawn.pick(0.0) == "one"


@pytest.mark.parametrize("number", range(7))
def test_each_seventh_of_the_draws_changes_another_set_of_width_bottleneck_and_depth(number):
    fields = {"out_channels": "width", "bottleneck": "bottleneck", "layers": "depth"}
    for place in (0.01, 0.99):
        # The second super-block, no other type, the kind of change; then the largest of whatever is drawn.
        draws = iter([1.5 / len(NETWORK), 0.5, (number + place) / 7, *[0.999] * 3])
        mutation = draw_mutation(NETWORK, 0.0, SPACE, draws)
        before, after = NETWORK[1], mutation.blocks[0]
        changed = {name for field, name in fields.items() if getattr(before, field) != getattr(after, field)}
        assert (mutation.index, changed) == (1, set(CHANGES[number][0]))


def test_operators_of_ones_own_are_taken_as_often_as_they_weigh(restored):
    @register_operator("same", weight=1.0, draws=0)
    def same(super_blocks, rho, space, draws):
        return (Mutation(0, (super_blocks[0],)),)

    kept = sum(mutations == (Mutation(0, (NETWORK[0],)),) for mutations in offspring(4000))
    assert scipy.stats.binomtest(kept, 4000, 0.5).pvalue > 1e-4
    with pytest.raises(ZennasError, match="registered already"):
        register_operator("same", weight=1.0)(same)


def test_weight_zero_switches_an_operator_off_and_again_repeats_it(restored):
    register_operator("move layers", weight=0, replace_existing=True)(move_layers)
    register_operator("change super-block", weight=1, again=1, replace_existing=True)(change_super_block)
    assert all(len(mutations) == 2 for mutations in offspring(200))
    register_operator("change super-block", weight=0, replace_existing=True)(change_super_block)
    with pytest.raises(ZennasError, match="weight 0"):
        next(offspring(1))


def test_an_operator_that_does_not_apply_leaves_its_place_to_a_change(restored):
    register_operator("never", weight=1e9, draws=0)(lambda super_blocks, rho, space, draws: ())
    assert all(1 <= len(mutations) <= 2 for mutations in offspring(100))


def test_an_operator_that_draws_more_than_it_said_is_named(restored):
    @register_operator("greedy", weight=1e9, draws=1)
    def greedy(super_blocks, rho, space, draws):
        return (Mutation(0, (super_blocks[0],)),) if [next(draws) for _ in range(99)] else ()

    with pytest.raises(ZennasError, match="'greedy'"):
        next(offspring(1))


@pytest.mark.parametrize("values", [dict(weight=-1), dict(weight=1, again=2), dict(weight=float("nan"))])
def test_numbers_out_of_their_range_are_refused(values):
    with pytest.raises(ZennasError, match="not allowed"):
        register_operator("wrong", **values)(move_layers)


@pytest.mark.parametrize("layers", [Range(2, 10), Range(1, 4)])
@pytest.mark.parametrize("head", [SPACE.head, None])
def test_layers_move_between_all_stages_within_the_bounds(head, layers):
    """Of three layers each: two cannot be given where two must stay, nor taken where four are the most."""
    space = replace(SPACE, head=head, layers=layers)
    network = next(random_networks("resnet", 32, 1, seed=4)).super_blocks
    network = tuple(replace(block, layers=3) if 0 < i < len(network) - 1 else block for i, block in enumerate(network))
    stages = network if head else network[:-1]
    rng = np.random.default_rng(0)
    givers, takers, depths = set(), set(), set()
    for row in rng.random((400, 3)).tolist():
        moved = move_layers(stages, 0.5, space, iter(row))
        if moved:
            giver, taker = moved
            givers.add(giver.index)
            takers.add(taker.index)
            depths |= {giver.blocks[0].layers, taker.blocks[0].layers}
    inner = set(range(1, len(network) - 1))
    assert (givers, takers, depths) == (inner, inner, {2, 4})
