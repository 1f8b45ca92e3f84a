"""Single steps of the closed form against what they are derived from."""

import numpy as np
import pytest

import zennas
from zennas.architecture import parse_structure
from zennas.scores import meanfield_score
from zennas.scores.closed_form import activation as act
from zennas.scores.closed_form import fluctuation, images
from zennas.scores.closed_form.geometry import geometry_row, image_classes
from zennas.scores.closed_form.state import IMAGE, MEAN, Layer, LocalEnergy, first_images, first_profile
from zennas.scores.zen import zen_score


def plain(function):
    """The function as Python runs it, without compiling it."""
    return getattr(function, "py_func", function)


def layer(size=8):
    return Layer(8, 8, 8, 1, 1, 1, size, size, size, size)


def classes_and_relu(local):
    classes = plain(first_images)(*image_classes(16))
    profile, means = plain(first_profile)(8, 8, 1e-4), np.zeros((1, len(MEAN)))
    moments = plain(act.moments_before)(classes, profile, means, 8, 8, 1 + local.smooth, 0.0)
    return classes, moments, plain(act.relu)(classes, moments, layer(), 0.0, 0.0)


@pytest.mark.parametrize("covariance", [1e-6, 0.1, 1.0, 5.0])
def test_sharpening_is_the_curvature_of_the_covariance_after_relu(covariance):
    """C e^(−d²/2l²) after `gain`: by differences around d = 0, with l = 1."""
    mean2 = act.M2 / (1 + covariance) ** 0.25
    scale = 1 / (0.5 - mean2) ** 2
    after = [plain(fluctuation.gain)(covariance * np.exp(-(d**2) / 2), mean2, scale, True) for d in (0.0, 0.01)]
    length2 = 0.01**2 / 2 / np.log(after[0] / after[1])
    found = plain(fluctuation.sharpened)(covariance, after[0], mean2, scale)
    assert found == pytest.approx(length2, rel=2e-3)
    assert found <= 1


def test_an_uneven_image_has_a_smaller_mean_activation():
    """(1 + C)^(−1/8) of its own C, relative to that of the mean image."""
    root = plain(act.root_of_uneven)
    assert root(4.0, 1.0, 1 / 1.5) == pytest.approx(2)
    assert root(4.0, 3.0, 1 / 1.5) == pytest.approx(2 * ((1 + 3 * 0.5) / 1.5) ** -0.125)


def test_images_drift_apart_by_the_chance_of_their_local_variances():
    """Maps of lognormal patches: the variance over images of the mean of f, and of local variances, by sampling."""
    local = LocalEnergy(0.02, 0.0, 1.0)
    classes, moments, relu = classes_and_relu(local)
    rng, side = np.random.default_rng(0), 24
    # White noise smoothed on a torus to the correlation e^(−d²/2l²), l = 1.
    lag = np.minimum(np.arange(side), side - np.arange(side))
    kernel = np.exp(-(lag**2))[:, None] * np.exp(-(lag**2))[None, :]
    noise = rng.standard_normal((4000, side, side))
    field = np.fft.ifft2(np.fft.fft2(noise) * np.fft.fft2(kernel / np.sqrt((kernel**2).sum()))).real
    energy = np.exp(field * np.sqrt(np.log1p(local.smooth)))
    energy /= energy.mean((1, 2), keepdims=True)
    after = energy / 2 - 2 * relu.mean * act.M0 * np.sqrt(energy) + relu.mean**2
    drift = plain(images.drift_of_images)(classes, local, relu, moments, float(side * side))
    variances = ((energy - 1) ** 2).mean((1, 2))
    assert drift.spread == pytest.approx(variances.var() / variances.mean() ** 2, rel=0.25)
    assert drift.noise == pytest.approx(np.log(after.mean((1, 2))).var(), rel=0.3)


def test_images_that_are_ahead_by_chance_are_uneven():
    local = LocalEnergy(0.5, 0.0, 1.0)
    classes, moments, relu = classes_and_relu(local)
    passed, noise = fluctuation.Passed(0.5, 0.5, 0.0, 0.0, 0.0, 1.0), fluctuation.Noise(0.0, 0.0, 0.0)
    arguments = classes, passed, noise, relu, moments, 1.0, layer(), geometry_row(8, 8, 1, 1)
    plain(images.unevenness_of_images)(*arguments, images.NO_DRIFT)
    assert classes[IMAGE.unevenness] == pytest.approx(1)
    plain(images.unevenness_of_images)(*arguments, plain(images.drift_of_images)(classes, local, relu, moments, 64.0))
    assert np.all(np.diff(classes[IMAGE.unevenness]) < 0), "the most energetic class comes first"


def test_one_image_has_all_of_the_local_variance_at_most():
    local = LocalEnergy(900.0, 0.0, 4.0)
    classes, moments, relu = classes_and_relu(local)
    drift = plain(images.drift_of_images)(classes, local, relu, moments, 64.0)
    assert (drift.spread, drift.step) == (15, 1)


def test_a_search_may_come_upon_the_narrowest():
    """Local variances at their bound through dozens of convolutions of eight channels."""
    blocks = "".join(f"SuperResK1K3K1({i},{o},1,8,5)" for i, o in ((128, 24), (24, 24), (24, 48), (48, 56)))
    network = f"SuperConvK3BNRELU(3,128,1,1){blocks}SuperResK1K7K1(56,24,2,8,5)SuperResK1K3K1(24,8,2,24,1)"
    network += "SuperResK1K3K1(8,24,2,24,2)SuperResK1K3K1(24,40,1,16,3)SuperConvK1BNRELU(40,312,1,1)"
    assert 150 < meanfield_score(parse_structure(network), 32).score < 350


def test_log_delta_and_variances_of_a_deep_narrow_network():
    """Each of the two terms, not their sum alone."""
    network = zennas.load("zennet-cifar-1.0M")
    closed, sampled = meanfield_score(network), zen_score(network, batch_size=16, repeats=24)
    variances = sum(closed.contributions), sum(sampled.contributions)
    assert variances[0] == pytest.approx(variances[1], abs=0.8)
    assert closed.score - variances[0] == pytest.approx(sampled.score - variances[1], abs=0.35)
