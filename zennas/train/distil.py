"""Distillation: a student learns from a frozen teacher's class probabilities and stage features."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zennas.input_size import Resolution
from zennas.train.networks import logits_and_stages, make_network, stage_channels
from zennas.train.weights import load_weights


class Student(nn.Module):
    """A network, and the 1×1 projections that bring its last stages to the channels of the teacher's.

    Attributes:
        network: what is trained for; the projections are dropped after training.
    """

    def __init__(self, network: nn.Module, own: list[int], teachers: list[int], generator: torch.Generator) -> None:
        super().__init__()
        self.network = network
        pairs = list(zip(reversed(own), reversed(teachers), strict=False))[::-1]
        self.projections = nn.ModuleList(nn.Conv2d(mine, theirs, 1) for mine, theirs in pairs)
        for projection in self.projections:
            nn.init.kaiming_normal_(projection.weight, mode="fan_out", generator=generator)
            nn.init.zeros_(projection.bias)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits N×K, and the projected maps of the last stages, from the largest."""
        if not self.projections:
            return self.network(images), []
        logits, stages = logits_and_stages(self.network, images)
        last = stages[-len(self.projections) :]
        return logits, [projection(stage) for projection, stage in zip(self.projections, last, strict=True)]


def make_student(network: nn.Module, teacher: nn.Module, features: bool, resolution: Resolution, seed: int) -> Student:
    """Pair the last stages of student and teacher, as many as both have.

    Args:
        network: the network that is trained.
        teacher: the trained network.
        features: whether feature maps are compared; without it no stages are paired.
        resolution: side of the images in pixels.
        seed: of the layers that bring the student's maps to the teacher's channels.

    Raises:
        ArchitectureError: a network gives no feature maps.
    """
    generator = torch.Generator().manual_seed(seed)
    if not features:
        return Student(network, [], [], generator)
    return Student(network, stage_channels(network, resolution), stage_channels(teacher, resolution), generator)


def load_teacher(model: str, weights: Path, num_classes: int, resolution: Resolution, channels: int) -> nn.Module:
    """A teacher in evaluation mode with frozen weights.

    Args:
        model: a MODEL, as `make_network` takes it.
        weights: file of its trained weights.
        num_classes: outputs of its classifier.
        resolution: size of the images.
        channels: of the images.

    Raises:
        ZennasError: as `make_network` and `load_weights`.
    """
    teacher = make_network(model, num_classes, resolution, channels=channels)
    load_weights(teacher, weights)
    return teacher.eval().requires_grad_(False)


def logit_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of softened class probabilities, times T² (Hinton et al. 2015, Section 2).

    Args:
        student: logits N×K.
        teacher: logits N×K.
        temperature: T, which divides both; above 0.

    Returns:
        The mean over the N images.
    """
    return temperature**2 * F.kl_div(
        F.log_softmax(student / temperature, 1),
        F.log_softmax(teacher / temperature, 1),
        reduction="batchmean",
        log_target=True,
    )


def feature_loss(projected: list[Tensor], stages: list[Tensor]) -> Tensor:
    """Mean over stages of the squared distance of maps, relative to the teacher's mean square.

    Where two maps differ in size, the larger is averaged down to the smaller.
    """
    losses = []
    for own, theirs in zip(projected, stages[-len(projected) :], strict=True):
        size = [min(a, b) for a, b in zip(own.shape[-2:], theirs.shape[-2:], strict=True)]
        own, theirs = (F.adaptive_avg_pool2d(maps.float(), size) for maps in (own, theirs))
        losses.append(F.mse_loss(own, theirs) / theirs.square().mean().clamp_min(1e-12))
    return torch.stack(losses).mean()
