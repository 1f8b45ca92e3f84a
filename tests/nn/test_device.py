"""Devices by name."""

import pytest
import torch

from zennas.errors import DeviceError
from zennas.nn.device import checked_device, named_device


def test_a_device_that_is_there() -> None:
    assert checked_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(("count", "name"), [(0, "cuda"), (0, "cuda:0"), (1, "cuda:1"), (2, "cuda:7")])
def test_a_gpu_that_is_not_there(count: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(DeviceError, match=f"{count or 'no'} CUDA devices are present"):
        checked_device(name)
    assert named_device(name).type == "cuda"  # another machine may have it


def test_a_gpu_that_is_there_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert checked_device("cuda:1") == torch.device("cuda:1")
    assert not torch.cuda.is_initialized()


@pytest.mark.parametrize("name", ["nosuch", "", "cuda:-1", "cpu:x"])
def test_a_name_that_torch_does_not_know(name: str) -> None:
    for look in (named_device, checked_device):
        with pytest.raises(DeviceError, match=f"device '{name}' cannot be used") as raised:
            look(name)
        assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["meta", "vulkan", "hpu"])
def test_a_device_that_cannot_compute(name: str) -> None:
    with pytest.raises(DeviceError, match=f"device '{name}' cannot be used"):
        checked_device(name)
