"""What a latency depends on beside the network: the device and how it is driven."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from zennas.errors import ArchitectureError, LatencyError, cut, shortened
from zennas.input_size import Resolution, plain, read_resolution, shown
from zennas.layouts import CONTIGUOUS, LAYOUTS
from zennas.number_types import NUMBER_TYPES, number_type

BACKENDS = ("torch", "torch-compile", "onnxruntime")
CLOCKS = ("wall", "cpu")


@dataclass(frozen=True)
class Setting:
    """How a network is run when its latency is taken. Latencies of two settings do not compare.

    Attributes:
        device: `cpu`, `cuda` or `cuda:<n>`, as torch names it.
        backend: one of `BACKENDS`.
        dtype: one of `zennas.number_types.NUMBER_TYPES`; `int8` through onnxruntime only.
        batch_size: images a mini-batch.
        resolution: size of the images; a text or a pair is read (`read_resolution`).
        threads: threads of the CPU that compute.
        clock: `wall`, or `cpu` for the processor time of this process: the same on an idle machine, and on a busy one
            free of the time that other programs held the core. For one thread on a CPU only.
        device_name: the processor's own name.
        versions: libraries that ran.
        layout: how feature maps lie in memory where torch runs, one of `zennas.layouts.LAYOUTS`; what onnxruntime runs
            has the layouts of its own, and is called contiguous.
    """

    device: str = "cpu"
    backend: str = "torch"
    dtype: str = "fp32"
    batch_size: int = 64
    resolution: Resolution = 224
    threads: int = 1
    clock: str = "wall"
    device_name: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    layout: str = CONTIGUOUS

    def __post_init__(self) -> None:
        if isinstance(self.dtype, str):
            object.__setattr__(self, "dtype", number_type(self.dtype))
        for name, allowed in (
            ("backend", BACKENDS),
            ("dtype", NUMBER_TYPES),
            ("clock", CLOCKS),
            ("layout", LAYOUTS),
        ):
            if getattr(self, name) not in allowed:
                raise LatencyError(f"unknown {name} {shortened(getattr(self, name))}; allowed are {', '.join(allowed)}")
        try:
            object.__setattr__(self, "resolution", read_resolution(self.resolution))
        except ArchitectureError as error:
            raise LatencyError(str(error)) from None
        if self.device.startswith("cpu:"):
            object.__setattr__(self, "device", "cpu")
        for name in ("batch_size", "threads"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1 << 20:
                raise LatencyError(f"{name} {shortened(value)} is not allowed; use a whole number from 1")
        if self.clock == "cpu" and (self.threads != 1 or self.device != "cpu"):
            raise LatencyError(
                "the clock cpu counts one thread of a CPU; use --threads 1 --device cpu, or --clock wall"
            )
        if self.layout not in possible_layouts(self.backend):
            raise LatencyError(
                "onnxruntime lays feature maps out as it likes; leave --layout out, or use --backend torch"
            )

    def as_json(self) -> dict[str, Any]:
        """Plain values by field."""
        return {**asdict(self), "resolution": plain(self.resolution), "versions": dict(self.versions)}

    def __str__(self) -> str:
        name = f" ({cut(self.device_name)})" if self.device_name else ""
        threads = f", {self.threads} thread{'s' if self.threads > 1 else ''}" if self.device == "cpu" else ""
        layout = f", {self.layout}" if len(possible_layouts(self.backend)) > 1 else ""
        clock = ", processor time" if self.clock == "cpu" else ""
        return (
            f"{cut(self.device)}{name}{threads}, {self.backend}, {self.dtype}, batch {self.batch_size}, "
            f"{shown(self.resolution)}{layout}{clock}"
        )


def possible_layouts(backend: str) -> tuple[str, ...]:
    """The layouts that a backend can be told."""
    return (CONTIGUOUS,) if backend == "onnxruntime" else LAYOUTS


def setting_from_json(document: Any, where: str) -> Setting:
    """Read what `Setting.as_json` gives; files from before there were layouts are contiguous. Raises `LatencyError`."""
    known = {f.name for f in fields(Setting)}
    if isinstance(document, dict):
        document = {"layout": CONTIGUOUS, **document}
    if not isinstance(document, dict) or set(document) != known:
        raise LatencyError(f"{where}: the setting must have exactly the keys {', '.join(sorted(known))}")
    versions = document["versions"]
    if not isinstance(versions, dict) or not all(isinstance(v, str) for v in versions.values()):
        raise LatencyError(f"{where}: versions must map libraries to texts")
    for name in ("device", "device_name"):
        if not isinstance(document[name], str):
            raise LatencyError(f"{where}: {name} must be text, got {shortened(document[name])}")
    try:
        return Setting(**document)
    except LatencyError as error:
        raise LatencyError(f"{where}: {error}") from None


def differences(fitted: Setting, wanted: Mapping[str, Any]) -> list[str]:
    """The names of fields in which two settings differ.

    Args:
        fitted: one of them.
        wanted: values of the other by field; what is `None` is not compared.
    """
    if isinstance(wanted.get("dtype"), str):
        wanted = {**wanted, "dtype": number_type(wanted["dtype"])}
    if wanted.get("resolution") is not None:
        wanted = {**wanted, "resolution": read_resolution(wanted["resolution"])}
    return [name for name, value in wanted.items() if value is not None and getattr(fitted, name) != value]


def on_this_machine(setting: Setting) -> Setting:
    """The setting with this machine's device name and library versions.

    Raises:
        LatencyError: the device is not here.
        MissingExtraError: torch is not installed.
    """
    from zennas.optional_dependencies import require

    torch = require("torch", "latency", "measuring a latency")
    try:
        device = torch.device(setting.device)
    except RuntimeError:
        raise LatencyError(f"unknown device {setting.device!r}; use cpu, cuda or cuda:<number>") from None
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise LatencyError(f"device {setting.device}: no CUDA device is present; use --device cpu")
        if device.index is not None and device.index >= torch.cuda.device_count():
            raise LatencyError(f"device {setting.device}: only {torch.cuda.device_count()} CUDA devices are present")
        name = torch.cuda.get_device_name(device)
    elif device.type == "cpu":
        name = _cpu_name()
    else:
        raise LatencyError(f"device {setting.device}: latencies are taken on cpu and cuda")
    return replace(setting, device_name=name, versions=_versions(setting.backend))


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions(backend: str) -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in ("zennas", "torch", *(("onnxruntime", "onnx") if backend == "onnxruntime" else ())):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
