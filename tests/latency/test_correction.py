"""What measured winners teach, apart from any search."""

import json
from dataclasses import replace

import pytest
from devices import plain_predictor

from zennas.counting import parse_budget
from zennas.counting.budgets import Budget
from zennas.latency.correction import (
    REMEMBERED,
    ROOM,
    Check,
    Round,
    corrected_budgets,
    corrected_sets,
    correction_of,
    is_accepted,
    learned_factor,
    planned_iterations,
    room_after,
    rounds_as_json,
    rounds_from_json,
    stated_error,
    told_rounds,
)

BUDGET = parse_budget("latency", "2ms")
MISS = Check(7, 1.99e-3, 2.91e-3, False, (7, 8, 6), (1.46, 1.5, 1.4), 1.46, 1.02)
MET = Check(9, 1.95e-3, 1.94e-3, True, (9,), (1.45,), 1.46, 1.02)


def test_the_stated_error_is_the_larger_of_predicting_and_of_measuring_again() -> None:
    def stated(report: dict[str, object]) -> float | None:
        return stated_error(replace(plain_predictor(), report=report))

    assert stated({"models": {"convolutions": {"median": 0.04}}, "noise": {"median": 0.06}}) == 0.06
    assert stated({"models": {"convolutions": {"median": 0.04}}, "noise": None}) == 0.04
    assert stated({}) is None
    assert stated({"models": [], "noise": {"median": "much"}}) is None


@pytest.mark.parametrize(
    ("predicted", "measured", "error", "accepted"),
    [
        (1.99e-3, 1.95e-3, 0.05, True),
        (1.99e-3, 2.01e-3, 0.05, False),  # misses
        (1.99e-3, 1.6e-3, 0.05, False),  # predicted 24 % too high
        (1.99e-3, 1.6e-3, None, True),
        (1.99e-3, None, None, False),  # did not fit the memory
    ],
)
def test_who_is_accepted(predicted: float, measured: float | None, error: float | None, accepted: bool) -> None:
    assert is_accepted(BUDGET, predicted, measured, error) is accepted


def test_the_factor_is_the_median_of_what_was_measured_last() -> None:
    assert learned_factor([]) is None
    assert learned_factor([1.4, 1.5, 9.0]) == 1.5
    assert learned_factor([9.0] * 20 + [1.2] * REMEMBERED) == 1.2


def test_a_miss_leaves_room_for_half_the_error_and_a_hit_does_not() -> None:
    assert room_after(BUDGET, 1.9e-3, 0.1, 1.0) == 1.0
    assert room_after(BUDGET, 2.1e-3, 0.1, 1.0) == 1.05
    assert room_after(BUDGET, None, None, 1.0) == 1 + ROOM
    assert room_after(BUDGET, 2.1e-3, 0.02, 1.05) == 1.05


def test_budgets_are_divided_by_the_correction_and_the_others_stay() -> None:
    both = (parse_budget("params", "1M"), parse_budget("latency", "1ms..2ms"))
    params, latency = corrected_budgets(both, MISS)
    assert params == both[0]
    assert latency.low == pytest.approx(1e-3 / 1.46)
    assert latency.high == pytest.approx(2e-3 / 1.46 / 1.02)
    assert corrected_budgets(both, None) == both
    # Room is not taken from a range that has none.
    narrow = corrected_budgets((Budget("latency", 2e-3, 1.99e-3),), MISS)[0]
    assert narrow.low == narrow.high


def test_rounds_survive_json_and_others_are_refused() -> None:
    rounds = (Round(64, 96, (MISS, replace(MET, measured=None))), Round(96, None, (MET, MET)))
    document = json.loads(json.dumps(rounds_as_json(rounds)))
    assert rounds_from_json(document) == rounds
    for damage in ({}, [{"iteration": -1, "until": None, "checks": []}], [{}], [3]):
        with pytest.raises((ValueError, TypeError, KeyError)):
            rounds_from_json(damage)
    document[0]["checks"][0]["factor"] = 0
    with pytest.raises(ValueError, match="positive"):
        rounds_from_json(document)


def test_what_is_said_counts_the_searches_of_each_population() -> None:
    rounds = (Round(64, 96, (MISS, MET)), Round(96, None, (MET, MET)))
    lines = told_rounds(rounds, [(BUDGET,), (BUDGET,)])
    assert lines == [
        "latency ≤ 2ms: searched again once with corrected predictions (1.99ms predicted, 2.91ms measured; 1.95ms "
        "predicted, 1.94ms measured); predictions are multiplied by 1.460"
    ]
    assert [correction_of(rounds, number) for number in (0, 1)] == [
        {"searches": 2, "factor": 1.46},
        {"searches": 1, "factor": 1.46},
    ]
    assert correction_of((), 0) is None
    assert planned_iterations(64, rounds) == 96
    # What was learned last has had no search, so that the populations are still of the budgets before.
    last = (rounds[0], Round(96, None, (replace(MISS, factor=3.0), MET)))
    assert corrected_sets([(BUDGET,), (BUDGET,)], last) == corrected_sets([(BUDGET,), (BUDGET,)], rounds[:1])
    assert corrected_sets([(BUDGET,)], ()) == [(BUDGET,)]
    assert planned_iterations(100, rounds) == 100
