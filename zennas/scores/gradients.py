"""Proxies on real gradients of the whole network, residual links and gates included: gradnorm, synflow, zico, ntk.

They run on a copy with freshly drawn weights, on random images and labels unless `batches` are given.
"""

import copy
import math
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zennas.architecture.model import Architecture
from zennas.errors import ScoreError
from zennas.nn.build import build
from zennas.scores.network import Network, chain_of, class_count, in_channels
from zennas.scores.registry import ScoreSettings

Batch = tuple[Tensor, Tensor]
"""Images N×C×R×R and labels N."""


def fresh_module(network: Network, settings: ScoreSettings, generator: torch.Generator) -> nn.Module:
    """The network as a module with weights from He et al.'s initialisation and batch norms at identity.

    A user's module is copied; one without values (on the meta device) gets them here.
    """
    if isinstance(network, Architecture):
        module: nn.Module = build(network, settings.num_classes)
    else:
        module = copy.deepcopy(network.module)
    if any(p.is_meta for p in (*module.parameters(), *module.buffers())):
        module = module.to_empty(device=settings.device)
    module = module.to(settings.device)
    known = 0
    for part in module.modules():
        weight = getattr(part, "weight", None)
        if isinstance(part, nn.Conv2d | nn.Linear):
            assert isinstance(weight, Tensor)
            fan_in = weight[0].numel()
            with torch.no_grad():
                values = torch.randn(weight.shape, generator=generator, device=generator.device)
                weight.copy_(values * math.sqrt(2 / fan_in))
                if part.bias is not None:
                    part.bias.zero_()
            known += weight.numel() + (0 if part.bias is None else part.bias.numel())
        elif isinstance(part, nn.BatchNorm2d | nn.BatchNorm1d):
            part.reset_parameters()
            known += sum(p.numel() for p in part.parameters(recurse=False))
    total = sum(p.numel() for p in module.parameters())
    if known != total:
        raise ScoreError(f"{total - known} of {total} parameters are in no convolution, linear layer or batch norm")
    return module


def random_batches(network: Network, resolution: int, settings: ScoreSettings, count: int) -> list[Batch]:
    """`count` batches of N(0, 1) images and uniform labels, from the settings' seed alone."""
    generator = torch.Generator().manual_seed(settings.seed + 1)
    channels = in_channels(chain_of(network))
    classes = max(class_count(network, settings.num_classes), 2)
    batches = []
    for _ in range(count):
        images = torch.randn((settings.batch_size, channels, resolution, resolution), generator=generator)
        labels = torch.randint(classes, (settings.batch_size,), generator=generator)
        batches.append((images.to(settings.device), labels.to(settings.device)))
    return batches


def _weights(module: nn.Module) -> list[nn.Parameter]:
    """Weights of convolutions and linear layers, in order."""
    return [m.weight for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def _loss_gradients(module: nn.Module, batch: Batch) -> list[Tensor]:
    images, labels = batch
    module.train()
    logits = module(images)
    loss = F.cross_entropy(logits, labels % logits.shape[1])
    return list(torch.autograd.grad(loss, _weights(module)))


def gradnorm(module: nn.Module, batch: Batch) -> float:
    """Sum over layers of the Euclidean norm of the loss's gradient (Abdelfattah et al. 2021, Section 3)."""
    return math.fsum(gradient.double().norm().item() for gradient in _loss_gradients(module, batch))


def synflow(module: nn.Module, shape: Sequence[int]) -> float:
    """ln Σ |θ · ∂R/∂θ| with weights |θ| and an input of ones, R the sum of the outputs (Tanaka et al. 2020).

    Batch norms stand at their initial running statistics, so that every layer passes on what it gets. In float64 on a
    copy; the logarithm keeps the order and the sums of deep networks within range.

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
    """Σ over layers of ln Σ_ω E|g_ω| / √Var|g_ω| (Li et al. 2023, ZiCo, equation 13).

    Args:
        layers: one tensor batches×weights of gradients a layer.

    Raises:
        ScoreError: fewer than two batches, or a layer whose gradients do not vary.
    """
    total = 0.0
    for number, gradients in enumerate(layers, start=1):
        if len(gradients) < 2:
            raise ScoreError("zico needs the gradients of two batches or more; give --repeats 2")
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
    """Condition number λ_max / λ_min of the neural tangent kernel (Chen et al. 2021, TE-NAS, Section 3.1).

    The kernel is the Gram matrix of the gradients of each image's summed logits, batch norms in training mode.

    Raises:
        ScoreError: the kernel is singular in double precision.
    """
    module.train()
    weights = _weights(module)
    sums = module(images).sum(1)
    rows = []
    for value in sums:
        gradients = torch.autograd.grad(value, weights, retain_graph=True)
        rows.append(torch.cat([g.flatten() for g in gradients]))
    jacobian = torch.stack(rows).double()
    eigenvalues = torch.linalg.eigvalsh(jacobian @ jacobian.T)
    least, most = eigenvalues[0].item(), eigenvalues[-1].item()
    # The gradients are float32: what is smaller than their rounding is no eigenvalue.
    if not math.isfinite(most) or least <= most * torch.finfo(torch.float32).eps:
        raise ScoreError(f"the tangent kernel is singular: eigenvalues from {least:.3g} to {most:.3g}")
    return float(most / least)
