"""Weights as files: safetensors, or what `torch.load(weights_only=True)` reads. Nothing is unpickled."""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zennas.errors import WeightsError, cut
from zennas.io.foreign import parse_foreign
from zennas.io.text import write_bytes
from zennas.optional_dependencies import require

# Where the files of this package, of timm and of torchvision keep the weights of a network.
_INSIDE = ("ema", "network", "state_dict", "model")


def write_weights(network: nn.Module, path: Path) -> None:
    """Write a network's weights as safetensors, atomically. Raises `ZennasError`."""
    save = require("safetensors.torch", "train", "writing weights").save
    write_bytes(path, save({key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read `.safetensors`, or a torch file with a state dict or a checkpoint that holds one.

    Raises:
        WeightsError: not readable, or not weights alone.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    if path.suffix == ".safetensors":
        load_file = require("safetensors.torch", "train", "reading weights").load_file
        content = parse_foreign(
            lambda: load_file(path), lambda said: WeightsError(f"{path}: not a whole safetensors file: {said}")
        )
    else:
        content = read_torch_file(path)
        for key in _INSIDE:
            if isinstance(content, dict) and isinstance(content.get(key), dict):
                content = content[key]
                break
    if not content or not is_weights(content):
        raise WeightsError(f"{path}: holds no weights of a network (a mapping of names to tensors of real numbers)")
    weights: dict[str, Tensor] = content
    return weights


def is_weights(content: object) -> bool:
    """Whether it is a mapping of names to tensors that a network's weights can be copied from."""
    return isinstance(content, dict) and all(
        isinstance(name, str)
        and isinstance(tensor, Tensor)
        and tensor.layout == torch.strided
        and not (tensor.is_quantized or tensor.is_complex() or tensor.is_meta)
        for name, tensor in content.items()
    )


def read_torch_file(path: Path) -> Any:
    """`torch.load(weights_only=True)` on the CPU. Raises `WeightsError`."""

    def load() -> Any:
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            raise WeightsError(
                f"{path}: holds more than tensors and plain values, or is damaged; it is not loaded because that could "
                "run code: save a state dict, best as .safetensors"
            ) from None

    return parse_foreign(load, lambda said: WeightsError(f"{path}: not a whole torch file: {said}"))


def load_weights(network: nn.Module, path: Path, where: str = "the data") -> None:
    """Put a file's weights into a network.

    Args:
        network: its weights are replaced.
        path: a file as `read_weights` takes it.
        where: what gave the network its number of classes, for the message where the weights have another.

    Raises:
        WeightsError: unreadable, or they do not fit; for the classifier, both class counts are named.
    """
    weights = read_weights(path)
    own = network.state_dict()
    missing, extra = own.keys() - weights.keys(), weights.keys() - own.keys()
    if missing or extra:
        what = f"{sorted(missing)[0]} is missing" if missing else f"{cut(sorted(extra)[0])} is too much"
        raise WeightsError(
            f"{path}: weights of another network: {what} ({len(missing)} missing, {len(extra)} too much)"
        )
    differing = [key for key in own if own[key].shape != weights[key].shape]
    if differing:
        key = differing[-1]
        if all(_differ_in_classes(own[k], weights[k]) for k in differing):
            raise WeightsError(
                f"{path}: weights for {weights[key].shape[0]} classes, but {where} has {own[key].shape[0]}"
            )
        raise WeightsError(
            f"{path}: weights of another network: {key} is {_shape(weights[key])}, not {_shape(own[key])}"
        )
    network.load_state_dict(weights)


def _differ_in_classes(own: Tensor, given: Tensor) -> bool:
    return own.dim() in (1, 2) and own.dim() == given.dim() and own.shape[1:] == given.shape[1:]


def class_count(network: nn.Module, path: Path) -> int:
    """For how many classes a file's weights are; `network` is the same model with one class.

    Raises:
        WeightsError: unreadable, or they differ from the network in more than that.
    """
    weights = read_weights(path)
    counts = {
        weights[key].shape[0]
        for key, own in network.state_dict().items()
        if key in weights and weights[key].dim() and weights[key].shape != own.shape
    }
    if len(counts) > 1:
        raise WeightsError(f"{path}: weights of another network: several of its tensors have other shapes")
    return counts.pop() if counts else 1


def _shape(tensor: Tensor) -> str:
    return cut("×".join(map(str, tensor.shape))) or "a number"
