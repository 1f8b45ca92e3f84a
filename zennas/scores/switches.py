"""Which activations of a module switch on and off, as it runs.

They are read where torch computes them, below modules and functions, so that `nn.ReLU`, `F.relu` and `x.relu_()` are
all seen. What bends everywhere, such as SiLU, has no pattern and is refused by name.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from zennas.errors import ScoreError

_SWITCHES = {"relu", "leaky_relu", "prelu", "prelu_kernel"}
_CLAMPS = {"hardtanh", "clamp", "clamp_min", "threshold"}
"""Switches where their lower bound is 0, as that of ReLU6 is, which torch computes as a hardtanh."""
_GATES = {"sigmoid", "hardsigmoid"}
_WITHOUT_PATTERN = {
    "silu", "gelu", "elu", "celu", "selu", "mish", "hardswish", "softplus", "softshrink", "hardshrink", "tanh", "glu",
    "log_sigmoid_forward", "rrelu_with_noise", "abs", "maximum", "minimum", "clamp_max",
}  # fmt: skip


class _Recorder(TorchDispatchMode):
    """Records signs of what activations get.

    Attributes:
        codes: one boolean tensor N×units an activation, in order.
        gates: sigmoids that have not yet multiplied anything, as name, input and output by the output's storage.
    """

    def __init__(self, images: int) -> None:
        super().__init__()
        self.images = images
        self.codes: list[Tensor] = []
        self.gates: dict[int, tuple[str, Tensor, Tensor]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__.strip("_")
        x = args[0] if args else None
        if not isinstance(x, Tensor) or x.dim() < 2 or len(x) != self.images:
            return func(*args, **kwargs)
        if name in _SWITCHES or (name in _CLAMPS and _lower_bound(name, args, kwargs) == 0):
            self.codes.append((x > 0).flatten(1))  # before it runs: it may overwrite its input
        elif name in _WITHOUT_PATTERN or name in _CLAMPS:
            raise _without_pattern(name)
        elif name == "mul":
            self._multiplied(x, args[1])
        result = func(*args, **kwargs)
        if name in _GATES:
            self.gates[_storage(result)] = (name, x, result)
        return result

    def _multiplied(self, one: Tensor, other: Any) -> None:
        """A sigmoid that multiplies another map is a gate; what multiplies its own input is an activation (SiLU)."""
        for gate, operand in ((one, other), (other, one)):
            if isinstance(gate, Tensor) and isinstance(operand, Tensor) and _storage(gate) in self.gates:
                _, source, _ = self.gates[_storage(gate)]
                if _storage(operand) != _storage(source):
                    del self.gates[_storage(gate)]
                    return


def _storage(x: Tensor) -> int:
    return int(x.untyped_storage().data_ptr())


def _lower_bound(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    keyword = {"hardtanh": "min_val", "threshold": "threshold"}.get(name, "min")
    return args[1] if len(args) > 1 else kwargs.get(keyword, -1 if name == "hardtanh" else None)


def _without_pattern(name: str) -> ScoreError:
    return ScoreError(
        f"the activation {name.removesuffix('_forward')} has no pattern of on and off; naswot and linear-regions are "
        "for ReLU and its kind (ReLU6, leaky ReLU, PReLU)"
    )


@contextmanager
def _recorded(images: int) -> Iterator[_Recorder]:
    recorder = _Recorder(images)
    with torch.no_grad(), recorder:
        yield recorder
    for name, _, _ in recorder.gates.values():
        raise _without_pattern(name)


def switches(run: Callable[[Tensor], Any], images: Tensor, activations: int = 1) -> list[Tensor]:
    """Whether each activation's input is above 0, as a boolean tensor N×units an activation, in order.

    ReLU, ReLU6 (its bend at 0), leaky ReLU and PReLU count, modules and functions alike. A sigmoid that multiplies a
    map other than its own input is a gate, as squeeze-excitation has it; gates do not switch and are left out.

    Args:
        run: the module; called once.
        images: N images N×C×R×R, or N×units.
        activations: how many the network is known to have at least.

    Raises:
        ScoreError: an activation without such a pattern, or fewer activations than there should be.
    """
    with _recorded(len(images)) as recorder:
        run(images)
    if not recorder.codes:
        raise ScoreError("the module has no nn.ReLU or other activation whose pattern could be read")
    if len(recorder.codes) < activations:
        raise ScoreError(
            f"only {len(recorder.codes)} of {activations} activations are ReLU or of its kind; naswot and "
            "linear-regions cannot read the pattern of the others"
        )
    return recorder.codes
