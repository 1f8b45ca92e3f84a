"""The Zen-score by Monte Carlo (Algorithm 1), and the Φ-score (Definition 1).

No module is built. The chain runs functionally in channels-last order, two passes in one batch, with the weights of
a layer drawn when it is reached, so that memory is one layer's activations and weights.
"""

import math
import time
from contextlib import AbstractContextManager, nullcontext
from functools import singledispatch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zennas.architecture.model import Architecture
from zennas.blocks.chain import Chain, architecture_chain, convolutions
from zennas.blocks.layers import Convolution, Layer
from zennas.counting import native_resolution, smallest_resolution
from zennas.errors import ScoreError
from zennas.input_size import GivenResolution, Resolution, read_resolution, sides
from zennas.nn.build import layer_module
from zennas.nn.convert import convert
from zennas.nn.device import checked_device
from zennas.optional_dependencies import installed
from zennas.scores.batch_norm import normalise
from zennas.scores.result import Score, check_counts, score_from_repeats

ALPHA = 0.01
NORM_EPS = 1e-5


def zen_score(
    network: Architecture | Chain | nn.Module,
    resolution: GivenResolution | None = None,
    *,
    batch_size: int = 64,
    repeats: int = 4,
    seed: int = 0,
    first_repeat: int = 0,
    alpha: float = ALPHA,
    p: float = 1,
    device: str | torch.device = "cpu",
) -> Score:
    """The Zen-score: log Δ + Σ log σ̄, of random N(0, 1) weights and inputs (Algorithm 1).

    Δ is the mean over images of ‖f(x) − f(x + αε)‖_p of the pre-GAP features f, and σ̄² of a batch norm is the
    mini-batch variance of its input averaged over channels. Computed in float32, summed as logarithms.

    Args:
        network: an architecture, a chain of convolutions, or any module that can be made a VCN-network.
        resolution: size of the input: the side of a square, `"320x192"` or (height, width); by default the
            architecture's own.
        batch_size: images of a repeat, at least 2.
        repeats: independent draws of weights and images.
        seed: of everything random; repeat r draws from `seed` and r alone.
        first_repeat: number of the first repeat, 0 by default: with 4, the repeats are those after four others.
        alpha: size of the perturbation relative to the input; the paper's 0.01 by default.
        p: of the norm of the difference; 1 by default.
        device: where torch computes; `cpu` by default.

    Raises:
        ScoreError: a convolution without batch norm, or numerically meaningless values.
        ArchitectureError: a resolution too small for the strides.
        DeviceError: torch cannot use the device.
    """
    chain, size = _chain_and_resolution(network, resolution)
    check_counts(batch_size, repeats)
    checked_device(str(device))
    if not all(convolution.norm for convolution in convolutions(chain)):
        raise ScoreError("the Zen-score needs a batch norm after every convolution; one of this chain has none")
    started = time.perf_counter()
    values, contributions = [], [0.0] * len(convolutions(chain))
    for repeat in range(first_repeat, first_repeat + repeats):
        log_delta, log_sigmas = _one_repeat(chain, size, batch_size, repeat_generator(seed, repeat, device), alpha, p)
        values.append(log_delta + math.fsum(log_sigmas))
        contributions = [total + value / repeats for total, value in zip(contributions, log_sigmas, strict=True)]
    return score_from_repeats("zen", values, time.perf_counter() - started, contributions)


def phi_score(
    network: Architecture | Chain | nn.Module,
    resolution: GivenResolution | None = None,
    *,
    batch_size: int = 64,
    repeats: int = 4,
    seed: int = 0,
    alpha: float = ALPHA,
    p: float = 1,
    keep_norm: bool = False,
    rescale: bool = True,
    device: str | torch.device = "cpu",
) -> Score:
    """The logarithm of the Φ-score, ‖F(ε + αε') − F(ε)‖_p, of the chain without its batch norms (Definition 1).

    Args:
        network: as for `zen_score`.
        resolution: size of the input in pixels: its side, or height and width; by default the architecture's own.
        batch_size: images of a repeat, at least 2.
        repeats: independent draws of weights and images.
        seed: of everything random; repeat r draws from `seed` and r alone.
        alpha: size of the perturbation relative to the input; the paper's 0.01 by default.
        p: of the norm of the difference; 1 by default.
        keep_norm: leave the batch norms in: the collapsing variant of Figure 1 (b) and (e).
        rescale: divide activations by their size after each layer and add its logarithm back, which ReLU's
            homogeneity allows; without it deep chains overflow float32, as the paper notes.
        device: where torch computes; `cpu` by default.

    Raises:
        ScoreError: without `rescale`, when float32 overflows.
        DeviceError: torch cannot use the device.
    """
    chain, size = _chain_and_resolution(network, resolution)
    check_counts(batch_size, repeats)
    checked_device(str(device))
    started = time.perf_counter()
    values = []
    for repeat in range(repeats):
        generator = repeat_generator(seed, repeat, device)
        x = _perturbed_pair(chain, size, batch_size, generator, alpha)
        log_scale = 0.0
        with torch.inference_mode():
            for layer in chain:
                x = random_layer(layer, x, generator)
                for convolution in layer.convolutions:
                    if keep_norm:
                        x, _ = _normalised_pair(x, convolution)
                        continue
                    if rescale:
                        scale = x.std()
                        x /= scale
                        log_scale += scale.log().item()
                    x = x.relu_() if convolution.activation else x
            values.append(_log_delta(x, p) + log_scale)
    return score_from_repeats("phi", values, time.perf_counter() - started)


def repeat_generator(seed: int, repeat: int, device: str | torch.device) -> torch.Generator:
    """The generator of one repeat: it depends on `seed` and `repeat` alone.

    Args:
        seed: of a score.
        repeat: its number, from 0.
        device: where the generator draws.
    """
    import numpy as np

    state = np.random.SeedSequence([seed, repeat]).generate_state(1, np.uint64)[0]
    return torch.Generator(device=device).manual_seed(int(state) >> 1)


def _chain_and_resolution(
    network: Architecture | Chain | nn.Module, resolution: GivenResolution | None
) -> tuple[Chain, Resolution]:
    if not isinstance(network, Architecture):
        if resolution is None:
            raise ScoreError("only an architecture has a resolution of its own; give one, e.g. resolution=224")
        if isinstance(network, nn.Module):
            converted = convert(network, resolution)
            return converted.chain, converted.resolution
        return tuple(network), read_resolution(resolution)
    size = native_resolution(network, resolution)
    smallest = smallest_resolution(network)
    if min(sides(size)) < smallest:
        raise ScoreError(f"resolution {size} is too small for the strides; use {smallest} or more")
    return architecture_chain(network), size


def _one_repeat(
    chain: Chain, resolution: Resolution, batch_size: int, generator: torch.Generator, alpha: float, p: float
) -> tuple[float, list[float]]:
    log_sigmas: list[Tensor] = []
    with torch.inference_mode():
        x = _perturbed_pair(chain, resolution, batch_size, generator, alpha)
        for layer in chain:
            x = random_layer(layer, x, generator)
            for convolution in layer.convolutions:
                x, variance = _normalised_pair(x, convolution)
                log_sigmas.append(0.5 * variance.mean().log())
        return _log_delta(x, p), torch.stack(log_sigmas).tolist()


def _perturbed_pair(
    chain: Chain, resolution: Resolution, batch_size: int, generator: torch.Generator, alpha: float
) -> Tensor:
    shape = (batch_size, *sides(resolution), chain[0].in_channels)
    x = torch.randn(shape, generator=generator, device=generator.device)
    noise = torch.randn(shape, generator=generator, device=generator.device)
    return torch.cat([x, x + alpha * noise]).permute(0, 3, 1, 2)


@singledispatch
def random_layer(layer: Layer, x: Tensor, generator: torch.Generator) -> Tensor:
    """What a layer makes of N×C×H×W, without its norm and activation; a layer without weights is its module.

    Args:
        layer: of a chain. A kind of layer that has weights registers how they are drawn, by its class.
        x: images on the generator's device.
        generator: N(0, 1) weights are drawn from it.

    Raises:
        ScoreError: the layer has weights, and nothing is registered for its kind.
    """
    if layer.convolutions:
        raise ScoreError(f"the Zen-score does not know the layer {type(layer).__name__}")
    result: Tensor = layer_module(layer)(x)
    return result


@random_layer.register
def _random_convolution(layer: Convolution, x: Tensor, generator: torch.Generator) -> Tensor:
    k = layer.kernel
    shape = (layer.out_channels, k, k, layer.in_channels // layer.groups)
    weight = torch.randn(shape, generator=generator, device=generator.device).permute(0, 3, 1, 2)
    with in_float32(x):
        return F.conv2d(x, weight, None, layer.stride, (k - 1) // 2, groups=layer.groups)


def in_float32(x: Tensor) -> AbstractContextManager[None]:
    """Convolutions inside are computed in float32, in which the score is defined: TF32 would cost three digits of every
    variance.

    Args:
        x: what is convolved, on its device.
    """
    if not x.is_cuda:
        return nullcontext()
    # What is not named here is set to torch's default for this call, which leaves cuDNN out.
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    return flags


def _normalised_pair(x: Tensor, layer: Convolution) -> tuple[Tensor, Tensor]:
    """Batch norm in training mode of each half of a batch, and ReLU where the layer has one; with it the mini-batch
    variance of each channel of the first half. `x` may be overwritten."""
    in_rows = x.permute(0, 2, 3, 1)
    if x.is_cpu and in_rows.is_contiguous() and installed("numba"):
        halves = in_rows.reshape(2, -1, layer.out_channels)
        variances = torch.empty(2, layer.out_channels, dtype=torch.float64)
        for half, variance in zip(halves.numpy(), variances.numpy(), strict=True):
            normalise(half, layer.activation is not None, NORM_EPS, variance)
        return x, variances[0]
    y = torch.empty_like(x)
    unbiased = torch.ones(2, layer.out_channels, device=x.device)
    for half, place, variance in zip(x.chunk(2), y.chunk(2), unbiased, strict=True):
        mean = torch.zeros_like(variance)
        place.copy_(F.batch_norm(half, mean, variance, training=True, momentum=1.0, eps=NORM_EPS))
    count = x.numel() // 2 // layer.out_channels
    return (y.relu_() if layer.activation is not None else y), unbiased[0] * ((count - 1) / count)


def _log_delta(x: Tensor, p: float) -> float:
    clean, perturbed = x.chunk(2)
    difference = (clean - perturbed).flatten(1)
    norms = torch.linalg.vector_norm(difference, ord=p, dim=1, dtype=torch.float64)
    delta = norms.mean().item()
    return math.log(delta) if 0 < delta < math.inf else math.nan
