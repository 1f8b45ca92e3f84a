"""Steps of a module as units of layers, and which of its parts hold the weights of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from zennas.architecture.model import ACTIVATIONS
from zennas.blocks.layers import Activation, Convolution, Layer, MaxPool, PooledLinear, SqueezeExcite, Unit
from zennas.errors import ArchitectureError
from zennas.nn.main_path import Operation, Refusal
from zennas.nn.pooling import max_pooling
from zennas.nn.steps import Step, Steps
from zennas.nn.traced import Traced

Weighted = tuple[str, str | None]
"""A convolution or linear layer by its name in the module, and the batch norm behind it."""
_GATES = ("sigmoid", "hardsigmoid")


@dataclass(frozen=True)
class Reading:
    """A module as units.

    Attributes:
        units: in order, without the classifier; a layer outside every residual link is a unit of its own.
        places: name of the module's part with which each unit begins.
        num_classes: outputs of the classifier; 0 where there is none.
        weighted: what holds the weights, in the order in which a built network has its own.
    """

    units: tuple[Unit, ...]
    places: tuple[str, ...]
    num_classes: int
    weighted: tuple[Weighted, ...]


def read_units(steps: Steps, found: Traced) -> Reading:
    """The units of a module.

    Args:
        steps: of the whole module.
        found: the traced module.

    Raises:
        ArchitectureError: a layer that is none of the vocabulary's, by its name.
    """
    reader = _Reader(found)
    body, head = _without_classifier(steps)
    units, places = reader.top_level(body)
    classes = 0
    if head is not None:
        assert isinstance(head.module, nn.Linear)
        if head.module.bias is None:
            raise ArchitectureError(f"the classifier {head.where} has no bias")
        classes = head.module.out_features
        reader.weighted.append((head.where, None))
    return Reading(tuple(units), tuple(places), classes, tuple(reader.weighted))


def _without_classifier(steps: Steps) -> tuple[Steps, Step | None]:
    """The steps up to the pre-GAP map, MobileNetV3's hidden layer with them, and the linear layer at the end."""
    head = steps[-1] if steps and steps[-1].kind == "linear" else None
    body = steps[:-1] if head else steps
    pool = next((i for i, step in enumerate(body) if step.kind == "pool"), None)
    if pool is None:
        if head is not None:
            raise ArchitectureError(f"{head.where} has no global average pooling in front")
        return body, None
    behind = body[pool + 1 :]
    if behind and [step.kind for step in behind] not in (["linear", "activation"], ["convolution", "activation"]):
        raise ArchitectureError(
            f"behind the global average pooling it goes on with {', '.join(step.where for step in behind)}; a hidden "
            "layer with its activation and a linear layer can be imported"
        )
    return body if behind else body[:pool], head


@dataclass
class _Reader:
    """Reads steps into layers and notes whose weights they have."""

    found: Traced
    weighted: list[Weighted] = field(default_factory=list)

    def top_level(self, steps: Steps) -> tuple[list[Unit], list[str]]:
        """Units, and where each begins."""
        units: list[Unit] = []
        places: list[str] = []
        place = 0
        while place < len(steps):
            step = steps[place]
            after = steps[place + 1] if place + 1 < len(steps) else None
            if step.kind == "unit":
                behind = after is not None and after.kind == "activation"
                units.append(self._unit(step, after if behind else None))
                place += 1 + behind
            else:
                end = place + self._length(steps[place:])
                units.append(Unit((self._layer(steps[place:end]),)))
                place = end
            places.append(step.where)
        return units, places

    def _unit(self, step: Step, after: Step | None) -> Unit:
        main = self._layers(step.inside)
        link = self._layers(step.link)
        if len(link) > 1 or (link and not isinstance(link[0], Convolution)):
            raise ArchitectureError(
                f"the residual link of {step.where} is {', '.join(layer.name for layer in link)}; it can be the "
                "identity or one convolution"
            )
        shortcut: Any = link[0] if link else "identity"
        return Unit(main, shortcut, None if after is None else self._activation(after))

    def _layers(self, steps: Steps) -> tuple[Layer, ...]:
        layers: list[Layer] = []
        place = 0
        while place < len(steps):
            if steps[place].kind == "unit":
                raise ArchitectureError(f"{steps[place].where} is a residual link within another")
            end = place + self._length(steps[place:])
            layers.append(self._layer(steps[place:end]))
            place = end
        return tuple(layers)

    @staticmethod
    def _length(steps: Steps) -> int:
        """How many steps make the first layer."""
        kinds = [step.kind for step in steps]
        if kinds[0] in ("convolution", "linear"):
            length = 1 + (kinds[1:2] == ["norm"])
            return length + (kinds[length : length + 1] == ["activation"])
        return 3 if kinds[0] == "pool" else 1

    def _layer(self, steps: Steps) -> Layer:
        first = steps[0]
        if first.kind in ("convolution", "linear"):
            return self._convolution(steps)
        if first.kind == "max pooling":
            return self._max_pooling(first)
        if first.kind == "gate":
            return self._gate(first)
        if first.kind == "pool":
            return PooledLinear(self._convolution(steps[1:]))
        raise ArchitectureError(f"the {first.kind} {first.where} does not follow a convolution")

    def _activation(self, step: Step) -> Activation:
        if step.activation not in ACTIVATIONS:
            raise ArchitectureError(
                f"{step.where} is the activation {step.activation}; block types have {', '.join(ACTIVATIONS)}"
            )
        return step.activation  # type: ignore[return-value]

    def _convolution(self, steps: Steps, gates: Sequence[str] = ()) -> Convolution:
        """A convolution, or a linear layer as one of a 1×1 map, with its norm and activation."""
        if not steps or steps[0].kind not in ("convolution", "linear"):
            what = f"is the {steps[0].kind} {steps[0].where}" if steps else "is nothing"
            raise ArchitectureError(f"a convolution or a linear layer is needed, and there {what}")
        first, *behind = steps
        norm = next((step for step in behind if step.kind == "norm"), None)
        act = next((step for step in behind if step.kind == "activation"), None)
        layer = _bare(first)
        if norm is not None:
            _check_norm(norm)
        self.weighted.append((first.where, None if norm is None else norm.where))
        activation: Any = None
        if act is not None:
            activation = act.activation if act.activation in gates else self._activation(act)
        return replace(layer, norm=norm is not None, activation=activation)

    def _gate(self, step: Step) -> SqueezeExcite:
        inside = step.inside[1:]
        length = self._length(inside) if inside else 0
        reduce, back = inside[:length], inside[length:]
        if not reduce or not back or len(back) != self._length(back) or back[-1].activation not in _GATES:
            what = ", ".join(inner.where for inner in inside)
            raise ArchitectureError(f"{step.where} is a gate of {what}; squeeze-excitation has two convolutions")
        return SqueezeExcite(self._convolution(reduce), self._convolution(back, _GATES))

    def _max_pooling(self, step: Step) -> MaxPool:
        operation = Operation(step.kind, step.where, step.kind, step.node, step.source, step.module)
        layer = max_pooling(operation, self.found.shapes)
        if isinstance(layer, Refusal):
            raise ArchitectureError(layer.reason)
        return layer


def _bare(step: Step) -> Convolution:
    """A convolution without what follows it."""
    layer, where = step.module, step.where
    if isinstance(layer, nn.Linear):
        return Convolution(layer.in_features, layer.out_features, 1, bias=layer.bias is not None, norm=False)
    assert isinstance(layer, nn.Conv2d)
    kernel, stride = layer.kernel_size[0], layer.stride[0]
    half = (kernel - 1) // 2
    if layer.kernel_size != (kernel, kernel) or layer.stride != (stride, stride) or kernel % 2 == 0:
        raise ArchitectureError(f"the convolution {where} has a {layer.kernel_size} kernel; it must be square and odd")
    if type(layer) is not nn.Conv2d or layer.padding_mode != "zeros" or layer.dilation != (1, 1):
        raise ArchitectureError(f"the convolution {where} is {type(layer).__name__}, dilated or padded in its own way")
    if layer.padding != (half, half):
        raise ArchitectureError(f"the convolution {where} has padding {layer.padding}, not {half}")
    return Convolution(
        layer.in_channels, layer.out_channels, kernel, stride, layer.groups, layer.bias is not None, False
    )


def _check_norm(step: Step) -> None:
    norm: Any = step.module
    if not norm.affine or not norm.track_running_stats:
        raise ArchitectureError(f"the batch norm {step.where} has no scale and shift, or no running statistics")
