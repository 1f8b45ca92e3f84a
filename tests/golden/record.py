"""Searches and scores whose results must stay equal to the last bit, and what they came out as.

`python -m tests.golden.record` writes `results.json` anew; do so only where results are meant to change, and say why.
"""

import hashlib
import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import zennas
from tests.strategies import random_networks
from zennas.architecture import format_structure

RESULTS = Path(__file__).with_name("results.json")
SPACE = """
name: narrow
base: resnet
choices:
  - {block: Btn, kernel: 3}
  - {block: Res, kernel: 5}
stage_strides: [1, 2, 2]
width: {low: 16, high: 256, step: 16}
layers: {low: 1, high: 8}
"""
EVOLUTIONS: dict[str, dict[str, Any]] = {
    "closed form": dict(
        score="meanfield", space="resnet", num_classes=100, params="300k", layers="18", iterations=1500
    ),
    "frontier": dict(
        score="meanfield",
        space="mobilenet",
        num_classes=10,
        se=True,
        params=["100k", "200k"],
        flops="20M",
        iterations=1500,
        seed=3,
    ),
    "grouped": dict(
        space="regnet",
        score="meanfield",
        resolution=64,
        num_classes=10,
        params="300k",
        effectiveness="0.9",
        flops_per_param=0,
        iterations=1000,
    ),
    "lower bounds": dict(
        space="mobilenet", score="zen-weighted", flops="2M..5M", memory="1MB", iterations=1000, pareto=["params"]
    ),
    "from a network": dict(
        start="zennet-cifar-0.5M", freeze=["stem"], params="600k", score="deepmad", flops_per_param=0, iterations=800
    ),
    "default score": dict(space="inverted", se=True, num_classes=10, params="200k", flops="20M", iterations=1500),
    "a file's space": dict(
        score="meanfield", space="narrow.yaml", params="200k", layers="12", population=32, iterations=1500, seed=7
    ),
}
SEARCHES = {name: settings | {"algorithm": "evolution"} for name, settings in EVOLUTIONS.items()} | {
    "annealing": dict(params="300k", layers="18", num_classes=10, iterations=1500),
    "annealing, a frontier": dict(
        score="meanfield", space="mobilenet", num_classes=10, se=True, params=["100k", "200k"], flops="20M",
        iterations=1500, seed=3,
    ),
}  # fmt: skip
COLUMNS = "id, iteration, parent, mutation, score, params, flops, layers, convolutions, memory, effectiveness"


def search_results(settings: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Rows of `run.db` and winners of one search, written below `directory`."""
    settings = dict(settings)
    if settings.get("space", "").endswith(".yaml"):
        (directory / settings["space"]).write_text(SPACE)
        settings["space"] = str(directory / settings["space"])
    result = zennas.search(rescore=0, out=directory / "run", **settings)
    with sqlite3.connect(directory / "run" / "run.db") as database:
        rows = [_exact(row) for row in database.execute(f"SELECT {COLUMNS} FROM candidates ORDER BY id")]
        state = {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM state")}
    return {
        "candidates": len(rows),
        "first": rows[:12],
        "rows": _digest(rows),
        "populations": _digest(state["populations"]),
        "winners": [[format_structure(w.architecture), w.score.hex(), w.candidate.id] for w in result.winners],
    }


def closed_form_results() -> dict[str, list[str]]:
    """Scores of the closed form, and a digest of their contributions."""
    found = {}
    for name in zennas.zoo_names():
        found[name] = _closed_form(zennas.load(name))
    for space, resolution in (("resnet", 32), ("mobilenet", 32), ("mobilenet", 64), ("regnet", 64)):
        for number, network in enumerate(random_networks(space, resolution, 20, seed=11, mutations=40)):
            found[f"{space}-{resolution}-{number}"] = _closed_form(network)
    pooled = "SuperConvK7BNRELU(3,64,2,1)MaxPool[k3](64,64,2,0,1)SuperResK3K3(64,128,2,64,3)Linear[k3](128,64,1,0,2)"
    found["pooled"] = _closed_form(zennas.Architecture(zennas.parse_structure(pooled).super_blocks, resolution=64))
    return found


def _closed_form(architecture: zennas.Architecture) -> list[str]:
    score = zennas.meanfield_score(architecture)
    return [score.score.hex(), _digest([value.hex() for value in score.contributions])]


def _exact(row: tuple[Any, ...]) -> list[Any]:
    return [value.hex() if isinstance(value, float) else value for value in row]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:24]


def record() -> dict[str, Any]:
    """All results as they are now."""
    searches = {}
    for name, settings in SEARCHES.items():
        with tempfile.TemporaryDirectory() as directory:
            searches[name] = search_results(settings, Path(directory))
    return {"searches": searches, "closed_form": closed_form_results()}


if __name__ == "__main__":
    RESULTS.write_text(json.dumps(record(), indent=1) + "\n")
