"""What beside its candidates a search goes on from: taken from it for a commit, and given back to a fresh one."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from zennas.counting.budgets import Budget
from zennas.errors import ArchitectureError, RunError
from zennas.io.settings import CONFIG
from zennas.runs.database import DATABASE
from zennas.runs.store import RunStore
from zennas.scores.registry import registered_score, score_names
from zennas.searching.population import Candidate, Population
from zennas.searching.rounds import Search
from zennas.searching.scoring import score_settings
from zennas.searching.settings import SearchConfig


def search_state(search: Search) -> dict[str, Any]:
    """What beside the candidates a search goes on from, as JSON values. Of the randomness nothing: a round draws from a
    generator that is seeded by the seed and the iteration."""
    return {
        "iteration": search.iteration,
        "scored": search.scored,
        "failed": search.failed,
        "populations": [population.ids() for population in search.populations],
        "bests": [population.best.id if population.best else None for population in search.populations],
        "algorithm": search.algorithm.state(),
        **search.state(),
    }


SAME_SCORE = 0.01
"""Relative difference up to which two versions' scores are the same measure."""


def populations_state(
    budget_sets: Sequence[Sequence[Budget]], size: int, candidates: Sequence[Candidate]
) -> dict[str, Any]:
    """The populations after candidates were offered to them, as the state keeps them.

    Args:
        budget_sets: of each population.
        size: of a population.
        candidates: in order.
    """
    populations = [Population(budgets, size) for budgets in budget_sets]
    for candidate in candidates:
        for population in populations:
            population.offer(candidate)
    return {
        "populations": [population.ids() for population in populations],
        "bests": [population.best.id if population.best else None for population in populations],
    }


def check_state(state: dict[str, Any], scored: int, last: int, populations: int, directory: Path) -> None:
    """Check that a state and candidates belong together.

    Args:
        state: as `RunStore.state` gives it.
        scored: candidates that the run has.
        last: iteration of the last of them.
        populations: how many it has.
        directory: of the run, for the message.

    Raises:
        RunError: candidates are missing, or the state speaks of some that are not there.
    """
    if state.get("scored", scored) != scored:
        raise RunError(
            f"{directory}: {DATABASE} has {scored} of {state['scored']} candidates; save what is whole with "
            f"zennas runs --salvage {directory}, or start a new run"
        )
    if not {"iteration", "status", "populations", "bests"} <= set(state) or not scored:
        whole = False
    else:
        ids, bests, winners = state["populations"], state["bests"], state.get("winners") or []
        numbers = [*chain(*ids), *bests, *winners]
        whole = (
            len(ids) == len(bests) == populations
            and len(winners or ids) == populations
            and len(state.get("measured") or ids) == populations
            and all(ids)
            and all(number is not None and number < scored for number in numbers)
            and state["iteration"] >= last
        )
    if not whole:
        raise RunError(
            f"{directory}: {DATABASE} lacks the population; save what is whole with zennas runs --salvage {directory}, "
            "or start a new run"
        )


def restore_search(search: Search, store: RunStore) -> None:
    """Bring a fresh search to the last committed state. Raises `RunError`."""
    where = store.directory or Path("run in memory")
    state = store.state()
    candidates = store.candidates()
    failures = store.failures()
    last = candidates[-1].iteration if candidates else 0
    check_state(state, len(candidates), last, len(search.populations), where)
    if "not_resumed" in state:
        raise RunError(f"{where}: cannot be gone on with: {state['not_resumed']}")
    search.restore(state["iteration"], candidates, [blocks for _, blocks, _ in failures])
    for population, ids, best in zip(search.populations, state["populations"], state["bests"], strict=True):
        population.restore([candidates[i] for i in ids], candidates[best])
    try:
        # Runs from before there were several algorithms are evolutions, which remember nothing of their own.
        search.algorithm.restore(state.get("algorithm", {}), candidates)
        search.restore_state(state, candidates)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArchitectureError):
        raise RunError(
            f"{where}: {DATABASE} lacks what the algorithm remembers; save what is whole with "
            f"zennas runs --salvage {where}, or start a new run"
        ) from None


def check_same_score(search: Search, config: SearchConfig, directory: Path) -> None:
    """Check that a score computed at once still gives the best network what the run has for it: new networks would be
    compared with old ones by another measure.

    Args:
        search: the restored search.
        config: of the run.
        directory: of the run, for the message.

    Raises:
        RunError: the score is another version's.
    """
    many = registered_score(config.score).many
    best = search.populations[0].best
    if many is None or best is None:
        return
    now = many([best.super_blocks], config.resolution, score_settings(config))[0]
    if abs(now - best.score) <= SAME_SCORE * abs(best.score):
        return
    former = f"{config.score}-1"
    way = f"; write `score: {former}` into its {CONFIG} to go on with it" if former in score_names() else ""
    raise RunError(
        f"{directory}: its networks were scored by another version of {config.score} (the best one has "
        f"{best.score:.6g} in the run, {now:.6g} now){way}"
    )
