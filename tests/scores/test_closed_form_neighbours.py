"""Correlations of neighbouring positions, against sampling."""

import numpy as np
import pytest
from scipy.signal import convolve2d

from zennas.scores.closed_form import neighbours as nb
from zennas.scores.closed_form.geometry import max_correlations
from zennas.scores.closed_form.state import Layer


def plain(function):
    return getattr(function, "py_func", function)


def pool(kernel, stride):
    return Layer(1, 1, 1, kernel, stride, 1, 32, 32, 32, 32)


def tables():
    result = np.empty((2, nb.LAGS, nb.LAGS))
    plain(nb.make_independent)(result)
    return result


def averaged(field, kernel, stride):
    return np.array([convolve2d(f, np.ones((kernel, kernel)), "valid")[::stride, ::stride] for f in field])


def correlation(field, rows, columns):
    field = (field - field.mean()) / field.std()
    h, w = field.shape[1:]
    return float(np.mean(field[:, : h - rows, : w - columns] * field[:, rows:, columns:]))


def test_a_second_pool_averages_correlated_positions():
    field = np.random.default_rng(0).standard_normal((40, 96, 96))
    first, second = averaged(field, 3, 1), averaged(averaged(field, 3, 1), 3, 1)
    found = tables()
    assert plain(nb.neighbours_after_average)(found, pool(3, 1)) == (1, 1)
    for lags in ((0, 1), (1, 1), (2, 0), (3, 0)):
        assert found[0][lags] == pytest.approx(correlation(first, *lags), abs=0.01)
    alike, _ = plain(nb.neighbours_after_average)(found, pool(3, 1))
    assert alike == pytest.approx(second.var() / (9 * first.var()), rel=0.02)
    assert found[0][1, 0] == pytest.approx(correlation(second, 1, 0), abs=0.03)


def test_windows_side_by_side_stay_independent():
    found = tables()
    plain(nb.neighbours_after_average)(found, pool(2, 2))
    assert found.tolist() == tables().tolist()


def test_relu_and_stride():
    rng = np.random.default_rng(1)
    field = averaged(rng.standard_normal((40, 96, 96)), 3, 1)
    other = averaged(rng.standard_normal((40, 96, 96)), 3, 1)
    found = tables()
    plain(nb.neighbours_after_average)(found, pool(3, 1))
    plain(nb.neighbours_after_relu)(found)
    assert found[0][0, 0] == found[1][0, 0] == 1
    for lags in ((0, 1), (1, 1), (2, 0)):
        assert found[0][lags] == pytest.approx(correlation(np.maximum(field, 0), *lags), abs=0.01)
        assert found[1][lags] == pytest.approx(correlation(other * (field > 0), *lags), abs=0.01)
    before = found.copy()
    plain(nb.neighbours_after_stride)(found, 2)
    assert found[0][1, 0] == before[0][2, 0]
    assert found[0][2, 2] == 0, "further apart than the tables know"


def test_overlapping_maxima():
    field = np.random.default_rng(2).standard_normal((150, 97, 97))
    rows = np.lib.stride_tricks.sliding_window_view(field, (3, 3), axis=(1, 2))[:, ::2, ::2]
    largest = np.maximum(rows.max((3, 4)), 0)
    found = tables()
    plain(nb.neighbours_after_max)(found, pool(3, 2), max_correlations())
    assert found[0][0, 0] == found[1][0, 0] == 1
    for lags in ((0, 1), (1, 1), (2, 0)):
        assert found[0][lags] == pytest.approx(correlation(largest, *lags), abs=0.01)
    place = rows.reshape(*rows.shape[:3], 9).argmax(3)
    left, right = place[:, :, :-1], place[:, :, 1:]
    shared = np.mean((left % 3 == 2) & (right % 3 == 0) & (left // 3 == right // 3))
    assert found[1][0, 1] == pytest.approx(shared, abs=0.01)
