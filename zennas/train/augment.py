"""The paper's augmentation: crop, resize, flip, lighting, AutoAugment and random erasing for an image, mix-up for a
batch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zennas.optional_dependencies import require
from zennas.train.config import TrainConfig
from zennas.train.datasets import ImageData

# Principal colours of ImageNet's pixels: eigenvalues, and eigenvectors in columns (Krizhevsky et al., 2012,
# section 4.1).
_EIGENVALUES = (0.2175, 0.0188, 0.0045)
_EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))

PRINCIPAL_COLOURS = torch.tensor(_EIGENVECTORS) * torch.tensor(_EIGENVALUES)
"""Channels × components: standard normal noise times it is a shift along the principal colours."""

# Random erasing: the rectangle's share of the image, its height over its width, and how many rectangles are tried.
ERASED_SHARE = (0.02, 1 / 3)
ERASED_ASPECT = (0.3, 1 / 0.3)
ERASING_ATTEMPTS = 10  # timm's own, which it has no argument for

Transform = Callable[[Any], Tensor]


class Lighting:
    """Adds noise along the principal colours to an image 3×H×W in [0, 1]."""

    def __init__(self, std: float) -> None:
        self._std = std
        self._colours = PRINCIPAL_COLOURS

    def __call__(self, image: Tensor) -> Tensor:
        noise = torch.randn(3) * self._std
        return image + (self._colours @ noise)[:, None, None]


def crop_margin(resolution: int) -> int:
    """Width in pixels of the black margin that small images are cropped out of."""
    return max(1, resolution // 8)


def auto_augment(data: ImageData) -> Any:
    """torchvision's AutoAugment with the policy of ImageNet or CIFAR. Raises `MissingExtraError`."""
    transforms = require("torchvision.transforms", "train", "augmentation")
    policy = transforms.AutoAugmentPolicy
    return transforms.AutoAugment(policy.IMAGENET if data.photographs else policy.CIFAR10)


def train_transform(config: TrainConfig, data: ImageData, resolution: int) -> Transform:
    """PIL image → augmented, normalised 3×R×R. Draws from the global generators: call it inside `seeded`.

    Args:
        config: has the strength of each augmentation.
        data: the data set, whose kind, mean and standard deviation the transform follows.
        resolution: side R of the square output in pixels.

    Raises:
        MissingExtraError: torchvision or timm is not installed.
    """
    transforms = require("torchvision.transforms", "train", "augmentation")
    erasing = require("timm.data.random_erasing", "train", "random erasing").RandomErasing
    steps: list[Any] = []
    if data.photographs:
        steps.append(transforms.RandomResizedCrop(resolution))
    else:
        steps.append(transforms.Resize(resolution))
        steps.append(transforms.RandomCrop(resolution, padding=crop_margin(resolution)))
    if config.flip:
        steps.append(transforms.RandomHorizontalFlip(config.flip))
    if config.auto_augment:
        steps.append(auto_augment(data))
    steps.append(transforms.ToTensor())
    if config.lighting:
        steps.append(Lighting(config.lighting))
    steps.append(transforms.Normalize(data.mean, data.std))
    if config.erasing:
        steps.append(erasing(config.erasing, *ERASED_SHARE, *ERASED_ASPECT, mode="pixel", device="cpu"))
    composed: Transform = transforms.Compose(steps)
    return composed


def evaluation_transform(data: ImageData, resolution: int) -> Transform:
    """PIL image → normalised 3×R×R, without chance: the central 7/8 of photographs, all of small images."""
    transforms = require("torchvision.transforms", "train", "preparing images")
    if data.photographs:
        steps = [transforms.Resize(round(resolution * 8 / 7)), transforms.CenterCrop(resolution)]
    else:
        steps = [transforms.Resize((resolution, resolution))]
    composed: Transform = transforms.Compose([*steps, transforms.ToTensor(), transforms.Normalize(data.mean, data.std)])
    return composed


def batch_mixer(config: TrainConfig, num_classes: int) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(images N×3×R×R, classes N) → (mixed images, targets N×K): timm's mix-up, and label smoothing.

    Draws from numpy's global generator: call it inside `seeded`. Images are mixed with the batch in reverse order.
    """
    mixup = require("timm.data.mixup", "train", "mix-up")
    mixer = mixup.Mixup(config.mixup or 1.0, label_smoothing=config.label_smoothing, num_classes=num_classes)

    def mix(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if not config.mixup or len(labels) < 2:
            return images, mixup.mixup_target(labels, num_classes, smoothing=config.label_smoothing)
        # timm mixes pairs; where unreadable images made the batch odd, one more is left out.
        even = len(labels) - len(labels) % 2
        mixed: tuple[Tensor, Tensor] = mixer(images[:even], labels[:even])
        return mixed

    return mix
