"""Proxies on the pattern of active ReLUs: naswot and linear regions."""

import copy
import math

import torch
from torch import Tensor, nn

from zennas.errors import ScoreError
from zennas.scores.gradients import train_without_chance
from zennas.scores.switches import switches

LINE_POINTS = 16
_BatchNorm = nn.modules.batchnorm._BatchNorm


def naswot(module: nn.Module, images: Tensor, activations: int = 1) -> float:
    """ln |det K|, K_ij the number of ReLUs that images i and j switch alike (Mellor et al. 2021, equation 2).

    Args:
        module: any network whose activations are ReLU or of its kind; it is copied. Batch norms use the statistics of
            `images`.
        images: N×C×R×R.
        activations: how many the network is known to have at least.

    Raises:
        ScoreError: two images switch all ReLUs alike, so that the kernel is singular, or an activation without a
            pattern of on and off.
    """
    module = train_without_chance(copy.deepcopy(module))
    kernel = torch.zeros((len(images), len(images)), dtype=torch.float64, device=images.device)
    for code in switches(module, images, activations):
        on = code.float()
        kernel += (on @ on.T + (1 - on) @ (1 - on).T).double()
    sign, log_det = torch.linalg.slogdet(kernel)
    if sign <= 0 or not math.isfinite(log_det.item()):
        raise ScoreError("the naswot kernel is singular: images switch the ReLUs alike")
    return float(log_det.item())


def linear_regions(module: nn.Module, ends: Tensor, points: int = LINE_POINTS, activations: int = 1) -> float:
    """ln of the mean number of linear regions that a straight line between two images crosses.

    TE-NAS (Chen et al. 2021, Section 3.1.2) counts the distinct patterns of random images, which for any network of
    practical width is the number of images. Along a line every ReLU that switches between neighbouring points is a
    border of regions, and their number does not saturate. This count is this project's own. Batch norms stand at the
    statistics of the lines' ends, see `at_statistics_of`.

    Args:
        module: any network whose activations are ReLU or of its kind; it is copied.
        ends: 2·n images N×C×R×R; image i is joined with image n + i.
        points: evenly spaced points of a line, its ends included.
        activations: how many the network is known to have at least.

    Raises:
        ScoreError: an activation without a pattern of on and off.
    """
    module = at_statistics_of(module, ends)
    starts, stops = ends.chunk(2)
    borders = 0
    for start, stop in zip(starts, stops, strict=True):
        t = torch.linspace(0, 1, points, device=ends.device).view(-1, 1, 1, 1)
        codes = switches(module, torch.lerp(start[None], stop[None], t), activations)
        borders += sum(int((code[1:] != code[:-1]).sum()) for code in codes)
    return math.log(1 + borders / len(starts))


def at_statistics_of(module: nn.Module, images: Tensor) -> nn.Module:
    """A copy in evaluation mode whose batch norms stand exactly at the mean and variance of what `images` give them.

    The variance is that of the batch itself (divided by N), with which batch norm normalises in training: on `images`
    the copy computes what the module computes in training mode. Torch's running variance would be N / (N − 1) as large.

    Args:
        module: stays as it is.
        images: one batch N×C×R×R.
    """
    module = copy.deepcopy(module).eval()

    def stand(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        (x,) = inputs
        others = [dimension for dimension in range(x.dim()) if dimension != 1]
        norm.running_var, norm.running_mean = torch.var_mean(x, others, correction=0)

    handles = [part.register_forward_pre_hook(stand) for part in module.modules() if isinstance(part, _BatchNorm)]
    with torch.no_grad():
        module(images)
    for handle in handles:
        handle.remove()
    return module
