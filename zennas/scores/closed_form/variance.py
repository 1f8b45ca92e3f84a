"""The expected variance of a convolution's outputs ("1. Expected variance" of `docs/closed-form.md`).

Sums over a window's taps are exact for a profile that is a product of one number a row and one a column.
"""

from zennas.compiled import compiled
from zennas.scores.closed_form.state import MEAN, PROFILE, Layer, Matrix, Profiles, side


@compiled
def window_sum(profile: Matrix, values: int, layer: Layer, size: int, out_size: int, result: int) -> float:
    """Sum over each window's taps inside the map; returns the mean of the sums.

    Args:
        profile: one part of it, see `state.ProfileRows`.
        values: the row of it that is summed, one number a position of the map that is read.
        layer: the window: kernel and stride.
        size: positions of the map that is read.
        out_size: positions of the map that is written.
        result: the row of it that is filled, one sum a position of the map that is written.
    """
    kernel, stride = layer.kernel, layer.stride
    pad = (kernel - 1) // 2
    total = 0.0
    for i in range(out_size):
        first = max(0, i * stride - pad)
        last = min(size, i * stride - pad + kernel)
        part = 0.0
        for j in range(first, last):
            part += profile[values, j]
        profile[result, i] = part
        total += part
    return total / out_size


@compiled
def window_means(profile: Matrix, layer: Layer, size: int, out_size: int) -> tuple[float, float]:
    """What subtracting the channel's mean needs: fills `window_root` (B) and `tap_mean` (b).

    Args:
        profile: one part of it; reads `root`.
        layer: the window: kernel and stride.
        size: positions of the map that is read.
        out_size: positions of the map that is written.

    Returns:
        Σ b_t² over the taps, and the mean of B.
    """
    kernel, stride = layer.kernel, layer.stride
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
def mean_energy(profile: Profiles, means: Matrix, layer: Layer, second_moment: float, mean: float) -> float:
    """Expected squared deviation of a window's sum for one input channel: fills `next_energy`, returns its mean.

    Args:
        profile: reads `energy` and `root`.
        means: of the profile, writes `window_energy`, `window_root` and `tap_square`.
        layer: the window and the maps around it.
        second_moment: mean square of the activations.
        mean: m, such that the mean activation at a position is m·w(y)·w(x).
    """
    for part in range(len(profile)):
        size, out_size = side(part, layer.height, layer.width), side(part, layer.out_height, layer.out_width)
        means[part, MEAN.window_energy] = window_sum(
            profile[part], PROFILE.energy, layer, size, out_size, PROFILE.window_energy
        )
        means[part, MEAN.tap_square] = means[part, MEAN.window_root] = 0.0
        if mean > 0:
            means[part, MEAN.tap_square], means[part, MEAN.window_root] = window_means(
                profile[part], layer, size, out_size
            )
        else:
            profile[part, PROFILE.window_root, :out_size] = 0.0
    total = 0.0
    for part in range(len(profile) - 1, -1, -1):
        out_size, other = side(part, layer.out_height, layer.out_width), len(profile) - 1 - part
        total = 0.0
        for i in range(out_size):
            profile[part, PROFILE.next_energy, i] = (
                second_moment * profile[part, PROFILE.window_energy, i] * means[other, MEAN.window_energy]
                - 2 * mean * mean * profile[part, PROFILE.window_root, i] * means[other, MEAN.window_root]
                + mean * mean * means[part, MEAN.tap_square] * means[other, MEAN.tap_square]
            )
            total += profile[part, PROFILE.next_energy, i]
    # Both parts have the same mean.
    return total / layer.out_height
