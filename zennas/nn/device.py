"""Devices that torch computes on, by name."""

import torch

from zennas.errors import DeviceError


def named_device(name: str) -> torch.device:
    """The device of a name, on this machine or another.

    Args:
        name: as torch writes it, e.g. `cpu`, `cuda` or `cuda:1`.

    Raises:
        DeviceError: torch knows no such kind of device.
    """
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise _unusable(name, str(error)) from None


def checked_device(name: str) -> torch.device:
    """The device of a name, which is on this machine; nothing is started on it.

    Args:
        name: as torch writes it, e.g. `cpu`, `cuda` or `cuda:1`.

    Raises:
        DeviceError: torch knows no such device, or there is none on this machine.
    """
    device = named_device(name)
    if device.type == "cuda":
        # Counted only: a tensor there would take memory for a context that this process may not need.
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count <= (device.index or 0):
            raise _unusable(name, f"{count or 'no'} CUDA devices are present")
    elif device.type in ("meta", "mps"):
        raise _unusable(name, "it holds no values" if device.type == "meta" else "it has no float64")
    else:
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError, NotImplementedError, ModuleNotFoundError) as error:
            raise _unusable(name, str(error)) from None
    return device


def _unusable(name: str, reason: str) -> DeviceError:
    # Some of torch's messages go on for pages.
    first = reason.partition("\n")[0].partition(". ")[0].rstrip(".")
    return DeviceError(f"device {name!r} cannot be used: {first}; use cpu, or cuda where there is such a device")
