"""Seconds that one Monte Carlo repeat takes (batch 16 and 64, one thread), and the process's peak memory.

OMP_NUM_THREADS=1 python benchmarks/zen.py
"""

import resource

import torch

import zennas
from zennas.allocator import keep_freed_memory


def main() -> None:
    """Print a table for two CIFAR and two ImageNet networks, with freed memory kept as the command keeps it."""
    keep_freed_memory()
    torch.set_num_threads(1)
    print("| network | resolution | batch | seconds a repeat | peak memory of the process |")
    print("| --- | --- | --- | --- | --- |")
    for name in ("zennet-cifar-1.0M", "zennet-cifar-2.0M", "zennet-imagenet-400M-se", "zennet-imagenet-0.1ms"):
        network = zennas.load(name)
        for batch_size in (16, 64):
            zennas.zen_score(network, batch_size=2, repeats=1)
            score = zennas.zen_score(network, batch_size=batch_size, repeats=3)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            print(
                f"| {name} | {network.resolution} | {batch_size} | {score.seconds / 3:.2f} | {memory:.2f} GB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
