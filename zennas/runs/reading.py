"""A run read from disk, without going on with it."""

from collections.abc import Sequence
from pathlib import Path

from zennas.architecture.model import Architecture
from zennas.errors import RunError
from zennas.runs.outputs import winner_name
from zennas.runs.rescoring import fresh_repeats, reported_score
from zennas.runs.result import SearchResult, Winner
from zennas.runs.store import DATABASE, RunStore
from zennas.searching.plugins import load_plugins, plugins_left_out
from zennas.searching.population import Candidate
from zennas.searching.settings import SearchConfig, read_config, refused_plugins


def read_run(directory: Path | str, *, allow_imports: bool = False) -> SearchResult:
    """The result of a run on disk as of its last commit, finished or not. Nothing is written.

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
    config = read_config(directory, allow_imports)
    left_out = tuple(refused_plugins(config.plugins, allow_imports))
    load_plugins([name for name in config.plugins if name not in left_out])
    with plugins_left_out(left_out):
        return _read(directory, config, left_out)


def _read(directory: Path, config: SearchConfig, left_out: tuple[str, ...]) -> SearchResult:
    store = RunStore(directory)
    state = store.state()
    candidates = store.candidates()
    choosing, fresh = store.rescored(), fresh_repeats(state)
    winners = []
    try:
        budget_sets = config.budget_sets()
        chosen = state.get("winners") or [_best(candidates, ids) for ids in state["populations"]]
        latencies = state.get("measured") or [None] * len(chosen)
        notes = tuple(map(str, state.get("notes", ())))
        for budgets, number, measured in zip(budget_sets, chosen, latencies, strict=True):
            candidate = candidates[number]
            name = winner_name(config.space, config.resolution, budgets)
            architecture = Architecture(candidate.super_blocks, name, config.resolution, config.num_classes)
            score, independent = reported_score(number, choosing, fresh)
            costs = candidate.costs
            winners.append(
                Winner(architecture, candidate, candidate.score, costs, budgets, score, measured, independent)
            )
        status, iterations = str(state["status"]), int(state["iteration"])
    except (KeyError, IndexError, TypeError, ValueError):
        raise RunError(f"{directory}: {DATABASE} lacks the population; start a new run") from None
    return SearchResult(
        config,
        winners,
        directory,
        status,
        iterations,
        len(candidates),
        0.0,
        notes,
        store=store,
        plugins_left_out=left_out,
    )


def _best(candidates: Sequence[Candidate], ids: Sequence[int]) -> int:
    return max(ids, key=lambda number: (candidates[number].score, -number))
