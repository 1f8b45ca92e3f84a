"""Images that are grey, not square, or files of IDX."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from zennas.errors import ArchitectureError, DataError
from zennas.export import export
from zennas.input_size import Size
from zennas.train import evaluate, train
from zennas.train.augment import crop_margins, evaluation_transform, train_transform
from zennas.train.batch_augment import BatchAugment
from zennas.train.config import train_config
from zennas.train.datasets import open_data
from zennas.train.networks import make_network
from zennas.train.randomness import seeded
from zennas.train.weights import load_weights

GREY = "SuperConvK3BNRELU(1,8,2,1)SuperResK3K3(8,16,2,16,1)"


def idx_bytes(values: np.ndarray) -> bytes:
    """An array of bytes as an IDX file."""
    return bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">u4").tobytes() + values.tobytes()


def idx_folder(directory: Path, count: int = 60, packed: bool = False) -> np.ndarray:
    """The four files of a data set of 12×10 images of three classes, the brighter the higher; returns its images."""
    rng = np.random.default_rng(0)
    directory.mkdir(parents=True, exist_ok=True)
    for split in ("t10k", "train"):
        labels = np.arange(count, dtype=np.uint8) % 3
        images = (rng.integers(0, 60, (count, 12, 10)) + 90 * labels[:, None, None]).astype(np.uint8)
        for name, values in ((f"{split}-images-idx3-ubyte", images), (f"{split}-labels-idx1-ubyte", labels)):
            content = idx_bytes(values)
            (directory / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)
    return images


@pytest.mark.parametrize(("folder", "packed"), [(".", False), (".", True), ("FashionMNIST/raw", False)])
def test_files_of_idx(tmp_path, folder, packed):
    images = idx_folder(tmp_path / folder, packed=packed)
    data = open_data(f"idx:{tmp_path}", channels=1)
    assert (data.channels, data.resolution, data.classes) == (1, Size(12, 10), ("0", "1", "2"))
    assert np.array_equal(np.asarray(data.train[7][0]), images[7])
    assert data.train[7][1] == 1
    assert data.mean == (pytest.approx(images.mean() / 255),)
    assert data.std == (pytest.approx(images.std() / 255),)
    coloured = open_data(f"idx:{tmp_path}")
    assert np.array_equal(np.asarray(coloured.train[7][0]), np.repeat(images[7][..., None], 3, 2))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-images-idx3-ubyte", None, "no train-images-idx3-ubyte here"),
        ("train-images-idx3-ubyte", b"", "not an IDX file of bytes in 3 dimensions"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((3, 2), np.uint8)), "not an IDX file"),
        ("t10k-images-idx3-ubyte", idx_bytes(np.zeros((3, 2, 2), np.uint8))[:-1], "damaged: 11 bytes where 3×2×2"),
        ("t10k-images-idx3-ubyte", idx_bytes(np.zeros((3, 2, 2), np.uint8)), "3 images, but .* has 60 labels"),
        ("train-labels-idx1-ubyte.gz", gzip.compress(b"abc", mtime=0)[:-4], "cannot be read"),
    ],
)
def test_damaged_files_of_idx(tmp_path, name, content, message):
    idx_folder(tmp_path)
    (tmp_path / name.removesuffix(".gz")).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_data(f"idx:{tmp_path}")


def test_images_of_the_splits_have_one_size(tmp_path):
    idx_folder(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((60, 12, 12), np.uint8)))
    with pytest.raises(DataError, match="differ in size: 12×10 and 12×12"):
        open_data(f"idx:{tmp_path}")


@pytest.mark.parametrize("small", [True, False])
def test_folders_become_grey(tmp_path, small):
    size = (16, 16) if small else (40, 30)
    for split in ("train", "val"):
        for number, name in enumerate(("a", "b")):
            (tmp_path / split / name).mkdir(parents=True)
            pixels = np.full((*size, 3), (200 * number, 100, 50), np.uint8)
            Image.fromarray(pixels).save(tmp_path / split / name / "0.png")
    data = open_data(f"imagefolder:{tmp_path}", channels=1)
    assert data.channels == 1
    image, _ = data.train[0]
    assert image.mode == "L"
    assert abs(np.asarray(image).mean() - (0.587 * 100 + 0.114 * 50)) <= 1
    prepared = evaluation_transform(data, Size(24, 8))(image)
    assert prepared.shape == (1, 24, 8)


@pytest.mark.parametrize("size", ["12x8", "16x40"])
def test_grey_digits_are_learned_at_any_size(tmp_path, size):
    result = train(GREY, tmp_path / "run", resolution=size, batch_size=32, epochs=4, lr=2, mixup=0, erasing=0)
    assert result.best["accuracy"] > 0.4
    weights = tmp_path / "run" / "best.safetensors"
    assert next(v.shape for v in load_file(weights).values() if v.dim() == 4) == (8, 1, 3, 3)
    again = evaluate(str(tmp_path / "run" / "architecture.yaml"), weights, resolution=size)
    assert again.top1 == result.best["accuracy"]


def test_a_network_gets_the_channels_that_it_is_told(tmp_path, tiny):
    train(tiny, tmp_path / "run", resolution=8, channels=1, batch_size=256, epochs=1)
    assert "in: 1" in (tmp_path / "run" / "architecture.yaml").read_text()
    assert "channels: 1" in (tmp_path / "run" / "config.yaml").read_text()
    assert make_network("timm:resnet10t", 10, 32, channels=1).conv1[0].in_channels == 1
    with pytest.raises(ArchitectureError, match="3 channels, not 1"):
        make_network("torchvision:resnet18", 10, 32, channels=1)
    with pytest.raises(DataError, match="the network takes 12 channels, but images have 3, or 1 if they are grey"):
        train("SuperConvK3BNRELU(12,8,2,1)", tmp_path / "other", resolution=8, epochs=1)


def test_an_exported_network_takes_grey_images_that_are_not_square(tmp_path):
    network = make_network(GREY, 10, Size(16, 12))
    result = export(network, tmp_path / "net.onnx", "16x12", dtype="int8", data="digits")
    assert result.accuracy is not None
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    assert session.get_inputs()[0].shape == [1, 1, 16, 12]


def test_batches_are_the_crops_of_single_images(tmp_path):
    """Without other augmentation both ways give crops of the padded image; the batches' are looked up in it."""
    idx_folder(tmp_path)
    size = Size(16, 40)
    data = open_data(f"idx:{tmp_path}", channels=1)
    config = train_config({"model": "m", "data": "idx:x", "erasing": 0, "flip": 0})
    pixels, above, left = data.train.resized(size), *crop_margins(size)
    assert (pixels.shape[1:], above, left) == ((16, 40, 1), 2, 5)
    batch = BatchAugment(config, data, size)(pixels[:20], 0, np.arange(20))
    padded = np.pad(pixels, ((0, 0), (2, 2), (5, 5), (0, 0)))[..., 0] / 255
    padded = (padded - data.mean[0]) / data.std[0]
    places = set()
    for image, whole in zip(batch[:, 0].numpy(), padded, strict=False):
        windows = np.lib.stride_tricks.sliding_window_view(whole, (16, 40))
        found = np.argwhere(np.abs(windows - image).max((2, 3)) < 1e-5)
        assert len(found) == 1
        places.add(tuple(found[0]))
    assert len(places) > 10
    with seeded(0, 0):
        single = train_transform(config, data, size)(data.train[0][0])
    assert single.shape == batch.shape[1:]


def test_photographs_cover_a_size_that_is_not_square(tmp_path):
    data = open_data("digits")
    whole = Image.fromarray(np.repeat(np.arange(120, dtype=np.uint8)[None], 60, 0)).convert("RGB")
    photographs = type(data)("imagefolder", [(whole, 0)], [(whole, 0)], ("a",), 224, data.mean, data.std)
    seen = evaluation_transform(photographs, Size(28, 28 * 4))(whole)
    # 120 wide: of 128 the middle 112.
    columns = seen[0, 0] * data.std[0] + data.mean[0]
    assert seen.shape == (3, 28, 112)
    assert torch.allclose(columns[[0, -1]] * 255, torch.tensor([7.5, 111.5]), atol=1.5)


def test_weights_of_other_channels_are_refused(tmp_path, tiny):
    train(GREY, tmp_path / "run", resolution=8, batch_size=256, epochs=1)
    with pytest.raises(Exception, match="8×1×3×3, not 8×3×3×3"):
        load_weights(make_network(tiny, 10, 8), tmp_path / "run" / "best.safetensors")
