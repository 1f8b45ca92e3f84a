"""Seconds that one Monte Carlo repeat takes (batch 16 and 64, one thread), and the process's peak memory.

    OMP_NUM_THREADS=1 python benchmarks/zen.py

Each network is scored in a process of its own, twice: with freed memory kept, as the commands keep it, and by the C
library's default.
"""

import argparse
import json
import resource
import subprocess
import sys

from benchmark import Benchmark, table
from kept import Results, measuring, parsed

import zennas
from zennas.allocator import keep_freed_memory

NETWORKS = ("zennet-cifar-1.0M", "zennet-cifar-2.0M", "zennet-imagenet-400M-se", "zennet-imagenet-0.1ms")
REPEATS = 3


def one(name: str, batch_size: int, keep_memory: bool) -> tuple[float, float]:
    """Seconds a repeat, and gigabytes of the process at its peak."""
    import torch

    if keep_memory:
        keep_freed_memory()
    torch.set_num_threads(1)
    network = zennas.load(name)
    zennas.zen_score(network, batch_size=2, repeats=1)
    score = zennas.zen_score(network, batch_size=batch_size, repeats=REPEATS)
    return score.seconds / REPEATS, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def apart(name: str, batch_size: int, keep_memory: bool) -> tuple[float, float]:
    """`one` in a process of its own."""
    words = [name, str(batch_size), str(int(keep_memory))]
    done = subprocess.run([sys.executable, __file__, "--one", *words], check=True, capture_output=True, text=True)
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def show(results: Results) -> str:
    """A row a network and batch size."""
    lines = []
    for row in results.rows.values():
        seconds = [f"{row[column]:.2f}" for column in ("seconds", "seconds_by_default")]
        lines.append([row["network"], str(row["resolution"]), str(row["batch"]), *seconds, f"{row['memory']:.2f} GB"])
    header = ["network", "resolution", "batch", "seconds a repeat", "by glibc's default"]
    return table([*header, "peak memory of the process"], lines)


def main() -> None:
    """Two CIFAR and two ImageNet networks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=3, metavar=("NETWORK", "BATCH", "KEEP"), help=argparse.SUPPRESS)
    arguments = parsed(parser)
    if arguments.one:
        name, batch_size, keep_memory = arguments.one
        print(json.dumps(one(name, int(batch_size), bool(int(keep_memory)))))
        return
    with measuring("zen", arguments.keep) as results:
        for name in NETWORKS:
            for batch_size in (16, 64):
                if f"{name}/{batch_size}" in results:
                    continue
                seconds, memory = apart(name, batch_size, keep_memory=True)
                by_default, _ = apart(name, batch_size, keep_memory=False)
                results.add(
                    f"{name}/{batch_size}",
                    network=name,
                    resolution=zennas.load(name).resolution,
                    batch=batch_size,
                    seconds=round(seconds, 3),
                    seconds_by_default=round(by_default, 3),
                    memory=round(memory, 2),
                )
    print(show(results))


BENCHMARKS = [Benchmark("zen", "zen.py", {"zen": show}, minutes=1.5)]

if __name__ == "__main__":
    main()
