"""The paper's augmentation: crop, resize, flip, lighting, AutoAugment and random erasing for an image, mix-up for a
batch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zennas.input_size import Resolution, sides
from zennas.optional_dependencies import require
from zennas.train.config import TrainConfig
from zennas.train.datasets import LUMA, ImageData

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


def principal_colours(channels: int) -> Tensor:
    """`PRINCIPAL_COLOURS`, or for grey images what they do to the brightness, 1 × components."""
    return PRINCIPAL_COLOURS if channels == 3 else torch.tensor([LUMA]) @ PRINCIPAL_COLOURS


class Lighting:
    """Adds noise along the principal colours to an image C×H×W in [0, 1]."""

    def __init__(self, std: float, channels: int) -> None:
        self._std = std
        self._colours = principal_colours(channels)

    def __call__(self, image: Tensor) -> Tensor:
        noise = torch.randn(3) * self._std
        return image + (self._colours @ noise)[:, None, None]


def crop_margins(resolution: Resolution) -> tuple[int, int]:
    """Pixels of the black margin that small images are cropped out of: above and below, left and right."""
    height, width = sides(resolution)
    return max(1, height // 8), max(1, width // 8)


def auto_augment(data: ImageData) -> Any:
    """torchvision's AutoAugment with the policy of ImageNet or CIFAR. Raises `MissingExtraError`."""
    transforms = require("torchvision.transforms", "train", "augmentation")
    policy = transforms.AutoAugmentPolicy
    return transforms.AutoAugment(policy.IMAGENET if data.photographs else policy.CIFAR10)


def train_transform(config: TrainConfig, data: ImageData, resolution: Resolution) -> Transform:
    """PIL image → augmented, normalised C×H×W. Draws from the global generators: call it inside `seeded`.

    Args:
        config: has the strength of each augmentation.
        data: the data set, whose kind, mean and standard deviation the transform follows.
        resolution: size of the output.

    Raises:
        MissingExtraError: torchvision or timm is not installed.
    """
    transforms = require("torchvision.transforms", "train", "augmentation")
    erasing = require("timm.data.random_erasing", "train", "random erasing").RandomErasing
    steps: list[Any] = []
    size = sides(resolution)
    if data.photographs:
        steps.append(transforms.RandomResizedCrop(size))
    else:
        # One number keeps the shape of an image that is not square; a square is cropped out of it.
        steps.append(transforms.Resize(resolution if isinstance(resolution, int) else size))
        above, left = crop_margins(resolution)
        steps.append(transforms.RandomCrop(size, padding=(left, above)))
    if config.flip:
        steps.append(transforms.RandomHorizontalFlip(config.flip))
    if config.auto_augment:
        steps.append(auto_augment(data))
    steps.append(transforms.ToTensor())
    if config.lighting:
        steps.append(Lighting(config.lighting, data.channels))
    steps.append(transforms.Normalize(data.mean, data.std))
    if config.erasing:
        steps.append(erasing(config.erasing, *ERASED_SHARE, *ERASED_ASPECT, mode="pixel", device="cpu"))
    composed: Transform = transforms.Compose(steps)
    return composed


def evaluation_transform(data: ImageData, resolution: Resolution) -> Transform:
    """PIL image → normalised C×H×W, without chance: the central 7/8 of photographs, all of small images."""
    transforms = require("torchvision.transforms", "train", "preparing images")
    size = sides(resolution)
    if not data.photographs:
        steps = [transforms.Resize(size)]
    elif isinstance(resolution, int):
        steps = [transforms.Resize(round(resolution * 8 / 7)), transforms.CenterCrop(resolution)]
    else:
        # With `longest` 0 an image covers the size, whichever of its sides is the longer one.
        cover = require("timm.data.transforms", "train", "preparing images").ResizeKeepRatio
        steps = [cover([round(side * 8 / 7) for side in size], longest=0.0), transforms.CenterCrop(size)]
    composed: Transform = transforms.Compose([*steps, transforms.ToTensor(), transforms.Normalize(data.mean, data.std)])
    return composed


def batch_mixer(config: TrainConfig, num_classes: int) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(images N×C×H×W, classes N) → (mixed images, targets N×K): timm's mix-up, and label smoothing.

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
