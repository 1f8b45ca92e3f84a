"""The networks that a search begins with: a small one for each set of budgets, or what another run has found."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.counting.budgets import Budget, within
from zennas.errors import RunError
from zennas.runs.reading import read_run
from zennas.searching.algorithms import Problem
from zennas.searching.population import Candidate
from zennas.searching.settings import SearchConfig, configured_space, read_config
from zennas.spaces.space import SearchSpace
from zennas.spaces.start import starting_network

SuperBlocks = tuple[SuperBlock, ...]
PURPOSE = ("task", "space", "resolution", "channels", "dtype", "se", "num_classes", "score")
"""Settings that say what networks are for: a run that begins with another's networks takes them over."""
OF_THE_TASK = ("num_classes", "score")
"""Those of them that another task has others of."""


def with_purpose(settings: Mapping[str, Any], allow_imports: bool = False) -> dict[str, Any]:
    """Settings of a search with those that `from_run` decides where nothing else is given.

    Args:
        settings: as the user gave them; without `from_run` they stay as they are.
        allow_imports: whether plugins that the other run names may be imported.

    Raises:
        RunError: `from_run` is no run.
        ZennasError: its settings are damaged.
    """
    if settings.get("from_run") is None:
        return dict(settings)
    other = read_config(Path(settings["from_run"]), allow_imports).model_dump(mode="json")
    left_out = OF_THE_TASK if "task" in settings else ()
    return {**{name: other[name] for name in PURPOSE if name not in left_out}, **settings}


def founding_networks(
    problem: Problem, config: SearchConfig, allow_imports: bool = False
) -> tuple[list[SuperBlocks], list[str]]:
    """The first networks of a search, and what the user should know, one line each.

    Args:
        problem: what is searched for.
        config: the search's settings. With `from_run`, of each set of budgets the best candidates of that run that fit
            it, as many as a population holds; where none fits, a small network as without it.
        allow_imports: whether plugins that the other run names may be imported.

    Raises:
        BudgetError: nothing in the space meets the budgets.
        RunError: `from_run` is no run, or a damaged one.
        ImportRefusedError: it needs a plugin that nobody allowed.
    """
    others = [] if config.from_run is None else _ranked(Path(config.from_run), problem.space, allow_imports)
    costs = {candidate.super_blocks: problem.count(candidate.super_blocks) for candidate in others}
    founders: list[SuperBlocks] = []
    taken: set[SuperBlocks] = set()
    for number, budgets in enumerate([*problem.budget_sets] * config.islands):
        fitting = [blocks for blocks, cost in costs.items() if within(cost, budgets)][: config.population]
        taken.update(fitting)
        founders += fitting or [_small(problem, config, budgets, number)]
    notes = []
    if config.from_run is not None:
        notes.append(f"{len(taken)} of {len(others)} networks of {config.from_run} begin the search, the best that fit")
    return founders, notes


def _ranked(directory: Path, space: SearchSpace, allow_imports: bool) -> list[Candidate]:
    """The networks of a run, the best first, for the channels of a space's images."""
    run = read_run(directory, allow_imports=allow_imports)
    if (configured_space(run.config).head is None) != (space.head is None):
        raise RunError(
            f"from {directory}: its networks end in {'a stage' if space.head else 'a last convolution of their own'}, "
            f"those of the space {space.name} in {'a last convolution' if space.head else 'a stage'}"
        )
    candidates = []
    for candidate in run.each_candidate():
        blocks = Architecture(candidate.super_blocks).with_channels(space.stem.in_channels).super_blocks
        candidates.append(replace(candidate, super_blocks=blocks))
    return sorted(candidates, key=lambda candidate: (-candidate.score, candidate.id))


def _small(problem: Problem, config: SearchConfig, budgets: Sequence[Budget], number: int) -> SuperBlocks:
    rng = np.random.default_rng([config.seed, 1 << 32, number])
    return starting_network(problem.space, budgets, config.resolution, config.num_classes, rng, problem.count)
