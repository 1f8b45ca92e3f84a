"""The expected variance of a convolution's outputs ("1. Expected variance" of `docs/closed-form.md`).

Sums over a window's taps are exact for a profile that is a product of one number a row and one a column.
"""

from zennas.compiled import compiled
from zennas.scores.closed_form.state import PROFILE, Layer, Matrix


@compiled
def mean_over_side(profile: Matrix, values: int, size: int) -> float:
    """Mean of one row of the profile.

    Args:
        profile: see `state.Profile`.
        values: the row.
        size: positions along a side.
    """
    total = 0.0
    for i in range(size):
        total += profile[values, i]
    return total / size


@compiled
def window_sum(profile: Matrix, values: int, layer: Layer, result: int) -> float:
    """Sum over each window's taps inside the map; returns the mean of the sums.

    Args:
        profile: see `state.Profile`.
        values: the row of it that is summed, one number a position of the map that is read.
        layer: the window: kernel, stride and the sides of both maps.
        result: the row of it that is filled, one sum a position of the map that is written.
    """
    size, kernel, stride = layer.size, layer.kernel, layer.stride
    pad = (kernel - 1) // 2
    total = 0.0
    for i in range(layer.out_size):
        first = max(0, i * stride - pad)
        last = min(size, i * stride - pad + kernel)
        part = 0.0
        for j in range(first, last):
            part += profile[values, j]
        profile[result, i] = part
        total += part
    return total / layer.out_size


@compiled
def window_means(profile: Matrix, layer: Layer) -> tuple[float, float]:
    """What subtracting the channel's mean needs: fills `window_root` (B) and `tap_mean` (b).

    Args:
        profile: reads `root`.
        layer: the window: kernel, stride and the sides of both maps.

    Returns:
        Σ b_t² over the taps, and the mean of B.
    """
    size, kernel, stride, out_size = layer.size, layer.kernel, layer.stride, layer.out_size
    pad = (kernel - 1) // 2
    squares = mean = 0.0
    for tap in range(kernel):
        part = 0.0
        for i in range(out_size):
            j = i * stride + tap - pad
            if 0 <= j < size:
                part += profile[PROFILE.root, j]
        profile[PROFILE.tap_mean, tap] = part / out_size
        squares += profile[PROFILE.tap_mean, tap] * profile[PROFILE.tap_mean, tap]
    for i in range(out_size):
        part = 0.0
        for tap in range(kernel):
            j = i * stride + tap - pad
            if 0 <= j < size:
                part += profile[PROFILE.tap_mean, tap] * profile[PROFILE.root, j]
        profile[PROFILE.window_root, i] = part
        mean += part
    return squares, mean / out_size


@compiled
def mean_energy(profile: Matrix, layer: Layer, second_moment: float, mean: float) -> float:
    """Expected squared deviation of a window's sum for one input channel: fills `next_energy`, returns its mean.

    Args:
        profile: reads `energy` and `root`.
        layer: the window: kernel, stride and the sides of both maps.
        second_moment: mean square of the activations.
        mean: m, such that the mean activation at a position is m·w(x)·w(y).
    """
    mean_window = window_sum(profile, PROFILE.energy, layer, PROFILE.window_energy)
    squares = mean_root = 0.0
    if mean > 0:
        squares, mean_root = window_means(profile, layer)
    else:
        profile[PROFILE.window_root, : layer.out_size] = 0.0
    total = 0.0
    for i in range(layer.out_size):
        profile[PROFILE.next_energy, i] = (
            second_moment * profile[PROFILE.window_energy, i] * mean_window
            - 2 * mean * mean * profile[PROFILE.window_root, i] * mean_root
            + mean * mean * squares * squares
        )
        total += profile[PROFILE.next_energy, i]
    return total / layer.out_size
