"""The closed form beside Monte Carlo on the published CIFAR networks, and where their scores come from.

python examples/two_scores.py [repeats]
"""

import sys

import zennas

repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 8
for name in ("zennet-cifar-0.5M", "zennet-cifar-1.0M", "zennet-cifar-2.0M"):
    network = zennas.load(name)
    closed = zennas.meanfield_score(network)
    sampled = zennas.zen_score(network, batch_size=16, repeats=repeats, seed=0)
    low, high = sampled.ci95
    difference = 100 * (closed.score / sampled.score - 1)
    print(
        f"{name}: closed form {closed.score:.2f} in {1000 * closed.seconds:.1f} ms, Monte Carlo {sampled.score:.2f} "
        f"({low:.2f} to {high:.2f}) in {sampled.seconds:.1f} s; difference {difference:+.2f} %"
    )
    convolutions = len(closed.contributions)
    first, second = sum(closed.contributions[: convolutions // 2]), sum(closed.contributions[convolutions // 2 :])
    print(f"  ½·log σ²: {first:.1f} from the first half of {convolutions} convolutions, {second:.1f} from the second")
