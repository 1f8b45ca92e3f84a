import pytest

from zennas.memory import is_shortage, memory_shortage


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


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you …"),
            True,
        ),
        (RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 1"), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (OSError("No space left on device"), False),
    ],
)
def test_what_counts_as_a_shortage(error, is_one):
    assert is_shortage(error) == is_one
