"""Writes `zennas/accuracy/data/rankings.json`, what reports say of a score, from studies.

zennas study FILE... --score zen-weighted,zen-weighted-1,meanfield,flops,params --json > studies.json
python benchmarks/rankings.py studies.json [more.json …]
"""

import json
import re
import sys
from pathlib import Path

from pages import ROOT

from zennas.io.text import write_text

TARGET = ROOT / "zennas" / "accuracy" / "data" / "rankings.json"
TITLES = {"regnet.csv": "RegNet X and Y, one ImageNet recipe", "others.csv": "other ImageNet recipes, ranked apart"}
"""Of files whose title is their name."""
COUNT = re.compile(r"\(\d+ networks, ")
"""What titles of tabular benchmarks say and the page has a column for."""


def main() -> None:
    """Keep title, networks, and each score's Spearman with its interval."""
    benchmarks = [
        {
            "title": COUNT.sub("(", TITLES.get(file["title"], file["title"])),
            "networks": file["networks"],
            "scores": {
                score: {
                    "spearman": round(row["spearman"], 3),
                    "low": round(row["low"]["spearman"], 3),
                    "high": round(row["high"]["spearman"], 3),
                }
                for score, row in file["scores"].items()
            },
        }
        for name in sys.argv[1:]
        for file in json.loads(Path(name).read_text(encoding="utf-8"))["files"]
    ]
    write_text(TARGET, json.dumps({"benchmarks": benchmarks}, indent=1) + "\n")


if __name__ == "__main__":
    main()
