"""What helps to choose: what is known of the score, published networks at that input, commands for the next step."""

import json
import math
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from zennas.counting import costs, known_costs, parse_budget
from zennas.errors import ZennasError
from zennas.input_size import mean_side
from zennas.runs.outputs import BEST
from zennas.runs.result import SearchResult
from zennas.scores.registry import ScoreSettings, compute_score, registered_score
from zennas.searching.settings import SearchConfig, search_settings
from zennas.zoo import ZooEntry, zoo_entry, zoo_names

NEAR = 1.5
"""A published network is shown where its own input's side is within this factor of the search's."""
BASELINE = "flops"
INPUT = ("resolution", "num_classes")
PROBLEM = (
    "task", "space", "se", "channels", "score", "dtype", "plugins", "latency_predictor", "latency_backend",
    "latency_dtype", "latency_batch_size", "latency_layout", "device",
)  # fmt: skip
"""Settings beside the budgets that say what a search is for; the input's size and classes are always told."""


@cache
def rankings() -> list[dict[str, Any]]:
    """How scores rank the networks of benchmarks, by `benchmarks/rankings.py`: one dictionary a benchmark."""
    text = (files("zennas.accuracy") / "data" / "rankings.json").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)["benchmarks"]
    return found


def known_of(score: str) -> list[dict[str, Any]]:
    """The rank correlation of a score with accuracy on each benchmark that it was studied on, beside that of
    multiply-adds; empty for other scores.

    Args:
        score: its name.
    """
    return [
        {
            "benchmark": benchmark["title"],
            "networks": benchmark["networks"],
            **benchmark["scores"][score],
            "baseline": benchmark["scores"][BASELINE]["spearman"],
        }
        for benchmark in rankings()
        if score in benchmark["scores"]
    ]


def published(config: SearchConfig) -> list[dict[str, Any]]:
    """The zoo's networks of about the search's input, counted and scored at exactly its input and classes.

    Args:
        config: of the search. Where its score takes long, none is computed.
    """
    rows = []
    for entry in _near(config):
        try:
            architecture = entry.architecture.with_channels(config.channels)
            counted = costs(architecture, config.resolution, config.num_classes, config.deployed_type)
            score = _cheap_score(architecture, config)
        except ZennasError:
            continue
        rows.append(
            {
                "name": entry.name,
                "source": entry.source,
                "trained": _trained(entry.paper),
                "score": score,
                "costs": known_costs(counted),
            }
        )
    return rows


def _near(config: SearchConfig) -> Iterator[ZooEntry]:
    """The zoo's networks that were designed for about the input of a search."""
    for entry in map(zoo_entry, zoo_names()):
        own = entry.architecture.resolution or config.resolution
        if 1 / NEAR <= mean_side(own) / mean_side(config.resolution) <= NEAR:
            yield entry


def _cheap_score(architecture: Any, config: SearchConfig) -> float | None:
    try:
        registered = registered_score(config.score)
    except ZennasError:
        return None
    if registered.many is None:
        return None
    settings = ScoreSettings(seed=config.seed, num_classes=config.num_classes)
    return compute_score(config.score, architecture, config.resolution, settings).score


def _trained(paper: dict[str, float]) -> str:
    """Its accuracies as the paper has them."""
    known = (("imagenet_top1", "ImageNet"), ("cifar10_top1", "CIFAR-10"), ("cifar100_top1", "CIFAR-100"))
    return ", ".join(f"{paper[key]} % {data}" for key, data in known if key in paper)


def next_steps(result: SearchResult) -> list[dict[str, str]]:
    """Commands for what a user does with a winner, each with what it is for; none for a search in memory."""
    if result.directory is None:
        return []
    config, path = result.config, str(result.directory / BEST)
    best = shlex.quote(path)
    size = f"--resolution {config.resolution}"
    return [
        {"what": "Train it on images of your own", "command": f"zennas train {best} {size} --data imagefolder:DIR"},
        {"what": "Measure it on this machine", "command": f"zennas latency {best} {size}"},
        {"what": "Export it", "command": f"zennas export {best} --format onnx --out net.onnx"},
        {"what": "Search on from it, within other budgets", "command": _start_command(result, path)},
        {
            "what": "Set it beside a published network",
            "command": f"zennas compare {best} {_reference(config)} {size}",
        },
        {"what": "Go on with this search", "command": f"zennas search --resume {shlex.quote(str(result.directory))}"
         f" --iterations {2 * config.iterations}"},
    ]  # fmt: skip


def _start_command(result: SearchResult, best: str) -> str:
    """A search of the same problem from the best winner, a file, within that winner's own budgets."""
    config = result.config
    words = ["zennas", "search", "--start", best]
    for setting in search_settings():
        name, value = setting.name, getattr(config, setting.name)
        if name in config.budgets:
            texts = value if isinstance(value, list) else [value]
            words += setting.words(next(text for text in texts if parse_budget(name, text) in result.best.budgets))
        elif name in INPUT or (name in PROBLEM and value != setting.default):
            words += [] if value is None else setting.words(value)
    return shlex.join(words)


def _reference(config: SearchConfig) -> str:
    return next((entry.name for entry in _near(config)), "timm:resnet18")


def bend(costs_: Sequence[float], scores: Sequence[float]) -> int | None:
    """The winner of a frontier past which more of a cost brings least: the place where the gain of score for each
    doubling falls most; `None` with fewer than three winners or where it nowhere falls.

    Args:
        costs_: of the winners, increasing.
        scores: of the same winners.
    """
    gains = [
        (scores[i + 1] - scores[i]) / math.log2(costs_[i + 1] / costs_[i])
        for i in range(len(scores) - 1)
        if costs_[i + 1] > costs_[i]
    ]
    if len(gains) != len(scores) - 1 or len(gains) < 2:
        return None
    falls = [before - after for before, after in pairwise(gains)]
    place = max(range(len(falls)), key=falls.__getitem__)
    return place + 1 if falls[place] > 0 else None
