"""A run read from disk, without going on with it."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from zennas.architecture.model import Architecture
from zennas.latency.correction import corrected_costs, last_checks
from zennas.runs.beginning import check_begun
from zennas.runs.corrected import latency_rounds
from zennas.runs.outputs import winner_name
from zennas.runs.rescoring import fresh_repeats, reportable, reported_score
from zennas.runs.result import SearchResult, Winner
from zennas.runs.rows import RACE_STATE
from zennas.runs.state import check_state
from zennas.runs.store import RunStore
from zennas.searching.plugins import load_plugins, plugins_left_out
from zennas.searching.population import Candidate
from zennas.searching.settings import SearchConfig, read_config, refused_plugins


def read_run(directory: Path | str, *, allow_imports: bool = False) -> SearchResult:
    """The result of a run on disk as of its last commit, finished or not. Nothing in its directory is written.

    The winners of a finished run are those that it chose; of one that goes on or was interrupted, the networks of
    the highest score so far. `seconds` is 0: how long a run took over several resumes is in its log.

    Args:
        directory: of the run.
        allow_imports: import the plugins that the run names, which runs their code. Without it those that this
            process has not imported yet are left out, and are the result's `plugins_left_out`.

    Raises:
        RunError: no run, or a damaged one.
        ImportRefusedError: it cannot be read without a plugin that was left out.
    """
    directory = Path(directory)
    check_begun(directory)
    config = read_config(directory, allow_imports)
    left_out = tuple(refused_plugins(config.plugins, allow_imports))
    load_plugins([name for name in config.plugins if name not in left_out])
    with plugins_left_out(left_out):
        return _read(directory, config, left_out)


def _read(directory: Path, config: SearchConfig, left_out: tuple[str, ...]) -> SearchResult:
    store = RunStore(directory)
    try:
        state, raced = store.state(), store.rescored()
        wanted = {*chain(*state.get("populations", ())), *(state.get("winners") or ())}
        scored, last, candidates = 0, 0, {}
        for candidate in store.each_candidate():
            scored, last = scored + 1, candidate.iteration
            if candidate.id in wanted:
                candidates[candidate.id] = candidate
    finally:
        store.close()
    budget_sets, fresh = config.budget_sets(), fresh_repeats(state)
    choosing = reportable(raced, state.get(RACE_STATE, config.batch_size), config.batch_size)
    check_state(state, scored, last, len(budget_sets), directory)
    chosen = state.get("winners") or [_best(candidates, ids) for ids in state["populations"]]
    latencies = state.get("measured") or [None] * len(chosen)
    winners = []
    rounds = latency_rounds(state)
    checks = last_checks(rounds, len(budget_sets))
    for budgets, number, measured, check in zip(budget_sets, chosen, latencies, checks, strict=True):
        candidate = candidates[number]
        name = winner_name(config.space, config.resolution, budgets)
        architecture = Architecture(candidate.super_blocks, name, config.resolution, config.num_classes)
        score, independent = reported_score(number, choosing, fresh)
        costs = corrected_costs(candidate.costs, check)
        winners.append(Winner(architecture, candidate, candidate.score, costs, budgets, score, measured, independent))
    notes = tuple(state.get("notes", ()))
    return SearchResult(
        config,
        winners,
        directory,
        state["status"],
        state["iteration"],
        scored,
        0.0,
        notes,
        plugins_left_out=left_out,
        latency_rounds=rounds,
    )


def _best(candidates: Mapping[int, Candidate], ids: Sequence[int]) -> int:
    return max(ids, key=lambda number: (candidates[number].score, -number))
