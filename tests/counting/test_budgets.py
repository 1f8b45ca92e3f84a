from dataclasses import replace

import pytest

from zennas.counting import Costs
from zennas.counting.budgets import Budget, depth_within, implied_flops, parse_budget, total_violation, within
from zennas.errors import BudgetError, ZennasError

COSTS = Costs(params=1_000_000, flops=50_000_000, layers=18, convolutions=40, memory=8_000_000)


def test_bounds_as_people_write_them():
    assert parse_budget("params", "1M") == Budget("params", 1e6)
    assert parse_budget("params", "0.5M..1M") == Budget("params", 1e6, 5e5)
    assert parse_budget("flops", "40M..") == Budget("flops", float("inf"), 4e7)
    assert parse_budget("latency", "0.5ms").high == pytest.approx(5e-4)
    assert str(parse_budget("memory", "2MB..8MB")) == "memory ≥ 2MB and ≤ 8MB"


def test_all_budgets_together():
    met = [parse_budget("params", "1M"), parse_budget("layers", "18"), parse_budget("memory", "8MB..")]
    assert within(COSTS, met)
    assert total_violation(COSTS, met) == 0
    assert not within(COSTS, [*met, parse_budget("flops", "49M")])
    assert total_violation(COSTS, [parse_budget("params", "0.5M"), parse_budget("layers", "36..")]) == pytest.approx(
        1.5
    )


def test_both_bounds_are_allowed_values():
    budgets = [parse_budget("layers", "18..20"), parse_budget("params", "1M")]
    assert [depth_within(layers, budgets) for layers in (17, 18, 20, 21)] == [False, True, True, False]
    assert [within(replace(COSTS, layers=layers), budgets) for layers in (17, 18, 20, 21)] == [False, True, True, False]


@pytest.mark.parametrize("text", ["1X", "", "..", "2M..1M", "0", "1M..2X", "-1"])
def test_malformed_budgets(text):
    with pytest.raises(ZennasError, match="params"):
        parse_budget("params", text)


def test_unknown_quantity():
    with pytest.raises(ZennasError, match="did you mean params"):
        parse_budget("param", "1M")
    with pytest.raises(BudgetError):
        Budget("params", 1, 2)


@pytest.mark.parametrize("others", [[], ["effectiveness 0.5"]])
def test_params_alone_bound_multiply_adds_too(others):
    budgets = [parse_budget("params", "0.5M..1M"), *(parse_budget(*o.split()) for o in others)]
    assert implied_flops(budgets, 256) == (Budget("flops", 256e6, implied=True),)
    assert implied_flops(budgets, 0) == ()


@pytest.mark.parametrize(
    "other", ["flops 1G", "flops 1M..", "layers 18", "memory 1MB", "latency 1ms", "convolutions 40"]
)
def test_a_bound_of_anything_else_implies_nothing(other):
    assert implied_flops([parse_budget("params", "1M"), parse_budget(*other.split())], 256) == ()
    assert implied_flops([parse_budget(*other.split())], 256) == ()
