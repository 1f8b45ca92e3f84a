"""Which images calibrate an export and judge it."""

import pytest
import torch

from zennas.errors import ExportError
from zennas.export import export
from zennas.export.fold import fold_batch_norms
from zennas.export.images import ExportImages
from zennas.train.augment import evaluation_transform
from zennas.train.datasets import open_data


@pytest.fixture(scope="module")
def digits():
    return open_data("digits")


def test_calibration_takes_training_images_from_the_whole_split(digits):
    batches = list(ExportImages("digits", 8).calibration(32))
    assert [len(batch) for batch in batches] == [32] * 8
    transform, count = evaluation_transform(digits, 8), len(digits.train)
    expected = [transform(digits.train[index * count // 256][0]) for index in range(256)]
    assert torch.equal(torch.cat(batches), torch.stack(expected))


@pytest.mark.parametrize("right", [0, 100, 333, 360])
def test_accuracy_is_over_all_test_images(digits, right):
    labels = torch.tensor([digits.test[index][1] for index in range(len(digits.test))])
    logits = torch.nn.functional.one_hot(labels, 10).float()
    logits[right:] *= -1
    rows = iter(logits)
    accuracy = ExportImages("digits", 8).accuracy(lambda images: torch.stack([next(rows) for _ in images]))
    assert accuracy == pytest.approx(right / 360)


def test_one_wrong_logit_is_a_wrong_export(tmp_path, monkeypatch):
    import zennas

    def broken(network):
        folded = fold_batch_norms(network)
        folded.classifier.bias.data[3] += 0.01
        return folded

    monkeypatch.setattr("zennas.export.fold.fold_batch_norms", broken)
    network = zennas.build(zennas.load("SuperConvK3BNRELU(3,8,2,1)"), 10).eval()
    with pytest.raises(ExportError, match=r"differs from torch's by 0\.01"):
        export(network, tmp_path / "n.pt2", 8, format="torch-export", fold=True)
