import pytest

from zennas.memory import memory_shortage


def test_other_errors_are_no_shortage():
    assert memory_shortage(ValueError("out of memory")) is None


def test_memory_of_a_gpu_is_told_with_what_needs_less():
    torch = pytest.importorskip("torch", reason="the [torch] extra is not installed")
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of …")
    try:
        raise RuntimeError("the step failed") from error
    except RuntimeError as raised:
        said = memory_shortage(raised)
    assert said == "not enough memory: CUDA out of memory; a smaller batch size needs less"
