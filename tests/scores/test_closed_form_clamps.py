"""Every bound of the closed form, by a state in which it holds a value back."""

import numpy as np
import pytest

from zennas.scores.closed_form import activation as act
from zennas.scores.closed_form import fluctuation, images, normalisation, passes
from zennas.scores.closed_form.geometry import geometry_row, image_classes
from zennas.scores.closed_form.state import (
    IMAGE,
    MEAN,
    PROFILE,
    Coherent,
    Correlation,
    Layer,
    LocalEnergy,
    OwnEnergy,
    first_images,
    first_profile,
)


def plain(function):
    """The function as Python runs it, without compiling it."""
    return getattr(function, "py_func", function)


def layer(groups=1, kernel=3, size=8):
    return Layer(8, 8, 8 // groups, kernel, 1, groups, size, size, size, size)


def two_images(energy=(1.0, 1.0), coherent=(0.0, 0.0)):
    classes = plain(first_images)(np.array([0.5, 0.5]), np.array([1.0, -1.0]))
    for row, values in ((IMAGE.energy, energy), (IMAGE.coherent, coherent)):
        classes[row] = values
    classes[IMAGE.root] = np.sqrt(classes[IMAGE.energy])
    classes[IMAGE.next_energy], classes[IMAGE.next_coherent] = energy, coherent
    return classes


def moments(classes, local=1.0, spread=0.0):
    profile, means = plain(first_profile)(8, 8, 1e-4), np.zeros((1, len(MEAN)))
    return plain(act.moments_before)(classes, profile, means, 8, 8, local, spread)


def relu(classes, groups=1, tilt=0.0, spread=0.0, local=1.0):
    return plain(act.relu)(classes, moments(classes, local, spread), layer(groups), spread, tilt)


def normalised(classes, local=(0.0, 0.0), coherent=(0.0, 0.0, 0.0)):
    return plain(normalisation.batch_norm)(
        classes, LocalEnergy(*local, 1.0), OwnEnergy(0.0, 0.0, 0.0, 0.0), Coherent(*coherent), 64.0, 2
    )


def test_a_grouped_convolution_leaves_a_tenth_of_an_image():
    classes = two_images((1.9, 0.1))
    y, m = 0.4, 0.35
    plain(act.weigh_channels_alike)(classes, 100.0, y, m)
    assert classes[IMAGE.next_energy, 0] == pytest.approx(0.19)


def test_a_grouped_convolution_leaves_a_tenth_of_the_slope():
    assert relu(two_images(), groups=8, tilt=5.0).local_gain == pytest.approx(0.01)
    assert 0.3 < relu(two_images(), groups=8, tilt=0.1).local_gain < 1


def test_noise_after_relu_is_no_less_than_nothing():
    assert relu(two_images(), spread=2.0).noise == 0
    assert relu(two_images()).noise > 0


def test_noise_of_a_channel_is_no_less_than_nothing():
    classes = two_images()
    after = relu(classes)
    arguments = Coherent(0.0, 0.0, 0.0), after, moments(classes)
    correlated = Correlation(2.0, 2.0, 2.0, 1.0, 0.0, 0.0)
    assert plain(fluctuation.noise_of_a_channel)(LocalEnergy(0.0, 0.0, 1.0), correlated, *arguments).white == 0


def test_smooth_noise_is_no_less_than_nothing():
    """The difference of two equal sums: rounding would leave either sign."""
    classes = two_images((1.9, 0.1), (1e-3, 1e-3))
    arguments = Coherent(0.0, 0.0, 0.0), relu(classes), moments(classes)
    none = Correlation(0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    noise = plain(fluctuation.noise_of_a_channel)
    found = [noise(LocalEnergy(s, 0.0, 1.0), none, *arguments).smooth for s in np.geomspace(1e-17, 1e-14, 200)]
    assert min(found) == 0


def test_a_correlation_length_is_at_most_half_a_map():
    _, length2 = plain(fluctuation.window_average)(0.5, 0.1, 1e4, layer(), geometry_row(8, 8, 3, 1))
    assert length2 == 4.0**2
    _, length2 = plain(fluctuation.window_average)(0.5, 0.1, 9.0, layer(), geometry_row(8, 8, 3, 1))
    assert 9 < length2 < 4.0**2


def test_an_image_is_no_less_uneven_than_even():
    classes = two_images()
    classes[IMAGE.carried], classes[IMAGE.fresh] = (1.0, 0.0), (0.0, 1.0)
    after = relu(two_images())
    passed = fluctuation.Passed(0.0, 0.0, 0.0, 0.0, -0.1, 1.0)
    noise = fluctuation.Noise(0.0, 0.1, 0.0)
    arguments = after, moments(classes), 1.0, layer(kernel=1), geometry_row(8, 8, 1, 1), images.NO_DRIFT
    plain(images.unevenness_of_images)(classes, passed, noise, *arguments)
    assert classes[IMAGE.unevenness].tolist() == [0.0, 2.0]


def test_equal_images_may_be_rounded_below_equal():
    classes = two_images()
    plain(images.widen_images)(classes, 0.01, 1 - 2e-16, 0.0)
    assert np.all(np.isfinite(classes[IMAGE.next_energy]))
    assert classes[IMAGE.next_energy, 0] > classes[IMAGE.next_energy, 1]


def widened(energies, noise):
    """The mean square of 16 images' energies before and after noise; the first image is a class of its own."""
    weight, score = image_classes(16)
    classes = plain(first_images)(weight, score)
    classes[IMAGE.next_energy] = energies
    square = float(weight @ classes[IMAGE.next_energy] ** 2)
    scatter = float(weight @ ((classes[IMAGE.next_energy] - 1) * classes[IMAGE.next_energy]) ** 2)
    plain(images.widen_images)(classes, noise, square, scatter)
    return square, float(weight @ classes[IMAGE.next_energy] ** 2)


def test_noise_widens_images_that_are_alike_and_not_one_that_leads():
    before, after = widened([1.4, 1.2, 1.1, 1.0, 0.9], 0.02)
    assert 0.01 < np.log(after / before) < 0.03
    before, after = widened([15.0, 0.3, 0.1, 0.05, 0.0375], 0.02)
    assert after < before, "the noise of one image goes either way"


def test_noise_narrows_images_to_equal_ones_at_most():
    _, after = widened([15.0, 0.3, 0.1, 0.05, 0.0375], 5.0)
    assert np.isfinite(after)
    assert after >= 1


def test_the_ratio_of_coherent_variance_is_bounded():
    """Where the bound binds, the loss is linear in the ratio, and so in the bound."""
    variance, coherent, level, kept = 60.0, 0.1, 1.05, 0.8
    gap = level - kept
    expected = level**2 * variance - 50 * (2 * level * gap * coherent - gap**2 * coherent**2)
    assert plain(normalisation.local_loss)(variance, coherent, level, kept) == pytest.approx(expected)


def test_batch_norm_leaves_a_part_of_the_local_variance():
    assert plain(normalisation.local_loss)(0.5, 0.9, 1.4, 0.6) == pytest.approx(0.3 * 0.5)
    assert plain(normalisation.local_loss)(0.5, 0.1, 1.05, 0.85) > 0.3 * 0.5


def test_an_even_image_loses_nothing():
    assert plain(normalisation.local_loss)(0.0, 0.1, 1.05, 0.85) == 0


def test_white_local_variance_is_no_less_than_nothing():
    assert normalised(two_images(), local=(0.5, 1e-3), coherent=(0.0, 0.3, 0.0)).local.white == 0
    assert normalised(two_images(), local=(0.5, 0.3), coherent=(0.0, 0.01, 0.0)).local.white > 0


def test_local_variance_is_bounded():
    found = normalised(two_images(), local=(1e5, 1e5)).local
    assert (found.smooth, found.white) == (1e3, 1e3)
    found = normalised(two_images(), local=(900.0, 950.0)).local
    assert (found.smooth, found.white) == pytest.approx((900, 950))


def test_a_coherent_energy_is_at_most_the_whole():
    """An image all of whose energy is coherent: what is left is the coherent part, no more than it was."""
    classes = two_images((1.2, 0.8), (1.0, 0.0))
    classes[IMAGE.unevenness] = (3.0, 1.0)
    normalised(classes, coherent=(0.2, 0.0, 0.1))
    assert np.all(classes[IMAGE.coherent] <= classes[IMAGE.energy])
    d, kept = 0.8, 1 / (1 + 2 * 0.8 * 0.2)
    alone = two_images((1.2, 0.8), (1.2, 0.0))
    assert d * (1 - d) == pytest.approx((1 / kept - 1) / 2)
    normalised(alone, coherent=(0.2, 0.0, 0.0))
    assert np.all(alone[IMAGE.coherent] <= alone[IMAGE.energy])


def test_channels_spread_at_most_as_a_squared_gaussian():
    found = normalised(two_images())
    half = Correlation(0.25, 0.25, 0.25, 1.0, 0.5, 0.0)
    assert plain(normalisation.spread_of_channels)(found, half, 128.0) == 2.0
    little = Correlation(0.01, 0.01, 0.0, 1.0, 0.0, 0.0)
    assert plain(normalisation.spread_of_channels)(found, little, 128.0) < 0.2


def test_what_is_coherent_is_not_more_than_the_whole():
    assert normalised(two_images((1.0, 1.0), (0.3, 0.3))).others == pytest.approx((1 - 0.3 / 1.42) / 0.7)
    beyond = normalised(two_images((1.0, 1.0), (0.9, 0.9)), (0.1, 0.0), (0.9, 0.0, 0.6))
    kept = 1 / (1 + 2 * 0.95 * 0.05)
    assert beyond.others == pytest.approx((1 - 0.95 * kept) / 0.05)


def test_passes_are_at_most_opposite():
    assert plain(passes.half_minus_kappa)(2.5) == plain(passes.half_minus_kappa)(2.0) == pytest.approx(0.5)


def difference_at_one_position(window, correlation, others=1.0):
    profile, means = plain(first_profile)(1, 1, 1e-4), np.ones((1, len(MEAN)))
    profile[0, PROFILE.next_energy, 0], profile[0, PROFILE.window_difference, 0] = 1.0, window
    return plain(passes.difference_after_convolution)(profile, means, 1.0, layer(size=1), correlation, others)


def test_the_difference_at_a_position_is_bounded():
    uncorrelated = Correlation(0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    assert difference_at_one_position(7.0, uncorrelated) == 1.5
    assert difference_at_one_position(1.2, uncorrelated) == 1.2


def test_the_difference_does_not_shrink_by_division():
    correlated = Correlation(0.3, 0.0, 0.0, 1.0, 0.0, 0.0)
    assert difference_at_one_position(1.2, correlated) == 1.2, "independent passes"
    assert difference_at_one_position(1.2, correlated, others=1.1) == pytest.approx(1.32)
    assert difference_at_one_position(0.5, correlated) == pytest.approx(0.5 * (1 + 2 * 0.3 * 0.5))
    with_difference = Correlation(0.3, 0.0, 0.0, 1.0, 0.0, 0.6)
    assert difference_at_one_position(0.5, with_difference) == 0.5
