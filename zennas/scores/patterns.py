"""Proxies on the pattern of active ReLUs: naswot and linear regions."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from zennas.errors import ScoreError

LINE_POINTS = 16


@contextmanager
def _recorded(module: nn.Module) -> Iterator[list[Tensor]]:
    """The signs N×units of every ReLU's input, in order, as the module runs."""
    relus = [m for m in module.modules() if isinstance(m, nn.ReLU | nn.ReLU6)]
    if not relus:
        raise ScoreError("the module has no nn.ReLU whose pattern could be read")
    codes: list[Tensor] = []
    # Before the ReLU runs: it may overwrite its input.
    handles = [r.register_forward_pre_hook(lambda _, inputs: codes.append((inputs[0] > 0).flatten(1))) for r in relus]
    try:
        with torch.no_grad():
            yield codes
    finally:
        for handle in handles:
            handle.remove()


def naswot(module: nn.Module, images: Tensor) -> float:
    """ln |det K|, K_ij the number of ReLUs that images i and j switch alike (Mellor et al. 2021, equation 2).

    Raises:
        ScoreError: two images switch all ReLUs alike: the kernel is singular.
    """
    module.train()
    kernel = torch.zeros((len(images), len(images)), dtype=torch.float64, device=images.device)
    with _recorded(module) as codes:
        module(images)
    for code in codes:
        on = code.float()
        kernel += (on @ on.T + (1 - on) @ (1 - on).T).double()
    sign, log_det = torch.linalg.slogdet(kernel)
    if sign <= 0 or not math.isfinite(log_det.item()):
        raise ScoreError("the naswot kernel is singular: images switch the ReLUs alike")
    return float(log_det.item())


def linear_regions(module: nn.Module, ends: Tensor, points: int = LINE_POINTS) -> float:
    """ln of the mean number of linear regions that a straight line between two images crosses.

    TE-NAS (Chen et al. 2021, Section 3.2) counts the distinct patterns of random images, which for any network of
    practical width is the number of images. Along a line every ReLU that switches between neighbouring points is a
    border of regions, and their number does not saturate. Batch norms stand at their statistics of the line's ends.

    Args:
        ends: 2·n images; image i is joined with image n + i.
    """
    module.train()
    with torch.no_grad():
        module(ends)  # batch norms of one momentum step are enough to put the ReLUs' inputs around zero
    module.eval()
    starts, stops = ends.chunk(2)
    borders = 0
    for start, stop in zip(starts, stops, strict=True):
        t = torch.linspace(0, 1, points, device=ends.device).view(-1, 1, 1, 1)
        with _recorded(module) as codes:
            module(torch.lerp(start[None], stop[None], t))
        borders += sum(int((code[1:] != code[:-1]).sum()) for code in codes)
    return math.log(1 + borders / len(starts))
