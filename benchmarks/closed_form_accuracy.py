"""The closed form against the Monte Carlo reference of `data/zen_reference.csv`: prints the tables of the docs.

python benchmarks/closed_form_accuracy.py
"""

import math
from collections import defaultdict

import numpy as np
import scipy.stats
from zen_reference import read

from zennas.architecture import parse_structure
from zennas.blocks import Convolution, architecture_chain
from zennas.scores import meanfield_score


def main() -> None:
    """Print errors by set, the zoo network by network, and the model errors of dense and grouped chains."""
    errors: dict[str, list[float]] = defaultdict(list)
    pairs: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    by_kind: dict[bool, list[float]] = defaultdict(list)
    repeats: dict[str, set[int]] = defaultdict(set)
    print("| network | resolution | Monte Carlo (repeats) | closed form | error |\n| --- | --- | --- | --- | --- |")
    for row in read():
        network = parse_structure(row["structure"])
        score = meanfield_score(network, int(row["resolution"])).score
        mean, std_error = float(row["mean"]), float(row["std_error"])
        error = score / mean - 1
        errors[row["set"]].append(error)
        pairs[row["set"]].append((score, mean, std_error / mean))
        repeats[row["set"]].add(int(row["repeats"]))
        grouped = any(isinstance(c, Convolution) and c.groups > 1 for c in architecture_chain(network))
        by_kind[grouped].append(error)
        if row["set"] == "zoo":
            shown = f"{mean:.2f} ± {std_error:.2f} ({row['repeats']})"
            print(f"| {row['name']} | {row['resolution']} | {shown} | {score:.2f} | {error:+.2%} |")
    print("\n| set | networks | repeats | median | 95 % | worst | Spearman | reference's own error (median) |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, values in errors.items():
        size = np.abs(values)
        ours, theirs, noise = map(np.array, zip(*pairs[name], strict=True))
        rank = scipy.stats.spearmanr(ours, theirs).statistic
        counts = "/".join(map(str, sorted(repeats[name])))
        print(
            f"| {name} | {len(values)} | {counts} | {np.median(size):.2%} | {np.quantile(size, 0.95):.2%} | "
            f"{size.max():.2%} | {rank:.4f} | {np.median(noise):.2%} |"
        )
    for grouped, values in by_kind.items():
        kind = "grouped" if grouped else "dense"
        print(f"\nmodel error, {kind}: {math.sqrt(np.mean(np.square(values))):.3%} (root mean square)")


if __name__ == "__main__":
    main()
