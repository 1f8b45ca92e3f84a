"""Learning the three models from measurements. Needs torch; the trees need scikit-learn."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zennas.blocks.layers import TimedLayer
from zennas.latency.convolutions import ConvolutionModel, feature_matrix
from zennas.latency.layers import kinds_of, network_layers
from zennas.latency.perceptron import DEPTH, Perceptron, encode
from zennas.latency.records import Corrected
from zennas.latency.trees import Trees, total_features
from zennas.optional_dependencies import require

STEPS = 4000
FEWEST_STEPS = 1000
STEPS_A_NETWORK = 20
"""Few networks are learned by heart in many steps: fewer than `STEPS` where there are fewer than 200."""
HIDDEN = 48
PERCEPTRON_WIDTH = 64
PERCEPTRON_STEPS = 1500
TELL_STEPS = 50
LAYER_WEIGHT = 0.3
_HUBER = 0.1
_TREES = {"n_estimators": 400, "max_depth": 4, "learning_rate": 0.05, "subsample": 0.7, "min_samples_leaf": 3}


Told = Callable[[float], None]
"""Told from time to time which share of the learning is done."""


def learn_convolutions(
    measured: Corrected, numbers: Sequence[int], seed: int = 0, told: Told | None = None
) -> ConvolutionModel:
    """Learn the time of layers from those measured alone and from the networks that they add up to.

    A layer alone finds its input in the cache and pays for one call, so that each kind of layer has a learned factor
    between alone and in a network.

    Args:
        measured: networks and layers, corrected for drift.
        numbers: of the networks to learn from.
        seed: of the weights.
        told: which share of it is done.
    """
    header = measured.header
    resolution, classes = header.setting.resolution, header.num_classes
    networks = [dict(network_layers(measured.networks[n], resolution, classes)) for n in numbers]
    layers = list(dict.fromkeys([*(layer for network in networks for layer in network), *measured.layers]))
    index = {layer: i for i, layer in enumerate(layers)}
    kinds = kinds_of(layers)
    features = feature_matrix(layers, kinds)
    mean, scale = features.mean(0), features.std(0)
    scale[scale < 1e-6] = 1.0
    x = _tensor((features - mean) / scale)
    alone = torch.tensor([index[layer] for layer in measured.layers], dtype=torch.long)
    alone_kind = torch.tensor([kinds.index(layer.kind) for layer in measured.layers], dtype=torch.long)
    alone_log = _tensor(np.log(np.array(list(measured.layers.values()))))
    target = _tensor(np.log([measured.latency(n) for n in numbers]))
    owner, member, count = _memberships(networks, index)
    layer_count = torch.zeros(len(networks)).index_add_(0, owner, count).log()

    generator = torch.Generator().manual_seed(seed)
    net = _mlp([x.shape[1], HIDDEN, HIDDEN, 1], generator)
    start = float(target.mean() - layer_count.mean())
    correction = nn.Parameter(torch.zeros(3))
    factor = nn.Parameter(torch.zeros(len(kinds)))
    parameters = [*net.parameters(), correction, factor]
    sum_mean = float(target.mean())
    huber = nn.HuberLoss(delta=_HUBER)

    def loss_now() -> Tensor:
        log_seconds = net(x)[:, 0] + start
        total = torch.zeros(len(networks)).index_add_(0, owner, count * log_seconds[member].exp()).log()
        c0, c1, c2 = correction
        predicted = total + c0 + c1 * (total - sum_mean) + c2 * (layer_count - layer_count.mean())
        loss: Tensor = huber(predicted, target)
        if len(alone):
            loss = loss + LAYER_WEIGHT * huber(log_seconds[alone] + factor[alone_kind], alone_log)
        return loss

    steps = min(STEPS, max(FEWEST_STEPS, STEPS_A_NETWORK * len(numbers)))
    _minimise(loss_now, torch.optim.Adam(parameters, lr=1e-2), steps, told)
    weights, biases = _arrays(net)
    weights[0] = weights[0] / scale[:, None]
    biases[0] = biases[0] - mean @ weights[0]
    biases[-1] = biases[-1] + start
    c0, c1, c2 = correction.tolist()
    shift = c0 - c1 * sum_mean - c2 * float(layer_count.mean())
    return ConvolutionModel(weights, biases, (shift, c1, c2), resolution, classes, kinds)


def _minimise(loss_now: Callable[[], Tensor], optimiser: torch.optim.Optimizer, steps: int, told: Told | None) -> None:
    rate = optimiser.param_groups[0]["lr"]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for step in range(steps):
        if told is not None and step % TELL_STEPS == 0:
            told(step / steps)
        loss = loss_now()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def _memberships(
    networks: Sequence[dict[TimedLayer, int]], index: dict[TimedLayer, int]
) -> tuple[Tensor, Tensor, Tensor]:
    triples = [(i, index[layer], count) for i, network in enumerate(networks) for layer, count in network.items()]
    owner, member, count = zip(*triples, strict=True)
    return torch.tensor(owner), torch.tensor(member), torch.tensor(count, dtype=torch.float32)


def learn_perceptron(
    measured: Corrected, numbers: Sequence[int], seed: int = 0, told: Told | None = None
) -> Perceptron:
    """Learn the paper's 10-layer perceptron (Section 5.3).

    Args:
        measured: networks, corrected for drift.
        numbers: of the networks to learn from.
        seed: of the weights.
        told: which share of it is done.
    """
    resolution = measured.header.setting.resolution
    networks = [measured.networks[n] for n in numbers]
    blocks = sorted({block.block for network in networks for block in network})
    rows = np.array([encode(network, resolution, blocks) for network in networks])
    mean, scale = rows.mean(0), rows.std(0)
    scale[scale < 1e-6] = 1.0
    target = np.log([measured.latency(n) for n in numbers])
    level, spread = float(target.mean()), float(max(target.std(), 1e-6))
    x, y = _tensor((rows - mean) / scale), _tensor((target - level) / spread)
    net = _mlp([x.shape[1], *[PERCEPTRON_WIDTH] * (DEPTH - 1), 1], torch.Generator().manual_seed(seed))
    huber = nn.HuberLoss(delta=_HUBER)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    _minimise(lambda: huber(net(x)[:, 0], y), optimiser, PERCEPTRON_STEPS, told)
    weights, biases = _arrays(net)
    weights[0] = weights[0] / scale[:, None]
    biases[0] = biases[0] - mean @ weights[0]
    weights[-1] = weights[-1] * spread
    biases[-1] = biases[-1] * spread + level
    return Perceptron(blocks, weights, biases, resolution)


def learn_trees(measured: Corrected, numbers: Sequence[int], seed: int = 0, told: Told | None = None) -> Trees:
    """Learn gradient-boosted trees.

    Args:
        measured: networks, corrected for drift.
        numbers: of the networks to learn from.
        seed: of the rows that each tree sees.
        told: nothing: they grow within a second.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    ensemble = require("sklearn.ensemble", "latency", "the boosted trees")
    resolution, classes = measured.header.setting.resolution, measured.header.num_classes
    kinds = kinds_of(layer for n in numbers for layer, _ in network_layers(measured.networks[n], resolution, classes))
    rows = np.array([total_features(measured.networks[n], resolution, classes, kinds) for n in numbers])
    target = np.log([measured.latency(n) for n in numbers])
    level = float(target.mean())
    grown = ensemble.GradientBoostingRegressor(init="zero", random_state=seed, **_TREES).fit(rows, target - level)
    roots, parts, offset = [], [], 0
    for (regressor,) in grown.estimators_:
        tree = regressor.tree_
        nodes = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        roots.append(offset)
        parts.append(
            np.array(
                [
                    np.where(leaf, 0, tree.feature),
                    np.where(leaf, 0.0, tree.threshold),
                    offset + np.where(leaf, nodes, tree.children_left),
                    offset + np.where(leaf, nodes, tree.children_right),
                    np.where(leaf, grown.learning_rate * tree.value[:, 0, 0], 0.0),
                ]
            )
        )
        offset += tree.node_count
    return Trees(level, np.concatenate(parts, 1), np.array(roots), _TREES_DEPTH, resolution, classes, kinds)


_TREES_DEPTH = int(_TREES["max_depth"])


def _mlp(widths: Sequence[int], generator: torch.Generator) -> nn.Sequential:
    layers: list[nn.Module] = []
    for in_, out in itertools.pairwise(widths):
        linear = nn.Linear(in_, out)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    last = layers[-2]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight *= 0.1
    return nn.Sequential(*layers[:-1])


def _arrays(net: nn.Sequential) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    linears = [part for part in net if isinstance(part, nn.Linear)]
    weights = [linear.weight.detach().double().numpy().T.copy() for linear in linears]
    return weights, [linear.bias.detach().double().numpy().copy() for linear in linears]


def _tensor(values: NDArray[np.float64]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
