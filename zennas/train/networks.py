"""MODEL as a network to train or to learn from: ours, or one of timm's or torchvision's."""

import torch
from torch import Tensor, nn

from zennas.counting import native_resolution, smallest_resolution
from zennas.errors import ArchitectureError, ZennasError
from zennas.extras import require, unknown
from zennas.loading import load
from zennas.nn import build
from zennas.train.loader import WEIGHTS
from zennas.train.randomness import seeded


def make_network(model: str, num_classes: int, resolution: int, seed: int = 0) -> nn.Module:
    """A network with fresh weights drawn from `seed`.

    Args:
        model: a MODEL of this package, `timm:NAME` or `torchvision:NAME`.

    Raises:
        ArchitectureError: it does not take images 3×R×R.
        UnknownNameError: no such model; the message has the nearest names.
    """
    library, _, name = model.partition(":")
    with seeded(seed, WEIGHTS):
        if library == "timm":
            timm = require("timm", "train", model)
            require("zennas.zoo.timm_models", "train", model)
            if not timm.is_model(name):
                raise unknown("timm model", name, timm.list_models())
            network: nn.Module = timm.create_model(name, num_classes=num_classes)
        elif library == "torchvision":
            models = require("torchvision.models", "train", model)
            if name not in models.list_models(models):
                raise unknown("torchvision model", name, models.list_models(models))
            network = models.get_model(name, weights=None, num_classes=num_classes)
        else:
            network = _zennet(model, num_classes, resolution)
    return network


def _zennet(model: str, num_classes: int, resolution: int) -> nn.Module:
    architecture = load(model)
    if architecture.in_channels != 3:
        raise ArchitectureError(f"the network takes {architecture.in_channels} channels, but images have 3")
    if resolution < smallest_resolution(architecture):
        raise ArchitectureError(
            f"images of {resolution}×{resolution} are too small for the network's strides; "
            f"use --resolution {smallest_resolution(architecture)} or more"
        )
    return build(architecture, num_classes)


def checked_device(name: str) -> torch.device:
    """The device of a name. Raises `ZennasError` where torch has none such here."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ZennasError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}; use cpu") from None
    return device


def usual_resolution(model: str, default: int) -> int:
    """The side a MODEL was designed for, or `default` where it does not say."""
    if model.startswith(("timm:", "torchvision:")):
        return default
    architecture = load(model)
    return default if architecture.resolution is None else native_resolution(architecture, None)


def logits_and_stages(network: nn.Module, images: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Logits N×K and the last feature map of each resolution, from the largest, in one pass.

    Raises:
        ArchitectureError: the network gives no feature maps (ours and timm's do).
    """
    if hasattr(network, "forward_stages"):
        stages = network.forward_stages(images)
        return network.forward_head(stages[-1]), stages
    if hasattr(network, "forward_intermediates"):
        final, stages = network.forward_intermediates(images)
        return network.forward_head(final), stages
    raise ArchitectureError(f"{type(network).__name__} gives no stage features; use --distil-features 0")


def stage_channels(network: nn.Module, resolution: int) -> list[int]:
    """Channels of each of the maps of `logits_and_stages`."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        _, stages = logits_and_stages(network, torch.zeros(1, 3, resolution, resolution))
    network.train(was_training)
    return [stage.shape[1] for stage in stages]
