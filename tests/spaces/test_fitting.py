"""A fitted network has the widest super-block that its budgets leave room for."""

from dataclasses import replace

import numpy as np
import pytest

from tests.strategies import random_networks
from zennas.counting import count_super_blocks
from zennas.counting.budgets import Budget, within
from zennas.spaces.fitting import FIT_DRAWS, fit
from zennas.spaces.mutation import Mutation, in_proportion
from zennas.spaces.space import search_space


def count(blocks):
    return count_super_blocks(blocks, 32, 10)


@pytest.mark.parametrize("name", ["resnet", "mobilenet"])
def test_it_is_the_widest_that_fits(name):
    space, rng = search_space(name, 32), np.random.default_rng(0)
    changed = bound = 0
    for network in random_networks(name, 32, 30, seed=4, mutations=30):
        blocks = network.super_blocks
        budgets = [Budget("params", count(blocks).params * float(rng.uniform(0.9, 1.3)))]
        draws = rng.random(FIT_DRAWS).tolist()
        mutation = fit(blocks, space, budgets, count, draws)
        if mutation is None:
            continue
        changed += 1
        index, (block,) = mutation.index, mutation.blocks
        old = blocks[index]
        (field,) = [f for f in ("out_channels", "bottleneck") if getattr(block, f) != getattr(old, f)]
        assert replace(block, **{field: getattr(old, field)}) == old
        allowed = space.width if field == "out_channels" else space.bottleneck
        allowed = {0: space.stem_width, len(blocks) - 1: space.head_width}.get(index, allowed)
        values = allowed.near(getattr(old, field), space.mutation)
        networks = [Mutation(index, (replace(old, **{field: value}),)).apply(blocks) for value in values]
        fitting = [v for v, other in zip(values, networks, strict=True) if within(count(other), budgets)]
        assert getattr(block, field) == max(fitting, default=values[0])
        bound += bool(fitting) and max(fitting) < values[-1]
    assert changed > 15
    assert bound > 5


def test_a_width_and_its_bottleneck_are_fitted_together():
    space, rng = replace(search_space("mobilenet", 32), together=1.0), np.random.default_rng(5)
    inner = 0
    for network in random_networks("mobilenet", 32, 30, seed=4, mutations=30):
        blocks = network.super_blocks
        budgets = [Budget("params", count(blocks).params * float(rng.uniform(0.9, 1.3)))]
        mutation = fit(blocks, space, budgets, count, rng.random(FIT_DRAWS).tolist())
        if mutation is None or not 0 < mutation.index < len(blocks) - 1:
            continue
        inner += 1
        old, (block,) = blocks[mutation.index], mutation.blocks
        proportion = old.bottleneck / old.out_channels
        assert abs(block.bottleneck - proportion * block.out_channels) <= 4 or block.bottleneck == space.bottleneck.low
        others = [
            replace(old, out_channels=value, bottleneck=in_proportion(old, value, space))
            for value in space.width.near(old.out_channels, space.mutation)
        ]
        fitting = [
            other for other in others if within(count(Mutation(mutation.index, (other,)).apply(blocks)), budgets)
        ]
        assert block == (fitting[-1] if fitting else others[0])
    assert inner > 10


def test_frozen_parts_stay():
    space = replace(search_space("resnet", 32), frozen=frozenset({"stem", "head"}))
    (network,) = random_networks("resnet", 32, 1, seed=1, mutations=10)
    blocks = network.super_blocks
    rng = np.random.default_rng(1)
    mutations = [fit(blocks, space, [Budget("params", 1e9)], count, rng.random(FIT_DRAWS).tolist()) for _ in range(60)]
    touched = {mutation.index for mutation in mutations if mutation}
    assert touched == set(range(1, len(blocks) - 1))
