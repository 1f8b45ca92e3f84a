"""MODEL as a network to train or to learn from: ours, one of timm's or torchvision's, or a user's own."""

import copy

import torch
from torch import Tensor, nn

from zennas.architecture.model import Architecture
from zennas.counting import native_resolution, smallest_resolution
from zennas.errors import ArchitectureError
from zennas.loading import from_factory, is_module_name, library_model, load, users_object
from zennas.nn import build
from zennas.optional_dependencies import require
from zennas.train.loader import WEIGHTS
from zennas.train.randomness import seeded


def make_network(model: str, num_classes: int, resolution: int, seed: int = 0) -> nn.Module:
    """A network with fresh weights drawn from `seed`.

    Args:
        model: a MODEL of this package, `timm:NAME`, `torchvision:NAME`, or `package.module:factory`, which is
            called with `num_classes` where it takes such an argument.
        num_classes: outputs of the classifier.
        resolution: side R of the images in pixels.
        seed: of the weights.

    Raises:
        ArchitectureError: it does not take images 3×R×R, or has another number of classes.
        UnknownNameError: no such model; the message has the nearest names.
    """
    library, _, name = model.partition(":")
    if is_module_name(model) and library not in ("timm", "torchvision"):
        # Imported before the seed is set, since a module may draw random numbers while it is imported.
        users_object(model)
    with seeded(seed, WEIGHTS):
        if library in ("timm", "torchvision"):
            if library == "timm":
                # The zoo's names are among timm's once this is imported.
                require("timm", "train", model)
                require("zennas.zoo.timm_models", "train", model)
            network: nn.Module = library_model(library, name, "train", num_classes=num_classes)
        elif is_module_name(model):
            network = _users(model, num_classes, resolution)
        else:
            network = _zennet(load(model), num_classes, resolution)
    return network


def _users(model: str, num_classes: int, resolution: int) -> nn.Module:
    made = from_factory(model, num_classes=num_classes)
    if isinstance(made, Architecture):
        return _zennet(made, num_classes, resolution)
    # The name may stand for a module that exists once; a second run must not find it trained.
    network = copy.deepcopy(made).eval()
    try:
        with torch.no_grad():
            shape = tuple(network(torch.zeros(2, 3, resolution, resolution)).shape)
    except (RuntimeError, ValueError, AttributeError) as error:
        raise ArchitectureError(
            f"{model} cannot take images 3×{resolution}×{resolution}: {str(error).splitlines()[0]}"
        ) from None
    if shape != (2, num_classes):
        raise ArchitectureError(
            f"{model} turns 2 images into {'×'.join(map(str, shape))}, but 2×{num_classes} is needed for {num_classes} "
            "classes; a factory that takes num_classes is given it"
        )
    return network.train()


def _zennet(architecture: Architecture, num_classes: int, resolution: int) -> nn.Module:
    if architecture.in_channels != 3:
        raise ArchitectureError(f"the network takes {architecture.in_channels} channels, but images have 3")
    if resolution < smallest_resolution(architecture):
        raise ArchitectureError(
            f"images of {resolution}×{resolution} are too small for the network's strides; "
            f"use --resolution {smallest_resolution(architecture)} or more"
        )
    return build(architecture, num_classes)


def usual_resolution(model: str, default: int) -> int:
    """The side a MODEL was designed for, or `default` where it does not say."""
    if is_module_name(model):
        return default
    architecture = load(model)
    return default if architecture.resolution is None else native_resolution(architecture, None)


def logits_and_stages(network: nn.Module, images: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Logits N×K and the last feature map of each resolution, from the largest, in one pass.

    Ours and timm's networks have a method for it; of any other, the maps that its modules return are listened to.

    Raises:
        ArchitectureError: none of its modules returns a feature map.
    """
    if hasattr(network, "forward_stages"):
        stages = network.forward_stages(images)
        return network.forward_head(stages[-1]), stages
    if hasattr(network, "forward_intermediates"):
        final, stages = network.forward_intermediates(images)
        return network.forward_head(final), stages
    last: dict[int, Tensor] = {}

    def listen(_module: nn.Module, _inputs: object, output: object) -> None:
        # What is 1×1 is pooled (a squeeze, or the classifier's input), not a map.
        if isinstance(output, Tensor) and output.dim() == 4 and output.shape[-1] > 1:
            last[output.shape[-1]] = output

    handles = [module.register_forward_hook(listen) for name, module in network.named_modules() if name]
    try:
        logits = network(images)
    finally:
        for handle in handles:
            handle.remove()
    if not last:
        raise ArchitectureError(f"{type(network).__name__} gives no stage features; use --distil-features 0")
    return logits, [last[side] for side in sorted(last, reverse=True)]


def stage_channels(network: nn.Module, resolution: int) -> list[int]:
    """Channels of each of the maps of `logits_and_stages`."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        _, stages = logits_and_stages(network, torch.zeros(1, 3, resolution, resolution))
    network.train(was_training)
    return [stage.shape[1] for stage in stages]
