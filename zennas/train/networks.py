"""MODEL as a network to train or to learn from: ours, one of timm's or torchvision's, or a user's own."""

import copy
import math

import torch
from torch import Tensor, nn

from zennas.architecture.model import Architecture
from zennas.counting import native_resolution, smallest_resolution
from zennas.counting.count import DEFAULT_CLASSES
from zennas.errors import ArchitectureError, first_line
from zennas.input_size import Resolution, shown, sides
from zennas.loading import channels_offered, from_factory, is_module_name, library_model, load, users_object
from zennas.nn import build
from zennas.nn.inputs import COLOURS, input_channels
from zennas.optional_dependencies import require
from zennas.train.randomness import WEIGHTS, seeded


def make_network(
    model: str, num_classes: int, resolution: Resolution, seed: int = 0, channels: int | None = None
) -> nn.Module:
    """A network with fresh weights drawn from `seed`.

    Args:
        model: a MODEL of this package, `timm:NAME`, `torchvision:NAME`, or `package.module:factory`, which is
            called with `num_classes` where it takes such an argument.
        num_classes: outputs of the classifier; whoever is not told by data asks `own_classes`.
        resolution: size of the images.
        seed: of the weights.
        channels: of the images; by default those that the model has, 3 where it does not say. timm's models are made
            for any number, and a user's factory is called with `in_channels`, where it takes such an argument and they
            are not 3.

    Raises:
        ArchitectureError: it does not take such images, or has another number of classes.
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
            made = library_model(library, name, "train", channels, num_classes=num_classes)
            network = _tried(made, model, num_classes, resolution, channels)
        elif is_module_name(model):
            network = _users(model, num_classes, resolution, channels)
        else:
            network = _zennet(load(model).with_channels(channels), num_classes, resolution)
    return network


def _users(model: str, num_classes: int, resolution: Resolution, channels: int | None) -> nn.Module:
    made = from_factory(model, num_classes=num_classes, **channels_offered(None if channels == COLOURS else channels))
    if isinstance(made, Architecture):
        return _zennet(made.with_channels(channels), num_classes, resolution)
    # The name may stand for a module that exists once; a second run must not find it trained.
    return _tried(copy.deepcopy(made), model, num_classes, resolution, channels)


def check_learns(network: nn.Module, model: str, resolution: Resolution) -> None:
    """Refuse a network that gives more than logits while it is trained, as those with further classifiers do.

    Args:
        network: with fresh weights; it is left as it is.
        model: its name, for the message.
        resolution: size of the images.

    Raises:
        ArchitectureError: it does.
    """
    # On a copy: a pass in training mode moves the statistics of batch norms.
    copied = copy.deepcopy(network).train()
    with torch.no_grad(), seeded(0):
        logits = copied(torch.zeros(2, input_channels(network), *sides(resolution)))
    if not isinstance(logits, Tensor):
        raise ArchitectureError(f"{model} gives a {type(logits).__name__} while it is trained; logits are needed")


def _tried(network: nn.Module, model: str, num_classes: int, resolution: Resolution, channels: int | None) -> nn.Module:
    """A network that takes such images and gives logits. Raises `ArchitectureError` for another one."""
    try:
        with torch.no_grad():
            images = torch.zeros(2, channels or COLOURS, *sides(resolution))
            shape = tuple(network.eval()(images).shape)
    except (RuntimeError, ValueError, AttributeError, AssertionError) as error:
        raise ArchitectureError(
            f"{model} cannot take images {channels or COLOURS}×{shown(resolution)}: {first_line(error)}"
        ) from None
    if shape != (2, num_classes):
        raise ArchitectureError(
            f"{model} turns 2 images into {'×'.join(map(str, shape))}, but 2×{num_classes} is needed for {num_classes} "
            "classes; a factory that takes num_classes is given it"
        )
    return network.train()


def _zennet(architecture: Architecture, num_classes: int, resolution: Resolution) -> nn.Module:
    if min(sides(resolution)) < smallest_resolution(architecture):
        raise ArchitectureError(
            f"images of {shown(resolution)} are too small for the network's strides; "
            f"use --resolution {smallest_resolution(architecture)} or more"
        )
    return build(architecture, num_classes)


def own_classes(model: str) -> int | None:
    """The number of classes that a MODEL was designed with.

    Args:
        model: as `make_network` takes it.

    Returns:
        `None` where it does not say: a library's model or a user's module is made for any number.

    Raises:
        ZennasError: no such model, or an unreadable file.
    """
    if not is_module_name(model):
        return load(model).num_classes
    if model.partition(":")[0] in ("timm", "torchvision"):
        return None
    made = from_factory(model, num_classes=DEFAULT_CLASSES)
    return made.num_classes if isinstance(made, Architecture) else None


def own_channels(model: str) -> int:
    """The channels of the images that a MODEL was designed for: an architecture's own, else 3.

    Args:
        model: as `make_network` takes it.

    Raises:
        ZennasError: no such model, or an unreadable file.
    """
    return COLOURS if is_module_name(model) else load(model).in_channels


def usual_resolution(model: str, default: Resolution) -> Resolution:
    """The size of the images that a MODEL was designed for.

    Args:
        model: as `make_network` takes it.
        default: what is returned where it does not say.
    """
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
    last: dict[tuple[int, int], Tensor] = {}

    def listen(_module: nn.Module, _inputs: object, output: object) -> None:
        # What is 1×1 is pooled (a squeeze, or the classifier's input), not a map.
        if isinstance(output, Tensor) and output.dim() == 4 and max(output.shape[-2:]) > 1:
            last[output.shape[-2], output.shape[-1]] = output

    handles = [module.register_forward_hook(listen) for name, module in network.named_modules() if name]
    try:
        logits = network(images)
    finally:
        for handle in handles:
            handle.remove()
    if not last:
        raise ArchitectureError(f"{type(network).__name__} gives no stage features; use --distil-features 0")
    return logits, [last[size] for size in sorted(last, key=math.prod, reverse=True)]


def stage_channels(network: nn.Module, resolution: Resolution) -> list[int]:
    """Channels of each of the maps of `logits_and_stages`."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        _, stages = logits_and_stages(network, torch.zeros(1, input_channels(network), *sides(resolution)))
    network.train(was_training)
    return [stage.shape[1] for stage in stages]
