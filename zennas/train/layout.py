"""The order in which feature maps lie in memory: channels first (contiguous) or channels last."""

import torch
from torch import nn

from zennas.input_size import Resolution, sides
from zennas.layouts import CHANNELS_LAST, CONTIGUOUS, Layout
from zennas.nn.build import ZenNet
from zennas.nn.inputs import input_channels

MEMORY_FORMATS = {CHANNELS_LAST: torch.channels_last, CONTIGUOUS: torch.contiguous_format}


def faster_layout(network: nn.Module, device: torch.device, precision: str, resolution: Resolution) -> Layout:
    """The layout in which a network is the faster one to train, by a rule, so that it is the same every time.

    Channels last for networks with convolutions: on a CPU, where oneDNN computes them (measured in
    docs/benchmarks-training.md), and on CUDA in mixed precision, where tensor cores want that order. A network that
    cannot take such images (its code may view a map as a vector) stays contiguous.

    Args:
        network: is left as it is; one that is not ours is tried on two black images.
        device: where it is to be trained; the network may still be on the CPU.
        precision: `fp32`, `fp16` or `bf16`.
        resolution: side of the images in pixels.
    """
    fast = torch.backends.mkldnn.is_available() if device.type == "cpu" else precision != "fp32"
    if device.type not in ("cpu", "cuda") or not fast:
        return CONTIGUOUS
    if not any(isinstance(module, nn.Conv2d) for module in network.modules()):
        return CONTIGUOUS
    return CHANNELS_LAST if isinstance(network, ZenNet) or _takes_it(network, resolution) else CONTIGUOUS


def _takes_it(network: nn.Module, resolution: Resolution) -> bool:
    place = next(network.parameters()).device
    images = torch.zeros(2, input_channels(network), *sides(resolution), device=place)
    images = images.contiguous(memory_format=torch.channels_last)
    was_training = network.training
    try:
        with torch.no_grad():
            # The weights stay as they are: images alone bring their order into every map.
            network.eval()(images)
    except RuntimeError:
        return False
    finally:
        network.train(was_training)
    return True
