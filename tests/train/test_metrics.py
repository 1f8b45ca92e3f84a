"""Top-1, top-5, loss and confusion against scikit-learn's, on random logits."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, top_k_accuracy_score
from torch import nn

from zennas.train.datasets import ImageData
from zennas.train.evaluation import Evaluation, evaluate_network, write_confusion
from zennas.train.loader import bad_images


class Numbered:
    """Images whose colour is their number."""

    def __init__(self, labels):
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return Image.new("RGB", (2, 2), (index // 256, index % 256, 0)), int(self.labels[index])


class Table(nn.Module):
    """Looks the logits of an image up by its number."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, images):
        colours = (images[:, :, 0, 0] * 255).round().long()
        return self.logits[colours[:, 0] * 256 + colours[:, 1]]


def evaluated(logits, labels, batch_size=37, rank=0, processes=1):
    count = logits.shape[1]
    images = Numbered(labels)
    data = ImageData("cifar10", images, images, tuple(f"c{i}" for i in range(count)), 2, (0, 0, 0), (1, 1, 1))
    network, device = Table(torch.tensor(logits, dtype=torch.float32)), torch.device("cpu")
    return evaluate_network(network, data, 2, batch_size, device, 0, bad_images("stop"), rank, processes)


@pytest.mark.parametrize("classes", [3, 5, 6, 12])
def test_metrics_are_those_of_scikit_learn(classes):
    rng = np.random.default_rng(classes)
    labels, logits = rng.integers(classes, size=500), rng.normal(0, 2, (500, classes))
    logits[np.arange(500), labels] += 0.7
    result = evaluated(logits, labels)
    every = np.arange(classes)
    assert result.images == 500
    assert result.top1 == pytest.approx(accuracy_score(labels, logits.argmax(1)))
    five = top_k_accuracy_score(labels, logits, k=5, labels=every) if classes > 5 else 1.0
    assert result.top5 == pytest.approx(five)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert result.loss == pytest.approx(log_loss(labels, probabilities, labels=every), rel=1e-5)
    assert np.array_equal(result.confusion, confusion_matrix(labels, logits.argmax(1), labels=every))


def test_processes_share_the_images_and_their_sums_add_up():
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(8, size=101), rng.normal(size=(101, 8))
    whole = evaluated(logits, labels)
    parts = [evaluated(logits, labels, 10, rank, 3) for rank in range(3)]
    assert sum(part.images for part in parts) == 101
    assert sum(part.top5 * part.images for part in parts) == pytest.approx(whole.top5 * 101)
    assert np.array_equal(sum(np.array(part.confusion) for part in parts), whole.confusion)


def test_names_of_classes_are_no_formulas(tmp_path):
    names = ("=1+1", "-x", "dog, cat")
    result = Evaluation(1.0, 1.0, 0.0, 3, 1.0, ((1, 0, 0), (0, 1, 0), (0, 0, 1)), names)
    write_confusion(result, tmp_path / "c.csv")
    rows = list(csv.reader((tmp_path / "c.csv").open()))
    assert rows[0] == ["true \\ predicted", "'=1+1", "'-x", "dog, cat"]
    assert rows[2] == ["'-x", "0", "1", "0"]
