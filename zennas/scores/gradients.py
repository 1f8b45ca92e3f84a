"""Proxies on real gradients of the whole network, residual links and gates included: gradnorm, synflow, zico, ntk.

They run on a copy with freshly drawn weights, on random images and labels unless `batches` are given.
"""

import copy
import math
from collections.abc import Iterable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zennas.architecture.model import Architecture
from zennas.errors import ScoreError
from zennas.input_size import Resolution, sides
from zennas.nn.build import build
from zennas.nn.main_path import REGULARISERS, name_of
from zennas.scores.network import Network, chain_of, class_count, in_channels
from zennas.scores.registry import ScoreSettings

Batch = tuple[Tensor, Tensor]
"""Images N×C×R×R and labels N."""
Initialisation = Literal["fan-in", "fan-out", "torch"]
"""Of convolutions and linear layers: He et al.'s normal distribution with the variance 2 / fan-in or 2 / fan-out and
biases of 0, or torch's own default, uniform within ±1/√fan-in, biases too (`kaiming_uniform_` with a = √5)."""


def fresh_module(
    network: Network,
    settings: ScoreSettings,
    generator: torch.Generator,
    initialisation: Initialisation = "fan-in",
) -> nn.Module:
    """The network as a module with freshly drawn weights and batch norms at identity.

    A user's module is copied; one without values (on the meta device) gets them here.

    Args:
        network: an architecture or a converted module.
        settings: device and classes.
        generator: what the weights are drawn from.
        initialisation: how.

    Raises:
        ScoreError: a parameter that is in no convolution, linear layer or batch norm.
    """
    if isinstance(network, Architecture):
        module: nn.Module = build(network, settings.num_classes)
    else:
        module = copy.deepcopy(network.module)
    if any(p.is_meta for p in (*module.parameters(), *module.buffers())):
        module = module.to_empty(device=settings.device)
        for part in module.modules():
            # timm's filters that are no weights; what is empty now would be blurred with.
            if (refill := getattr(part, "init_non_persistent_buffers", None)) is not None:
                refill()
    module = module.to(settings.device)
    known = 0
    for part in module.modules():
        weight = getattr(part, "weight", None)
        if isinstance(part, nn.Conv2d | nn.Linear):
            assert isinstance(weight, Tensor)
            _initialise(weight, part.bias, generator, initialisation)
            known += weight.numel() + (0 if part.bias is None else part.bias.numel())
        elif isinstance(part, nn.BatchNorm2d | nn.BatchNorm1d):
            part.reset_parameters()
            known += sum(p.numel() for p in part.parameters(recurse=False))
    total = sum(p.numel() for p in module.parameters())
    if known != total:
        raise ScoreError(f"{total - known} of {total} parameters are in no convolution, linear layer or batch norm")
    return module


def _initialise(
    weight: Tensor, bias: Tensor | None, generator: torch.Generator, initialisation: Initialisation
) -> None:
    fan_in = weight[0].numel()
    with torch.no_grad():
        if initialisation == "torch":
            for values in (weight, bias):
                if values is not None:
                    uniform = torch.rand(values.shape, generator=generator, device=generator.device)
                    values.copy_((2 * uniform - 1) / math.sqrt(fan_in))
            return
        # Torch counts the fan-out of grouped convolutions as if they had one group.
        fan = fan_in if initialisation == "fan-in" else len(weight) * weight[0, 0].numel()
        normal = torch.randn(weight.shape, generator=generator, device=generator.device)
        weight.copy_(normal * math.sqrt(2 / fan))
        if bias is not None:
            bias.zero_()


def random_batches(network: Network, resolution: Resolution, settings: ScoreSettings, count: int) -> list[Batch]:
    """`count` batches of N(0, 1) images and uniform labels, from the settings' seed alone.

    Args:
        network: an architecture or a converted module, for its input channels.
        resolution: size of the images.
        settings: seed, batch size, classes (at least 2) and device.
        count: how many batches.
    """
    generator = torch.Generator().manual_seed(settings.seed + 1)
    channels = in_channels(chain_of(network))
    classes = max(class_count(network, settings.num_classes), 2)
    batches = []
    for _ in range(count):
        images = torch.randn((settings.batch_size, channels, *sides(resolution)), generator=generator)
        labels = torch.randint(classes, (settings.batch_size,), generator=generator)
        batches.append((images.to(settings.device), labels.to(settings.device)))
    return batches


def train_without_chance(module: nn.Module) -> nn.Module:
    """The module in training mode, for the statistics of batch norms, but for what drops at random (dropout, stochastic
    depth), which stays off.

    Args:
        module: is changed and returned.
    """
    module.train()
    for part in module.modules():
        if name_of(type(part)) in REGULARISERS:
            part.eval()
    return module


def _weights(module: nn.Module) -> list[nn.Parameter]:
    """Weights of convolutions and linear layers, in order."""
    return [m.weight for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def _loss_gradients(module: nn.Module, batch: Batch) -> list[Tensor]:
    images, labels = batch
    logits = train_without_chance(module)(images)
    loss = F.cross_entropy(logits, labels % logits.shape[1])
    return list(torch.autograd.grad(loss, _weights(module)))


def gradnorm(module: nn.Module, batch: Batch) -> float:
    """Sum over layers of the Euclidean norm of the loss's gradient (Abdelfattah et al. 2021, Section 3)."""
    return math.fsum(gradient.double().norm().item() for gradient in _loss_gradients(module, batch))


def synflow(module: nn.Module, shape: Sequence[int]) -> float:
    """ln Σ |θ · ∂R/∂θ| with weights |θ| and an input of ones, R the sum of the outputs (Tanaka et al. 2020).

    Batch norms stand at their initial running statistics, so that every layer passes on what it gets. In float64 on a
    copy; the logarithm keeps the order and the sums of deep networks within range.

    Args:
        module: any network; it is copied.
        shape: of the input, N×C×H×W.

    Raises:
        ScoreError: the flow vanishes or overflows.
    """
    module = copy.deepcopy(module).double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.abs_()
    ones = torch.ones(tuple(shape), dtype=torch.float64, device=next(module.parameters()).device)
    weights = _weights(module)
    gradients = torch.autograd.grad(module(ones).sum(), weights)
    flow = math.fsum((w * g).abs().sum().item() for w, g in zip(weights, gradients, strict=True))
    if not 0 < flow < math.inf:
        raise ScoreError(f"the synaptic flow is {flow}: it vanished or overflowed on its way")
    return math.log(flow)


def zico_of_gradients(layers: Iterable[Tensor]) -> float:
    """Σ over layers of ln Σ_ω E|g_ω| / √Var|g_ω| (Li et al. 2023, ZiCo, equation 15).

    Args:
        layers: one tensor batches×weights of gradients a layer.

    Raises:
        ScoreError: fewer than two batches, or a layer whose gradients do not vary.
    """
    total = 0.0
    for number, gradients in enumerate(layers, start=1):
        if len(gradients) < 2:
            raise ScoreError("zico needs the gradients of two batches or more")
        sizes = gradients.double().abs()
        deviation = sizes.std(0, unbiased=False)
        varying = deviation > 0
        if not varying.any():
            raise ScoreError(f"zico: the gradients of layer {number} are the same in every batch")
        total += math.log((sizes.mean(0)[varying] / deviation[varying]).sum().item())
    return total


def zico(module: nn.Module, batches: Sequence[Batch]) -> float:
    """ZiCo of a module over batches."""
    of_batches = [_loss_gradients(module, batch) for batch in batches]
    return zico_of_gradients(torch.stack([g.flatten() for g in layer]) for layer in zip(*of_batches, strict=True))


def ntk_condition(module: nn.Module, images: Tensor) -> float:
    """Condition number λ_max / λ_min of the neural tangent kernel (Chen et al. 2021, TE-NAS, Section 3.1.1).

    The kernel is the Gram matrix of the gradients of each image's summed logits, batch norms in training mode. θ is
    what the authors' code takes for it: the weights of convolutions and linear layers and the scale γ of batch norms,
    but no bias and no shift β.

    Args:
        module: with the weights at which the kernel is wanted.
        images: N×C×R×R, at least 2; each costs a backward pass.

    Raises:
        ScoreError: the kernel is singular within the rounding of float32, in which the gradients come.
    """
    train_without_chance(module)
    scales = [m.weight for m in module.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d) and m.affine]
    weights = [*_weights(module), *scales]
    sums = module(images).sum(1)
    rows = []
    for value in sums:
        gradients = torch.autograd.grad(value, weights, retain_graph=True)
        rows.append(torch.cat([g.flatten() for g in gradients]))
    jacobian = torch.stack(rows).double()
    eigenvalues = torch.linalg.eigvalsh(jacobian @ jacobian.T)
    least, most = eigenvalues[0].item(), eigenvalues[-1].item()
    # Below the rounding of float32 gradients nothing is an eigenvalue, though the kernel itself is summed in float64.
    if not math.isfinite(most) or least <= most * torch.finfo(torch.float32).eps:
        raise ScoreError(f"the tangent kernel is singular: eigenvalues from {least:.3g} to {most:.3g}")
    return float(most / least)
