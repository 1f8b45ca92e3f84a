"""Accuracy as a score: features, predictions far from what was trained, files, names."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zennas
from tests.accuracy.learned import lawful_networks
from zennas.accuracy.examples import examples
from zennas.accuracy.learner import fit
from zennas.architecture.model import Architecture, SuperBlock
from zennas.errors import FileError, ScoreError, UnknownNameError
from zennas.scores import ScoreSettings, compute_score, registered_score
from zennas.scores.learned import AccuracyModel, load_accuracy_model
from zennas.scores.learned.features import FEATURES, Described, described, described_blocks, register_feature
from zennas.scores.learned.model import as_accuracy, as_target
from zennas.scores.learned.score import LearnedName, hold, learned_name
from zennas.scores.learned.shape import FIRST, GATES, LAST, LAYERS, TILT, WIDTH, Table

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

KNOWN = lawful_networks(24)
NETWORKS = [n.network for n in KNOWN.networks]


@pytest.fixture(scope="module")
def model() -> AccuracyModel:
    """Of networks of NAS-Bench-Macro's space."""
    found = zennas.fit_accuracy(KNOWN)
    assert not found.falls_back
    return found


def test_shapes_by_hand() -> None:
    """A stem of 16; then 1×1 to 32 with ReLU, at half the side 3×3 on 32 with ReLU, and 1×1 to 24 without."""
    blocks = (SuperBlock("Conv", 3, 3, 16), SuperBlock("IR", 3, 16, 24, 2, expansion=2))
    shape = described([Architecture(blocks)], [32], [10], "zen-weighted").shapes[0]
    log = math.log
    assert shape[0, [LAYERS, FIRST, LAST]] == pytest.approx([2, log(16), log(32)])
    assert shape[0, WIDTH] == pytest.approx(log(16) + log(32))
    assert shape[0, TILT] == pytest.approx(-0.25 * log(16) + 0.25 * log(32))
    assert shape[1] == pytest.approx([1, log(32), 0, log(32), log(24)])
    assert not shape[2:].any()


def test_gates_are_no_layers_of_the_main_path() -> None:
    plain, gated = (
        Architecture((SuperBlock("Conv", 3, 3, 16), SuperBlock("MB", 3, 16, 24, 2, 24, 2, expansion=2, se=se)))
        for se in (False, True)
    )
    both = described([plain, gated], [32, 32], [10, 10], "zen-weighted")
    assert (both.shapes[0] == both.shapes[1]).all()
    gates = both.totals[:, GATES].tolist()
    assert gates[0] == 0
    assert gates[1] > 0


def test_accuracy_and_target_are_each_other_s_inverse() -> None:
    accuracy = np.array([0.0, 10, 50, 93.5, 99.9])
    np.testing.assert_allclose(as_accuracy(as_target(accuracy)), accuracy, atol=1e-9)
    assert as_accuracy(np.array([-1e9, 1e9])) == pytest.approx([0, 100])


@pytest.mark.parametrize("learner", ["gaussian-process", "ridge"])
def test_a_network_has_the_same_score_whoever_stands_beside_it(learner: str) -> None:
    pool = examples(KNOWN.networks)
    correction = fit(pool, learner).trained.correction
    features = np.random.default_rng(0).normal(size=(40, correction.features))
    for function in (correction.mean, correction.std):
        alone = np.concatenate([function(row[None]) for row in features])
        assert (function(features) == alone).all()
        assert (function(np.asfortranarray(features)) == alone).all()


def test_far_from_all_that_was_trained_the_prediction_is_the_zero_shot_score_s(model: AccuracyModel) -> None:
    """Ten times as wide networks are ordered as by the calibrated score, to the last bit, and are not trusted; the
    standard deviation is that around the calibrated score."""
    wide = []
    for network in NETWORKS:
        blocks = [
            replace(b, out_channels=10 * b.out_channels, in_channels=10 * b.in_channels) for b in network.super_blocks
        ]
        wide.append(Architecture((replace(blocks[0], in_channels=3), *blocks[1:]), resolution=32))
    networks = described(wide, [32] * len(wide), [10] * len(wide), "zen-weighted")
    base = model.baseline
    assert (model.target(networks) == base.intercept + base.slope * networks.log_score).all()
    assert model.target_std(networks) == pytest.approx(np.full(len(wide), base.std))
    predicted, near = model.predict_described(networks), model.predicted(NETWORKS)
    assert predicted.trust.max() < 1e-9
    assert near.trust.min() == 1
    assert near.upper == pytest.approx(near.mean + near.std)
    assert near.lower == pytest.approx(near.mean - near.std)
    assert predicted.upper.max() < near.upper.min()


def test_no_standard_deviation_exceeds_that_around_the_calibrated_score(model: AccuracyModel) -> None:
    """At any distance: networks from the trained ones to four times as wide."""
    for factor in (1.0, 1.1, 1.25, 1.5, 2.0, 4.0):
        blocks = [
            tuple(
                replace(
                    b,
                    out_channels=round(factor * b.out_channels),
                    in_channels=3 if b is network.super_blocks[0] else round(factor * b.in_channels),
                )
                for b in network.super_blocks
            )
            for network in NETWORKS
        ]
        stds = model.target_std(described_blocks(blocks, 32, 10, "zen-weighted"))
        assert stds.max() <= model.baseline.std
        assert stds.min() > 0


def test_between_the_trained_networks_the_correction_counts_whole(model: AccuracyModel) -> None:
    networks = described(NETWORKS, [32] * 24, [10] * 24, "zen-weighted")
    features, beyond = model.scaling.standardised(networks)
    assert (beyond == 0).all()
    assert model.correction is not None
    base = model.baseline.intercept + model.baseline.slope * networks.log_score
    assert model.target(networks) == pytest.approx(base + model.correction.mean(features))
    assert model.target_std(networks) == pytest.approx(model.correction.std(features))


def test_a_search_in_a_space_twice_as_wide_is_not_led_away(tmp_path: Path) -> None:
    """Where no network within the budgets is like what was trained, the winner's zero-shot score is near the best there
    is, though the correction, taken at its word so far outside, would prefer another. Where there are some it is one of
    them or has such a score. By its bounds, the winner is like what was trained."""
    known = lawful_networks(24)
    model = zennas.fit_accuracy(known)
    model.save(tmp_path / "model.json")
    space = tmp_path / "wide.yaml"
    space.write_text(
        "name: wide\nbase: resnet\n"
        "choices: [{block: IR, kernel: 3, expansion: 3}, {block: IR, kernel: 5, expansion: 6}]\n"
        "stem: {block: Conv, kernel: 3, in: 3, out: 32}\nstem_width: {low: 32, high: 64}\n"
        "head_width: {low: 1280, high: 2560, step: 64}\nwidth: {low: 64, high: 512, step: 32}\n"
        "layers: {low: 1, high: 3}\nstage_strides: [2, 2, 2]\n"
    )
    most = 4 * max(n.flops for n in known.networks)
    settings = {"flops": most, "iterations": 1500, "rescore": 0, "population": 64}
    for flops, may_be_inside in ((f"{most // 2}..{most}", False), (most, True)):
        settings["flops"] = flops
        learned = zennas.search(str(space), 32, 10, score=f"accuracy:{tmp_path / 'model.json'}", **settings)  # type: ignore[arg-type]
        by_score = zennas.search(str(space), 32, 10, score="zen-weighted", **settings)  # type: ignore[arg-type]
        score = compute_score("zen-weighted", learned.architecture, 32, ScoreSettings()).score
        inside = model.predicted([learned.architecture], 32).trust[0] > 0.5
        assert (may_be_inside and inside) or score > 0.97 * by_score.score
    for bound in ("lower", "upper"):
        name = f"accuracy:{tmp_path / 'model.json'}:{bound}"
        found = zennas.search(str(space), 32, 10, score=name, **settings)  # type: ignore[arg-type]
        assert model.predicted([found.architecture], 32).trust[0] > 0.5


def test_a_file_gives_the_same_model(model: AccuracyModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model.json")
    read = load_accuracy_model(tmp_path / "model.json")
    assert (read.text, read.digest) == (model.text, model.digest)
    for one, other in zip(model.predict(NETWORKS), read.predict(NETWORKS), strict=True):
        assert (one == other).all()


def test_a_model_that_falls_back_is_a_file_too(tmp_path: Path) -> None:
    model = zennas.fit_accuracy(replace(KNOWN, networks=KNOWN.networks[:5]))
    model.save(tmp_path / "model.json")
    read = load_accuracy_model(tmp_path / "model.json")
    assert read.falls_back
    assert read.reason == model.reason


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "x"}, "not an accuracy model of this zennas"),
        ({"networks": -1}, "networks must be a whole number"),
        ({"baseline": {"score": "zen-wieghted", "intercept": 0, "slope": 1, "std": 1}}, "did you mean zen-weighted"),
        ({"correction": {"kind": "magic"}}, "unknown correction 'magic'; known are gaussian-process, ridge"),
        ({"correction": {"kind": "ridge", "weights": [1], "constant": 0, "noise": 1}}, "reads 1 features"),
    ],
)
def test_damaged_files_are_told(model: AccuracyModel, tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**json.loads(model.text), **change}))
    with pytest.raises(FileError, match=said):
        load_accuracy_model(path)


def test_the_score_of_one_network_and_of_many(model: AccuracyModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model.json")
    said = model.predicted(NETWORKS)
    for bound, expected in (("", said.mean), (":lower", said.lower), (":upper", said.upper)):
        name = f"accuracy:{tmp_path / 'model.json'}{bound}"
        many = registered_score(name).many
        assert many is not None
        assert many([n.super_blocks for n in NETWORKS], 32, ScoreSettings()) == expected.tolist()
        one = compute_score(name, NETWORKS[3], 32, ScoreSettings())
        assert (one.score, one.std_error, one.name) == (pytest.approx(expected[3]), pytest.approx(said.std[3]), name)


def test_names_are_taken_apart_and_put_together() -> None:
    for text, parts in {
        "accuracy:a.json": LearnedName("a.json"),
        "accuracy:a:b.json:lower": LearnedName("a:b.json", "", "lower"),
        "accuracy:a@b.json": LearnedName("a@b.json"),
        "accuracy:a.json@0123abcd:upper": LearnedName("a.json", "0123abcd", "upper"),
    }.items():
        assert learned_name(text) == parts
        assert str(parts) == text
    assert learned_name("zen-weighted") is None


def test_a_digest_takes_no_other_model(model: AccuracyModel, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    model.save(path)
    with pytest.raises(FileError, match=f"another accuracy model \\({model.digest}\\) than the score names"):
        registered_score(f"accuracy:{path}@00000000")
    name = f"accuracy:{path}@{hold(model)}"
    path.unlink()
    assert compute_score(name, NETWORKS[0], 32, ScoreSettings()).score == pytest.approx(model.predict(NETWORKS)[0][0])


def test_a_score_without_its_file() -> None:
    with pytest.raises(FileError, match=r"missing\.json: cannot be read"):
        registered_score("accuracy:missing.json")
    with pytest.raises(UnknownNameError, match="did you mean accuracy"):
        registered_score("acuracy:x")


def test_a_feature_of_a_user_s_own_is_learned_from() -> None:
    @register_feature("widest", "log-width of the widest scale", least=0.1)
    def widest(networks: Described) -> Table:
        widths: Table = networks.shapes[:, :, LAST].max(axis=1)
        return widths

    try:
        model = zennas.fit_accuracy(KNOWN)
        assert "widest" in model.scaling.features
        with pytest.raises(ScoreError, match="registered already"):
            register_feature("widest", "", least=1)(widest)
    finally:
        del FEATURES["widest"]
    with pytest.raises(UnknownNameError, match="unknown feature 'widest'"):
        model.predict(NETWORKS)
