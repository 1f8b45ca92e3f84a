import csv
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file

from zennas.errors import DataError
from zennas.train import evaluate, resume_training, train
from zennas.train.datasets import ImageData, image_name, open_data
from zennas.train.holdout import hold_out
from zennas.train.images import ByteImages
from zennas.train.run import TrainResult


def numbered(labels):
    """Images 1×1 whose first value is their number."""
    pixels = np.zeros((len(labels), 1, 1, 3), dtype=np.uint8)
    pixels[:, 0, 0, 0] = np.arange(len(labels))
    return ImageData("digits", ByteImages(pixels, labels), ByteImages(pixels[:1], [0]), ("a", "b", "c"), 1, (), ())


def numbers(images):
    return [images[index][0].getpixel((0, 0))[0] for index in range(len(images))]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=6, max_size=200), st.floats(0.01, 0.99), st.integers(0, 9))
def test_splits_are_apart_whole_balanced_and_a_function_of_the_seed(labels, share, seed):
    labels = [0, 0, 1, 1, 2, 2, *labels]
    data = numbered(labels)
    split = hold_out(data, share, seed)
    learned, held = numbers(split.train), numbers(split.test)
    assert sorted(learned + held) == list(range(len(labels)))
    for images, which in ((split.train, learned), (split.test, held)):
        assert images.labels.tolist() == [labels[n] for n in which]
    for label in range(3):
        count, own = labels.count(label), [n for n in held if labels[n] == label]
        assert 1 <= len(own) < count
        assert abs(len(own) - share * count) <= 1
    again = hold_out(data, share, seed)
    assert (numbers(again.train), numbers(again.test)) == (learned, held)


def test_another_seed_holds_out_others():
    data = numbered([0, 1, 2] * 30)
    assert numbers(hold_out(data, 0.1, 0).test) != numbers(hold_out(data, 0.1, 1).test)


def test_a_class_of_one_image_is_refused():
    with pytest.raises(DataError, match="class 'c' has 1 training image; two are needed"):
        hold_out(numbered([0, 0, 1, 1, 2]), 0.5, 0)


def photographs(directory):
    rng = np.random.default_rng(0)
    for split, count in (("train", 10), ("val", 3)):
        for name in ("cat", "dog"):
            (directory / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 255, (40 + number, 50, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(directory / split / name / f"{number}.png")
    return f"imagefolder:{directory}"


def test_a_folder_of_photographs_keeps_its_test_images_for_the_end(tmp_path):
    data = open_data(photographs(tmp_path))
    split = hold_out(data, 0.3, 0)
    files = [[image_name(images, n) for n in range(len(images))] for images in (split.train, split.test)]
    assert [len(part) for part in files] == [14, 6]
    assert all("/train/" in name for part in files for name in part)
    assert not set(files[0]) & set(files[1])
    image, label = split.test[0]
    assert (label, image.size) == (data.train[data.train.samples.index((files[1][0], label))][1], image.size)


def test_training_with_held_out_images_never_sees_the_test_images(tmp_path, tiny, quick, monkeypatch):
    opened = open_data("digits")
    untouchable = ImageData(**{**vars(opened), "test": None})
    result = train(tiny, tmp_path / "a", opened=untouchable, holdout=0.2, **quick)
    plain = train(tiny, tmp_path / "b", holdout=0.2, **quick)
    assert rows(tmp_path / "a") == rows(tmp_path / "b")
    other = train(tiny, tmp_path / "c", holdout=0.2, holdout_seed=1, **quick)
    assert plain.history[-1]["loss"] != other.history[-1]["loss"]
    right = result.history[-1]["accuracy"] * len(hold_out(opened, 0.2, 0).test)
    assert right == pytest.approx(round(right))


def rows(directory):
    """`metrics.csv` without the speed, which is the machine's."""
    with open(directory / "metrics.csv") as file:
        return [{k: v for k, v in row.items() if k != "images_per_second"} for row in csv.DictReader(file)]


def test_a_run_that_pauses_ends_as_one_that_does_not(tmp_path, tiny, quick):
    opened = open_data("digits")
    train(tiny, tmp_path / "whole", **quick)
    first = train(tiny, tmp_path / "cut", until=1, opened=opened, **quick)
    assert len(first.history) == 1
    assert len(resume_training(tmp_path / "cut", until=2, opened=opened).history) == 2
    assert len(resume_training(tmp_path / "cut", until=2).history) == 2
    assert len(resume_training(tmp_path / "cut").history) == 3
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")


def test_evaluated_once_at_the_end(tmp_path, tiny, quick):
    each = train(tiny, tmp_path / "each", **quick)
    end = train(tiny, tmp_path / "end", until=2, evaluate="end", **quick)
    assert math.isnan(end.history[-1]["accuracy"])
    assert not (tmp_path / "end" / "best.safetensors").exists()
    end = resume_training(tmp_path / "end")
    assert [math.isnan(row["accuracy"]) for row in end.history] == [True, True, False]
    last = end.history[-1]
    assert end.best is last
    assert {k: last[k] for k in ("loss", "accuracy")} == {k: each.history[-1][k] for k in ("loss", "accuracy")}
    weights = [load_file(tmp_path / "end" / f"{name}.safetensors") for name in ("best", "last")]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    checked = evaluate(str(tmp_path / "end" / "architecture.yaml"), tmp_path / "end" / "best.safetensors", resolution=8)
    assert checked.top1 == last["accuracy"]
    assert TrainResult(tmp_path, end.history).best == last
