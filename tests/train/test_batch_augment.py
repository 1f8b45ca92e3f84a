"""The augmentation of whole batches against torchvision's and timm's of single images."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import ks_2samp

from zennas.input_size import size_of
from zennas.train.augment import evaluation_transform, train_transform
from zennas.train.batch_augment import BatchAugment, BatchPrepare, draw
from zennas.train.config import train_config
from zennas.train.datasets import ImageData, open_data
from zennas.train.images import ByteImages, KeptImages
from zennas.train.loader import PreparedBatches, PreparedImages, batch_loader
from zennas.train.loop import prepared_for_training
from zennas.train.randomness import seeded

COUNT, SIDE = 3000, 16
MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.5)
# Of a correct pair one in a thousand samples is as far apart; the seeds are fixed.
UNLIKELY = 1e-3


def settings(**given):
    off = {"mixup": 0, "erasing": 0, "lighting": 0, "flip": 0, "auto_augment": False}
    return train_config({"model": "m", "data": "cifar10:x", **off, **given})


def copies(image, count=COUNT):
    images = ByteImages(np.repeat(image[None], count, 0), [0] * count)
    return ImageData("cifar10", images, images, ("a", "b"), SIDE, MEAN, STD)


def both_ways(config, image):
    """Batches and single images, N×3×R×R each, of as many copies of one image."""
    data = copies(image)
    indices = np.arange(COUNT)
    batch = BatchAugment(config, data, SIDE)(data.train.resized(SIDE), 0, indices)
    transform = train_transform(config, data, SIDE)
    single = []
    for number in range(COUNT):
        with seeded(11, number):
            single.append(transform(Image.fromarray(image)))
    return batch, torch.stack(single)


def point():
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[8, 5] = 255
    return image


def grey():
    return np.full((SIDE, SIDE, 3), 128, np.uint8)


def test_crops_and_mirrors_have_the_distribution_of_single_images():
    config = settings(flip=0.3)
    places = [images[:, 0].flatten(1).argmax(1).numpy() for images in both_ways(config, point())]
    counts = [np.bincount(p, minlength=SIDE * SIDE) for p in places]
    assert set(np.flatnonzero(counts[0])) == set(np.flatnonzero(counts[1]))
    # Offsets ±2 in both directions, on either side of the mirror.
    assert len(np.flatnonzero(counts[0])) == 50
    shares = [0.7 / 25, 0.3 / 25]
    straight = counts[0].reshape(SIDE, SIDE)[6:11, 3:8]
    mirrored = counts[0].reshape(SIDE, SIDE)[6:11, 8:13]
    for seen, share in zip((straight, mirrored), shares, strict=True):
        assert abs(seen - COUNT * share).max() < 4 * np.sqrt(COUNT * share)


def test_the_same_draws_give_the_same_pixels():
    """A crop out of a black margin, mirrored, and normalised: what is drawn applied by hand."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, SIDE, SIDE, 3), dtype=np.uint8)
    images = ByteImages(pixels, range(20))
    data = ImageData("cifar10", images, images, ("a", "b"), SIDE, MEAN, STD)
    config = settings(flip=0.5, lighting=0.2)
    augment = BatchAugment(config, data, SIDE)
    found = augment(pixels[[4, 9]], 3, np.array([4, 9]))
    drawn = augment._draws(3)
    for image, index in zip(found, (4, 9), strict=True):
        top, left = drawn.offsets[index]
        expected = np.pad(pixels[index], ((2, 2), (2, 2), (0, 0)))[top : top + SIDE, left : left + SIDE]
        if drawn.mirrored[index]:
            expected = expected[:, ::-1]
        expected = (expected / 255 + drawn.shifts[index] - np.array(MEAN)) / np.array(STD)
        assert np.allclose(image.permute(1, 2, 0), expected, atol=1e-5)


def test_erased_rectangles_have_the_distribution_of_single_images():
    config = settings(erasing=0.6)
    # A white image: the black margin of a crop is not taken for a rectangle in its middle.
    plain = (torch.full((3,), 128 / 255) - torch.tensor(MEAN)) / torch.tensor(STD)
    measures = []
    for images in both_ways(config, grey()):
        changed = (images[:, 0, 2:-2, 2:-2] - plain[0]).abs() > 1e-4
        area = changed.flatten(1).sum(1).numpy()
        rows, columns = (changed.any(axis).float() for axis in (2, 1))
        noise = images[:, 0, 2:-2, 2:-2][changed].numpy()
        measures.append((area > 0, area[area > 0], rows.sum(1).numpy(), columns.argmax(1).numpy(), noise))
    (some, *batch), (others, *single) = measures
    assert abs(some.mean() - others.mean()) < 4 * np.sqrt(2 * 0.25 / COUNT)
    for one, other in zip(batch, single, strict=True):
        # Rectangles beside each other have independent noise, so thousands of pixels are as good as a few.
        assert ks_2samp(one[:20000], other[:20000]).pvalue > UNLIKELY


@pytest.mark.parametrize("size", [(8, 8), (8, 20)])
def test_rectangles_lie_within_the_image_and_are_smaller(size):
    drawn = draw(settings(erasing=1), 5000, size_of(*size), 3, np.random.default_rng(1)).boxes
    assert (drawn[:, :2] >= 0).all()
    assert (drawn[:, :2] + drawn[:, 2:] <= size).all()
    assert drawn[:, 2].max() == size[0] - 1
    assert (drawn[:, 2:] < size).all()
    ends = (drawn[:, :2] + drawn[:, 2:] == size).any(1)
    assert ends.any(), "a rectangle may touch the last row or column"


def test_lighting_has_the_distribution_of_single_images():
    batch, single = both_ways(settings(lighting=0.2), grey())
    for channel in range(3):
        one, other = (images[:, channel, 8, 8].numpy() for images in (batch, single))
        assert ks_2samp(one, other).pvalue > UNLIKELY
    covariances = [np.cov(images[:, :, 8, 8].T.numpy()) for images in (batch, single)]
    assert np.allclose(*covariances, atol=0.1 * np.abs(covariances[1]).max())


def test_auto_augment_changes_each_image_by_its_own_draw():
    config = settings(auto_augment=True)
    image = np.random.default_rng(2).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    data = copies(image, 300)
    before = torch.get_rng_state()
    found = BatchAugment(config, data, SIDE)(data.train.resized(SIDE), 0, np.arange(300))
    assert torch.equal(before, torch.get_rng_state())
    transform = train_transform(config, data, SIDE)
    single = []
    for number in range(300):
        with seeded(3, number):
            single.append(transform(Image.fromarray(image)))
    means = [images.mean((1, 2, 3)).numpy() for images in (found, torch.stack(single))]
    assert len(np.unique(means[0])) > 50
    assert ks_2samp(*means).pvalue > UNLIKELY


def test_an_image_is_the_same_in_any_batch_and_another_in_another_epoch():
    data = open_data("digits")
    config = train_config({"model": "m", "erasing": 1, "lighting": 0.1, "flip": 0.5, "auto_augment": True})
    device = torch.device("cpu")

    def images(epoch, batches, workers=0):
        prepared = prepared_for_training(config, data, 16)
        assert isinstance(prepared, PreparedBatches)
        loader = batch_loader(prepared, [[(epoch, i) for i in batch] for batch in batches], workers, device)
        return torch.cat([batch.images for batch in loader])

    whole = images(1, [[5, 900, 17, 3]])
    assert torch.equal(whole, images(1, [[5], [900, 17], [3]], workers=1))
    assert not torch.equal(whole, images(2, [[5, 900, 17, 3]]))
    other = prepared_for_training(config.model_copy(update={"seed": 1}), data, 16)
    assert not torch.equal(whole, other.__getitems__([(1, i) for i in (5, 900, 17, 3)]).images)


@pytest.mark.parametrize("side", [8, 12])
def test_batches_without_chance_equal_single_images(side):
    data = open_data("digits")
    batch = PreparedBatches(data.test, side, BatchPrepare(data)).__getitems__([(0, 3), (0, 200)])
    single = PreparedImages(data.test, evaluation_transform(data, side), 0)
    for image, label, index in zip(batch.images, batch.labels, (3, 200), strict=True):
        expected, own = single[0, index]
        assert torch.equal(image, expected)
        assert int(label) == own


def test_images_that_would_fill_memory_are_not_kept(monkeypatch):
    images = ByteImages(np.zeros((10, 8, 8, 3), np.uint8), range(10))
    monkeypatch.setattr("zennas.train.images.MOST_BYTES", 10 * 16 * 16 * 3)
    assert images.fits(16)
    assert not images.fits(17)
    data = ImageData("cifar10", images, images, ("a", "b"), 8, MEAN, STD)
    assert isinstance(prepared_for_training(settings(), data, 17), PreparedImages)
    assert not ByteImages(np.zeros((10, 8, 9, 3), np.uint8), range(10)).fits(8)


def test_images_of_a_folder_are_decoded_once_while_there_is_room():
    class Folder:
        def __init__(self):
            self.read = []

        def __len__(self):
            return 3

        def __getitem__(self, index):
            self.read.append(index)
            if index == 2:
                raise OSError("broken")
            return Image.fromarray(np.full((4, 5, 3), 7 + index, np.uint8)), index

    folder = Folder()
    kept = KeptImages(folder, 4 * 5 * 3)
    for _ in range(3):
        for index in (0, 1):
            image, label = kept[index]
            assert label == index
            assert np.asarray(image).tolist() == np.full((4, 5, 3), 7 + index).tolist()
        with pytest.raises(OSError, match="broken"):
            kept[2]
    assert folder.read.count(0) == 1, "the first one fills the room"
    assert folder.read.count(1) == folder.read.count(2) == 3
