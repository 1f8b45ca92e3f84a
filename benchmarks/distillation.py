"""A small student with and without a teacher, on digits: the networks and settings are those of the test of distilling.

OMP_NUM_THREADS=1 python benchmarks/distillation.py
"""

import argparse
import json
import re
import statistics
import subprocess
import sys

from benchmark import Benchmark, table
from kept import Results, measuring, parsed
from pages import ROOT

TEST = "tests/train/test_distil.py::test_distilled_student_beats_the_same_student_alone"
PRINTED = re.compile(r"(\d\.\d+) (\[[^]]+\]) (\[[^]]+\])")
NAMES = {"alone": "alone", "taught": "with the teacher (logits 1, features 0.5)"}


def show(results: Results) -> str:
    """Accuracy of the students by seed."""
    lines = []
    for name, row in results.rows.items():
        if name in NAMES:
            values = [100 * value for value in row["accuracies"]]
            lines.append([NAMES[name], ", ".join(f"{v:.1f}" for v in values), f"{statistics.mean(values):.1f}"])
    teacher = 100 * results.rows["teacher"]["accuracies"][0]
    said = f"The teacher's own accuracy is {teacher:.1f} %."
    return f"{table(['student', 'accuracy by seed (%)', 'mean (%)'], lines)}\n\n{said}"


def main() -> None:
    """Run the test and keep what it prints."""
    arguments = parsed(argparse.ArgumentParser(description=__doc__))
    with measuring("training-distillation", arguments.keep) as results:
        command = [sys.executable, "-m", "pytest", "-n", "0", "-s", TEST]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        found = PRINTED.search(done.stdout)
        assert found is not None, done.stdout
        teacher, *students = (json.loads(part) for part in found.groups())
        for name, values in zip(("teacher", "alone", "taught"), ([teacher], *students), strict=True):
            results.add(name, accuracies=[round(value, 4) for value in values])
    print(show(results))


BENCHMARKS = [
    Benchmark("training-distillation", "distillation.py", {"training-distillation": show}, timed=False, minutes=2)
]

if __name__ == "__main__":
    main()
