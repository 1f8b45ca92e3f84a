"""Choosing the winner of a population, and reading a run from disk without going on with it."""

from pathlib import Path

from zennas.architecture.model import Architecture
from zennas.errors import RunError
from zennas.evolution.budgets import Budget
from zennas.evolution.config import SearchConfig, read_config
from zennas.evolution.outputs import winner_name
from zennas.evolution.population import Candidate, Population
from zennas.evolution.result import SearchResult, Winner
from zennas.evolution.stopping import INTERRUPTED
from zennas.evolution.store import DATABASE, RunStore
from zennas.evolution.tasks import load_plugins
from zennas.scores.result import Score, score_from_repeats


def choose_winner(config: SearchConfig, population: Population, rescored: dict[int, Score]) -> Winner:
    """The best of a population: by Monte Carlo where its leaders were re-scored, else by the search's own score."""
    ranked = population.ranked()
    leaders = [c for c in ranked[: config.rescore] if c.id in rescored]
    winner = max(leaders, key=lambda c: rescored[c.id].score) if leaders else ranked[0]
    name = winner_name(config.space, config.resolution, population.budgets)
    architecture = Architecture(winner.super_blocks, name, config.resolution, config.num_classes)
    return Winner(architecture, winner, winner.score, winner.costs, population.budgets, rescored.get(winner.id))


def read_run(directory: Path | str) -> SearchResult:
    """The result of a run on disk as of its last commit, finished or not. Nothing is written.

    `seconds` is 0: how long a run took over several resumes is in its log.

    Raises:
        RunError: no run, or a damaged one.
    """
    directory = Path(directory)
    config = read_config(directory)
    load_plugins(config.plugins)
    store = RunStore(directory)
    state = store.state()
    candidates = store.candidates()
    status = str(state.get("status", "running"))
    unsettled = status in (INTERRUPTED, "running")
    repeats = {} if unsettled else store.rescored()
    rescored = {i: score_from_repeats("zen", values, 0.0) for i, values in repeats.items()}
    try:
        populations = [
            _population(budgets, config.population, [candidates[i] for i in ids])
            for budgets, ids in zip(config.niches(), state["populations"], strict=True)
        ]
        winners = [choose_winner(config, population, rescored) for population in populations if population.heap]
        iterations = int(state["iteration"])
    except (KeyError, IndexError, TypeError, ValueError):
        raise RunError(f"{directory}: {DATABASE} lacks the population; start a new run") from None
    if not winners:
        raise RunError(f"{directory}: no network has been scored yet")
    return SearchResult(config, winners, directory, status, iterations, len(candidates), 0.0, store=store)


def _population(budgets: tuple[Budget, ...], size: int, members: list[Candidate]) -> Population:
    population = Population(budgets, size)
    population.restore(members, max(members, key=lambda c: (c.score, -c.id), default=None))
    return population
