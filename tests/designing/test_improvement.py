import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zennas.designing.improvement import expected_improvement, improvements, known_enough


@pytest.mark.parametrize(
    ("mean", "std", "best"), [(90, 2, 91), (70, 8, 75), (95, 4, 80), (60, 30, 75), (99.5, 0.4, 99)]
)
def test_it_is_the_mean_of_what_draws_improve(mean, std, best):
    y = np.random.default_rng(0).normal(-math.log(100 - mean), std / (100 - mean), 2_000_000)
    drawn = np.maximum(0, 100 - np.exp(-y) - best)
    assert expected_improvement(mean, std, best) == pytest.approx(drawn.mean(), abs=6 * drawn.std() / 2_000_000**0.5)


@given(st.floats(0, 100), st.floats(0, 1e5), st.floats(0, 100))
def test_it_is_never_more_than_what_is_left(mean, std, best):
    value = expected_improvement(mean, std, best)
    assert 0 <= value <= max(100 - best, 0.01) + 1e-9


@given(st.floats(1, 99), st.floats(1, 99), st.floats(0.01, 20), st.floats(0.01, 20))
def test_a_better_prediction_of_equal_relative_uncertainty_promises_more(one, other, spread, best):
    low, high = sorted((one, other))
    s = spread / 20
    values = [expected_improvement(mean, s * (100 - mean), best) for mean in (low, high)]
    assert values[0] <= values[1] + 1e-9


def test_certain_predictions_and_the_default():
    assert expected_improvement(93, 0, 91) == 2
    assert expected_improvement(90, 0, 91) == 0
    assert improvements([90, 80], [1, 1]) == [expected_improvement(90, 1, 90), expected_improvement(80, 1, 90)]


def test_uncertainty_of_what_is_unlike_all_that_was_trained_is_no_promise():
    assert known_enough([0.0, 1.5, 0.9]) == [0, 2]
