import numpy as np
import pytest
import torch
from PIL import Image

from zennas.errors import DataError, WeightsError, ZennasError
from zennas.train import evaluate, train
from zennas.train.augment import Lighting, batch_mixer, evaluation_transform, train_transform
from zennas.train.config import train_config
from zennas.train.datasets import open_data
from zennas.train.evaluation import write_confusion
from zennas.train.images import ByteImages
from zennas.train.loader import PreparedBatches, evaluation_batches, train_batches
from zennas.train.loop import prepared_for_training
from zennas.train.randomness import seeded
from zennas.train.weights import load_weights, read_weights


def folder(directory, sizes=((40, 30),), count=8, classes=("cat", "dog")):
    """A tiny image folder: cats are dark, dogs are bright."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for number, name in enumerate(classes):
            (directory / split / name).mkdir(parents=True)
            for index in range(count):
                width, height = sizes[index % len(sizes)]
                pixels = rng.integers(0, 100, (height, width, 3)) + 150 * number
                Image.fromarray(pixels.astype(np.uint8)).save(directory / split / name / f"{index}.png")
    return directory


def test_digits_are_the_real_ones_and_splits_do_not_overlap():
    data = open_data("digits")
    assert (len(data.train), len(data.test), len(data.classes)) == (1437, 360, 10)
    image, label = data.train[0]
    assert image.size == (8, 8)
    assert 0 <= label < 10


def test_paper_recipe_is_the_default():
    cifar = train_config({"model": "m", "data": "cifar10:x"})
    assert (cifar.epochs, cifar.lr, cifar.batch_size, cifar.momentum) == (1440, 0.1, 256, 0.9)
    assert cifar.weight_decay == 5e-4
    assert cifar.auto_augment
    imagenet = train_config({"model": "m", "data": "imagefolder:x"})
    assert (imagenet.epochs, imagenet.weight_decay) == (480, 4e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data": "cifar11:x"}, "cifar11"),
        ({"data": "cifar10"}, "cifar10:DIR"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 10, "accumulate": 3}, "accumulate=3"),
        ({"precision": "fp8"}, "precision"),
        ({"on_bad_image": "shrug"}, "on_bad_image"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_wrong_settings_are_one_line(values, message):
    with pytest.raises(ZennasError, match=message) as error:
        train_config({"model": "m", **values})
    assert "\n" not in str(error.value)


def test_order_is_a_permutation_that_processes_and_accumulation_share():
    whole = train_batches(100, 20, 1, seed=3, epoch=5)
    assert len({key for batch in whole for key in batch}) == 100
    assert whole == train_batches(100, 20, 1, seed=3, epoch=5)
    # A key has its epoch beside the image's number: the numbers themselves must come in another order.
    orders = {
        tuple(index for batch in train_batches(100, 20, 1, seed, epoch) for _, index in batch)
        for seed in (3, 4)
        for epoch in (5, 6)
    }
    assert len(orders) == 4
    shares = [train_batches(100, 20, 2, 3, 5, rank, 2) for rank in range(2)]
    for step, batch in enumerate(whole):
        parts = [key for share in shares for part in share[2 * step : 2 * step + 2] for key in part]
        assert sorted(parts) == sorted(batch)
    seen = [key for rank in range(3) for batch in evaluation_batches(10, 2, rank, 3) for key in batch]
    assert sorted(seen) == [(0, index) for index in range(10)]
    with pytest.raises(DataError, match="batch-size"):
        train_batches(10, 20, 1, 0, 0)
    with pytest.raises(DataError, match="3 processes"):
        train_batches(100, 20, 1, 0, 0, 0, 3)


def test_mixed_targets_add_up_to_one_and_follow_the_images():
    config = train_config({"model": "m", "mixup": 1.0})
    images = torch.stack([torch.full((3, 4, 4), float(i)) for i in range(10)])
    with seeded(1):
        mixed, targets = batch_mixer(config, 10)(images.clone(), torch.arange(10))
    assert torch.allclose(targets.sum(1), torch.ones(10))
    # The share of an image's own class, freed of smoothing, is its share of the pixels.
    own = (targets[1, 1] - 0.01) / 0.9
    assert mixed[1, 0, 0, 0] == pytest.approx(float(own * 1 + (1 - own) * 8), abs=1e-4)


def test_augmentation_repeats_from_its_seed_and_varies_between_images():
    config = train_config({"model": "m", "data": "cifar10:x", "erasing": 1.0})
    data = open_data("digits")
    transform = train_transform(config, data, 32)
    image, _ = data.train[0]
    with seeded(1, 2):
        one = transform(image)
    with seeded(1, 2):
        same = transform(image)
    with seeded(1, 3):
        other = transform(image)
    assert one.shape == (3, 32, 32)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_lighting_shifts_whole_channels():
    with seeded(0):
        shifted = Lighting(0.1, 3)(torch.zeros(3, 5, 5))
    assert torch.all(shifted == shifted[:, :1, :1])
    assert shifted.abs().max() > 0


def test_image_folder_of_odd_shapes_is_learned(tmp_path):
    folder(tmp_path / "data", sizes=((40, 30), (17, 64), (32, 32)))
    result = train(
        "SuperConvK3BNRELU(3,8,2,1)", tmp_path / "run", data=f"imagefolder:{tmp_path / 'data'}", resolution=16,
        epochs=12, batch_size=8, lr=3.0, auto_augment=False, mixup=0,
    )  # fmt: skip
    assert result.best["accuracy"] == 1.0


def test_unreadable_images_stop_or_are_named_and_skipped(tmp_path):
    data = folder(tmp_path / "data")
    (data / "train" / "cat" / "3.png").write_bytes(b"no image")
    broken = data / "val" / "dog" / "1.png"
    broken.write_bytes(broken.read_bytes()[:60])
    Image.new("RGB", (900, 2)).save(data / "val" / "cat" / "0.png")
    settings = {"data": f"imagefolder:{data}", "resolution": 16, "epochs": 2, "batch_size": 4}
    with pytest.raises(DataError, match=r"3\.png.*--on-bad-image skip"):
        train("SuperConvK3BNRELU(3,8,2,1)", tmp_path / "stop", **settings)
    result = train("SuperConvK3BNRELU(3,8,2,1)", tmp_path / "skip", on_bad_image="skip", **settings)
    assert len(result.skipped) == 3
    assert any("900×2" in line for line in result.skipped)
    weights = tmp_path / "skip" / "best.safetensors"
    evaluation = evaluate(
        "SuperConvK3BNRELU(3,8,2,1)", weights, f"imagefolder:{data}", resolution=16, on_bad_image="skip"
    )
    assert (evaluation.images, len(evaluation.skipped)) == (14, 2)


def test_missing_or_half_downloaded_data_is_said_and_nothing_is_fetched(tmp_path, monkeypatch):
    from torchvision.datasets import CIFAR10, utils

    monkeypatch.setattr(utils, "_urlretrieve", lambda *a, **k: pytest.fail("fetched something"))
    with pytest.raises(DataError, match="--download"):
        open_data(f"cifar10:{tmp_path}")
    (tmp_path / CIFAR10.base_folder).mkdir()
    for name, _ in CIFAR10.train_list:
        (tmp_path / CIFAR10.base_folder / name).write_bytes(b"half")
    with pytest.raises(DataError, match="not completely"):
        open_data(f"cifar10:{tmp_path}")
    with pytest.raises(DataError, match="train/CLASS/IMAGE"):
        open_data(f"imagefolder:{tmp_path}")
    folder(tmp_path / "folder")
    (tmp_path / "folder" / "val" / "dog").rename(tmp_path / "folder" / "val" / "horse")
    with pytest.raises(DataError, match="dog, horse"):
        open_data(f"imagefolder:{tmp_path / 'folder'}")


def test_weights_that_do_not_fit_are_told_apart(tmp_path):
    import zennas
    from zennas.train.weights import write_weights

    network = zennas.build(zennas.load("SuperConvK3BNRELU(3,8,2,1)"), 100)
    write_weights(network, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="weights for 100 classes, but the data has 10"):
        evaluate("SuperConvK3BNRELU(3,8,2,1)", tmp_path / "w.safetensors", resolution=8)
    with pytest.raises(WeightsError, match="another network"):
        evaluate("SuperConvK3BNRELU(3,9,2,1)", tmp_path / "w.safetensors", resolution=8)
    whole = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        read_weights(tmp_path / "half.safetensors")
    with pytest.raises(WeightsError, match="no such file"):
        read_weights(tmp_path / "none.pt")


def test_weights_file_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "ran"), "w")

    torch.save({"network": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(WeightsError, match="could run code"):
        read_weights(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"classifier.bias": torch.tensor(1.0)},
        {"classifier.bias": torch.zeros(10).to_sparse()},
        {"classifier.bias": torch.zeros(10, dtype=torch.complex64)},
        {"classifier.bias": [0.0] * 10},
        {3: torch.zeros(1)},
    ],
)
def test_tensors_that_are_no_weights_are_refused(tmp_path, change):
    import zennas

    network = zennas.build(zennas.load("SuperConvK3BNRELU(3,8,2,1)"), 10)
    torch.save({**network.state_dict(), **change}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"w\.pt: (weights of another network: classifier|holds no weights)"):
        load_weights(network, tmp_path / "w.pt")


def test_torch_files_of_other_programs_are_read(tmp_path):
    import zennas

    network = zennas.build(zennas.load("SuperConvK3BNRELU(3,8,2,1)"), 10)
    torch.save({"epoch": 3, "state_dict": network.state_dict()}, tmp_path / "w.pt")
    other = zennas.build(zennas.load("SuperConvK3BNRELU(3,8,2,1)"), 10)
    load_weights(other, tmp_path / "w.pt")
    assert torch.equal(other.classifier.weight, network.classifier.weight)


def test_confusion_counts_every_image_at_its_true_class(tmp_path, tiny, quick):
    train(tiny, tmp_path / "run", **{**quick, "epochs": 1})
    result = evaluate(tiny, tmp_path / "run" / "best.safetensors", resolution=8, batch_size=50)
    labels = [open_data("digits").test[index][1] for index in range(360)]
    assert [sum(row) for row in result.confusion] == [labels.count(digit) for digit in range(10)]
    assert sum(result.confusion[i][i] for i in range(10)) / 360 == result.top1
    write_confusion(result, tmp_path / "confusion.csv")
    lines = (tmp_path / "confusion.csv").read_text().splitlines()
    assert lines[1].split(",") == ["0", *map(str, result.confusion[0])]


def test_network_and_images_must_fit():
    from zennas.train.networks import make_network

    with pytest.raises(DataError, match="4 channels"):
        open_data("digits", channels=4)
    with pytest.raises(ZennasError, match="too small"):
        make_network("zennet-imagenet-0.1ms", 10, 8)
    with pytest.raises(ZennasError, match="resnet18"):
        make_network("timm:resnet81", 10, 32)
    with pytest.raises(ZennasError, match="torchvision model"):
        make_network("torchvision:resnet1", 10, 32)


def test_a_folder_of_small_squares_is_treated_as_cifar(tmp_path):
    data = open_data(f"imagefolder:{folder(tmp_path / 'small', sizes=((16, 16),))}")
    assert (data.photographs, data.resolution, isinstance(data.train, ByteImages)) == (False, 16, True)
    read = open_data(f"imagefolder:{tmp_path / 'small'}", small_folders=False)
    assert (read.photographs, read.resolution) == (True, 224)
    assert len(data.train) == len(read.train)
    for index in range(len(data.train)):
        assert np.array_equal(data.train[index][0], read.train[index][0])
        assert data.train[index][1] == read.train[index][1]
    # Shifted by at most an eighth, never enlarged: what is not margin is found again in the image.
    config = train_config(
        {"model": "m", "data": f"imagefolder:{tmp_path}", "erasing": 0, "lighting": 0, "auto_augment": False, "flip": 0}
    )
    images = prepared_for_training(config, data, 16)
    assert isinstance(images, PreparedBatches)
    shifted = images.__getitems__([(0, 0)]).images[0]
    whole = evaluation_transform(data, 16)(data.train[0][0])
    places = [
        torch.allclose(shifted[:, 2:14, 2:14], whole[:, 2 + y : 14 + y, 2 + x : 14 + x], atol=1e-5)
        for y in range(-2, 3)
        for x in range(-2, 3)
    ]
    assert any(places)


@pytest.mark.parametrize("sizes", [((16, 16), (17, 17)), ((16, 12),), ((65, 65),)])
def test_folders_of_other_images_are_photographs(tmp_path, sizes):
    assert open_data(f"imagefolder:{folder(tmp_path, sizes=sizes)}").photographs


def test_a_small_image_that_cannot_be_read_is_met_where_it_is_used(tmp_path):
    folder(tmp_path, sizes=((16, 16),))
    (tmp_path / "train" / "cat" / "0.png").write_bytes(b"no image")
    assert not open_data(f"imagefolder:{tmp_path}").photographs
    with pytest.raises(DataError, match=r"0\.png: cannot be read"):
        train(
            "SuperConvK3BNRELU(3,8,2,1)", tmp_path / "run", data=f"imagefolder:{tmp_path}", batch_size=4, resolution=16
        )


def test_a_folder_of_small_squares_stays_one_where_an_image_is_broken(tmp_path):
    data = folder(tmp_path / "data", sizes=((16, 16),))
    whole = open_data(f"imagefolder:{data}")
    (data / "val" / "dog" / "1.png").write_bytes(b"no image")
    opened = open_data(f"imagefolder:{data}")
    assert not opened.photographs
    assert opened.resolution == whole.resolution == 16
    assert len(opened.test) == len(whole.test)
    settings = {"data": f"imagefolder:{data}", "epochs": 1, "batch_size": 4, "auto_augment": False}
    with pytest.raises(DataError, match=r"1\.png.*--on-bad-image skip"):
        train("SuperConvK3BNRELU(3,8,2,1)", tmp_path / "stop", **settings)
    result = train("SuperConvK3BNRELU(3,8,2,1)", tmp_path / "skip", on_bad_image="skip", **settings)
    assert [line.partition(": ")[0][-5:] for line in result.skipped] == ["1.png"]
    weights = tmp_path / "skip" / "last.safetensors"
    # In batches of one, a batch has no image that can be used.
    checked = evaluate("SuperConvK3BNRELU(3,8,2,1)", weights, f"imagefolder:{data}", on_bad_image="skip", batch_size=1)
    assert checked.images == len(whole.test) - 1
