"""Processor seconds of re-scoring the 16 best of a search under 1 M parameters at 32×32, of several versions in turn.

    python benchmarks/rescoring.py [--pairs 3] [CODE ...]

CODE is a directory with a version of zennas, by default this one. A search without re-scoring is made once; each
version then goes on with a copy of it (`--resume DIR --rescore 16`), and again with nothing left to compute, which is
taken off.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


def run(code: Path, *words: object) -> tuple[float, str]:
    """Processor seconds of a search command, and the last lines of what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(code)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "zennas.cli.main", "search", "-q", *map(str, words)]
    done = subprocess.run(command, cwd=code, env=environment, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, "\n".join(line for line in done.stdout.splitlines() if line.startswith(("score", "re-scoring")))


def main() -> None:
    """Print a line a version and pair."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("code", nargs="*", type=Path, default=[HERE])
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        for seed in range(options.pairs):
            search = Path(directory) / f"search-{seed}"
            run(HERE, "--params", "1M", "--layers", 18, "--seed", seed, "--rescore", 0, "--out", search)
            for number, code in enumerate(options.code):
                copy = shutil.copytree(search, Path(directory) / f"copy-{seed}-{number}")
                whole, shown = run(code, "--resume", copy, "--rescore", 16)
                nothing, _ = run(code, "--resume", copy, "--rescore", 16)
                print(f"seed {seed}  {code.name}: {whole - nothing:.1f} processor seconds\n{shown}", flush=True)


if __name__ == "__main__":
    main()
