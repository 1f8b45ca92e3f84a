"""What a benchmark ran on, and whether anything else was running there."""

import hashlib
import os
import platform
import time
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import zennas

LIBRARIES = ("numpy", "numba", "scipy", "torch", "torchvision", "timm", "accelerate", "scikit-learn", "ray")
QUIET = 0.15
"""Share of all cores that others may use while something is timed."""


def processor() -> str:
    """The processor's name, as Linux has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def share_in_use(seconds: float = 2.0) -> float:
    """Share of all cores that is in use while this process sleeps; 0 where the system does not tell."""

    def ticks() -> list[int]:
        try:
            return [int(field) for field in Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()[1:9]]
        except OSError:
            return [0] * 8

    before = ticks()
    time.sleep(seconds)
    spent = [b - a for a, b in zip(before, ticks(), strict=True)]
    idle = spent[3] + spent[4]
    return 1 - idle / sum(spent) if sum(spent) else 0.0


def source() -> str:
    """Digest of the package's code: results of another one may differ."""
    digest = hashlib.sha256()
    root = Path(zennas.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def session() -> dict[str, Any]:
    """Date, processor, cores, load and versions, to be kept with what is measured now."""
    installed = {"python": platform.python_version(), "zennas": zennas.__version__}
    for name in LIBRARIES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "in_use": round(share_in_use(), 2),
        "versions": installed,
    }
