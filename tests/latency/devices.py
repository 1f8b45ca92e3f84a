"""Devices that need no measuring: a layer's time is its multiply-adds at a fixed rate, plus a call."""

import numpy as np

from zennas.architecture.model import SuperBlock
from zennas.latency.convolutions import ConvolutionModel, layer_features
from zennas.latency.layers import TimedLayer, network_layers
from zennas.latency.predictor import Predictor
from zennas.latency.records import Header, Measured
from zennas.latency.sampling import sample_network
from zennas.latency.setting import Setting
from zennas.spaces.space import search_space

RATE = 1e-9
CALL = 1e-6


def flops(layer: TimedLayer) -> int:
    """Multiply-adds of a layer, as the model below counts them."""
    positions = (-(-layer.resolution // layer.stride)) ** 2
    return layer.in_channels * layer.out_channels * layer.kernel**2 * positions // layer.groups


def plain_model(resolution: int = 32, num_classes: int = 10) -> ConvolutionModel:
    """`RATE` seconds for each multiply-add of `flops`."""
    first = np.zeros((len(layer_features(TimedLayer("conv", 1, 1, 1, 1, 1, 1))), 1))
    first[7:13, 0] = [1, 1, 2, 0, 2, -1]
    weights = [first, np.ones((1, 1)), np.ones((1, 1))]
    biases = [np.zeros(1), np.zeros(1), np.array([np.log(RATE)])]
    return ConvolutionModel(weights, biases, (0, 0, 0), resolution, num_classes)


def plain_predictor(**setting: object) -> Predictor:
    """`plain_model` as if fitted on the resnet space."""
    values = {"batch_size": 1, "resolution": 32, "device_name": "a test", **setting}
    model = plain_model(int(values["resolution"]))  # type: ignore[call-overload]
    fitted = Setting(**values)  # type: ignore[arg-type]
    return Predictor(model, fitted, "resnet", ("Btn", "Conv", "Res"), 10, (1e-4, 1.0), 1e-3)


def device_seconds(blocks: tuple[SuperBlock, ...], resolution: int, num_classes: int) -> float:
    """A network's time on a device where a depthwise layer's multiply-adds take five times as long."""
    return sum(count * layer_seconds(layer) for layer, count in network_layers(blocks, resolution, num_classes))


def layer_seconds(layer: TimedLayer) -> float:
    """A layer's time on that device."""
    return CALL + RATE / 50 * flops(layer) * (5 if layer.kind == "depthwise" else 1)


def device_measurements(space: str, networks: int, noise: float, seed: int = 0) -> Measured:
    """Networks of a space measured on that device, with relative noise, every fifth twice."""
    rng = np.random.default_rng(seed)
    header = Header(Setting(batch_size=1, resolution=32, device_name="a test"), space, 10, (2e6, 5e7), seed)
    measured = Measured(header)
    searched = search_space(space, 32)
    for number in range(networks):
        blocks = sample_network(searched, 32, 10, header.flops, seed, 2 * number)
        exact = device_seconds(blocks, 32, 10)
        for _ in range(2 if number % 5 == 4 else 1):
            measured.add_network(number, blocks, exact * float(np.exp(noise * rng.standard_normal())), 1e-3)
        for layer, _ in network_layers(blocks, 32, 10)[:8]:
            if layer.kind in ("conv", "depthwise", "grouped"):
                measured.add_layer(layer, layer_seconds(layer) * float(np.exp(noise * rng.standard_normal())))
    return measured
