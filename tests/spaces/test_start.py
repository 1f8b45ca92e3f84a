from dataclasses import replace

import numpy as np
import pytest

from zennas.architecture.model import SuperBlock
from zennas.counting import count_super_blocks
from zennas.counting.budgets import parse_budget, total_violation, within
from zennas.errors import ArchitectureError, BudgetError
from zennas.spaces.mutation import draw_mutation
from zennas.spaces.space import Range, search_space
from zennas.spaces.start import smallest_of, starting_network


@pytest.mark.parametrize(
    "budget", [("params", "15k"), ("params", "0.9M..1M"), ("flops", "100M.."), ("layers", "30..36")]
)
@pytest.mark.parametrize("name", ["resnet", "mobilenet", "regnet", "inverted"])
def test_the_start_meets_upper_and_lower_bounds(name, budget):
    if (name, budget) == ("mobilenet", ("params", "15k")):
        budget = ("params", "30k")
    space, budgets = search_space(name, 32), (parse_budget(*budget),)
    start = starting_network(space, budgets, 32, 10, np.random.default_rng(0))
    assert within(count_super_blocks(start, 32, 10), budgets)


def test_a_budget_that_nothing_meets_is_said_with_the_smallest_tried():
    space = search_space("resnet", 32)
    with pytest.raises(BudgetError, match=r"params ≤ 100; the smallest tried has params \d[\d.]*k"):
        starting_network(space, (parse_budget("params", "100"),), 32, 10, np.random.default_rng(0))


def test_budgets_that_contradict_each_other():
    space = search_space("resnet", 32)
    budgets = (parse_budget("params", "20k"), parse_budget("flops", "10G.."))
    with pytest.raises(BudgetError, match="no network"):
        starting_network(space, budgets, 32, 10, np.random.default_rng(0))


def test_small_starts_are_small_and_differ():
    space = search_space("resnet", 224)
    starts = {starting_network(space, (), 224, 1000, np.random.default_rng(s)) for s in range(20)}
    assert len(starts) == 20
    assert max(count_super_blocks(s, 224, 0).params for s in starts) < 500_000


def test_a_start_is_sought_from_the_nearest_of_the_networks_tried(monkeypatch):
    budgets = (parse_budget("params", "0.9M..1M"),)
    tried, sought = [], []

    def count(blocks):
        costs = count_super_blocks(blocks, 32, 10)
        tried.append((total_violation(costs, budgets), blocks))
        return costs

    def noted(blocks, *rest):
        sought.append((blocks, len(tried)))
        return draw_mutation(blocks, *rest)

    monkeypatch.setattr("zennas.spaces.start.draw_mutation", noted)
    starting_network(search_space("resnet", 32), budgets, 32, 10, np.random.default_rng(0), count)
    network, before = sought[0]
    assert before > 60
    assert network == min(tried[:before], key=lambda one: one[0])[1]


def test_resolution_too_small():
    with pytest.raises(ArchitectureError, match="use 5 or more"):
        search_space("resnet", 4).check_resolution(4)


def test_a_start_has_the_fewest_layers_that_the_space_allows():
    space = replace(search_space("resnet", 32), layers=Range(3, 5))
    start = starting_network(space, (), 32, 10, np.random.default_rng(0))
    smallest = smallest_of(space, space.choices[0])
    assert [block.layers for network in (start, smallest) for block in network[1:-1]] == [3] * 8


def test_the_strides_of_the_stem_count_for_the_smallest_resolution():
    space = replace(search_space("resnet", 32), stem=SuperBlock("Conv", 3, 3, 16, 2), stage_strides=(1, 2, 2))
    space.check_resolution(5)
    with pytest.raises(ArchitectureError, match="3 strides .* use 5 or more"):
        space.check_resolution(4)
