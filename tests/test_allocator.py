import subprocess
import sys

import pytest

FAULTS = """
import ctypes, resource, sys
from zennas.allocator import keep_freed_memory

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def take_and_free():
    blocks = [libc.malloc(1 << 24) for _ in range(16)]
    for block in blocks:
        ctypes.memset(block, 1, 1 << 24)
    for block in blocks:
        libc.free(block)

if sys.argv[1] == "kept":
    assert keep_freed_memory()
if sys.argv[1] == "command":
    from zennas.cli.main import main
    sys.argv[1:] = ["zoo", "list"]
    try:
        main()
    except SystemExit:
        pass
    print()
take_and_free()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
take_and_free()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's setting")
def test_memory_freed_and_taken_again_is_not_fetched_from_the_kernel_a_second_time():
    faults = {how: int(_output(how).splitlines()[-1]) for how in ("kept", "command", "default")}
    assert max(faults["kept"], faults["command"]) < 1000
    assert faults["default"] > 10 * max(faults["kept"], 1)


def _output(how: str) -> str:
    return subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout
