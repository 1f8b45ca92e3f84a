"""Starting a run, and going on with one."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from pathlib import Path
from typing import Any

from zennas.errors import RunError, ZennasError
from zennas.io.imports import allow_import
from zennas.io.lock import RunLock
from zennas.io.settings import write_settings
from zennas.latency.in_search import LatencyBudget, latency_budget, resumed_latency
from zennas.layouts import AUTO
from zennas.runs.beginning import check_begun, check_vacant, taken_place
from zennas.runs.carrying_out import Run, RunContext, run_state
from zennas.runs.configured import new_search
from zennas.runs.corrected import latency_rounds
from zennas.runs.database import FITTED_FORMAT
from zennas.runs.founding import founding_networks
from zennas.runs.learned import ACCURACY_MODEL, hold_kept_model, with_held_model
from zennas.runs.result import SearchResult
from zennas.runs.state import check_same_score, restore_search
from zennas.runs.stopping import RUNNING
from zennas.runs.store import RunStore
from zennas.searching.executors import executor
from zennas.searching.plugins import load_plugins
from zennas.searching.scoring import check_device
from zennas.searching.settings import (
    SearchConfig,
    check_bounded,
    check_imports,
    checked_config,
    read_config,
)

MAY_CHANGE = ("iterations", "rescore", "device", "time_limit", "patience", "target_score", "pareto")
"""Settings that a resumed run may be given anew."""


def start_run(
    config: SearchConfig,
    directory: Path | None,
    context: RunContext | None = None,
    latency: LatencyBudget | None = None,
    *,
    allow_imports: bool = False,
) -> SearchResult:
    """Start a new run in an empty or missing directory (`None`: in memory).

    Args:
        config: the search's settings.
        directory: where the run is kept.
        context: workers and watchers; the result does not depend on them.
        latency: what predicts latencies, where it is there already; else it is got as the configuration says.
        allow_imports: import the plugins that the run names from which it starts; runs their code.

    Raises:
        RunError: the directory holds something already, or another process begins a run there; nothing was written.
        BudgetError: there is no upper bound, or nothing in the space meets the budgets; nothing was written.
        DeviceError: torch cannot use the device; nothing was written.
    """
    context = context or RunContext()
    if directory is not None:
        check_vacant(directory)
    load_plugins(config.plugins)
    config, model = with_held_model(config)
    check_device(config, elsewhere=context.execution.ray is not None)
    with executor(context.execution) as execute:
        latency = latency or latency_budget(config)
        check_bounded(config)
        if latency is not None:
            config = config.model_copy(update={"latency_layout": latency.predictor.setting.layout})
        search = new_search(config, execute, latency)
        starts, found = founding_networks(search.problem, config, allow_imports)
        founders = search.begin(starts)
        if search.failures and (config.from_run is None or not founders):
            raise ZennasError(f"the {config.score} score refuses the start: {search.failures[0][2]}")
        place: AbstractContextManager[list[str]] = nullcontext([]) if directory is None else taken_place(directory)
        with place as notes, ExitStack() as stopped:
            notes += found
            if directory is not None:
                write_settings(config, directory)
                if latency is not None:
                    latency.keep(directory)
                if model is not None:
                    model.save(directory / ACCURACY_MODEL)
            store = stopped.enter_context(closing(RunStore.begin(directory, founders, run_state(search, RUNNING))))
            run = Run(config, directory, store, search, execute, context, latency, notes=notes)
            run.events.write("start", config=config.model_dump(exclude_none=True))
            result = run.go_on()
            stopped.pop_all()
            return result


def resume_run(
    directory: Path,
    changes: dict[str, Any] | None = None,
    context: RunContext | None = None,
    *,
    allow_imports: bool = False,
) -> SearchResult:
    """Go on with a run where its last commit left it; the outcome is that of a run never interrupted.

    Args:
        directory: of the run.
        changes: settings that may change on the way (`MAY_CHANGE`). `plugins` and `start` that are the run's own give
            leave to import them.
        context: workers and watchers; the result does not depend on them.
        allow_imports: import whatever modules of a user's own the run names; runs their code.

    Raises:
        RunError: no run, a damaged one, one that another process works on, or a setting that cannot change.
        ImportRefusedError: the run names a module that was not allowed.
    """
    context = context or RunContext()
    check_begun(directory)
    changes = dict(changes or {})
    if changes.get("latency_layout") == AUTO:
        changes.pop("latency_layout")  # the run has chosen
    _allow_named(changes)
    config = read_config(directory, allow_imports)
    check_imports(config, directory, allow_imports)
    if set(changes.get("plugins", ())) <= set(config.plugins):
        changes.pop("plugins", None)
    config = _changed(config, changes, directory)
    load_plugins(config.plugins)
    hold_kept_model(config, directory)
    check_device(config, elsewhere=context.execution.ray is not None)
    with RunLock(directory), executor(context.execution) as execute, ExitStack() as refused:
        store = RunStore(directory, write=True)
        refused.callback(store.close)
        config = as_begun(config, store.format)
        latency = resumed_latency(config, directory)
        search = new_search(config, execute, latency, latency_rounds(store.state()))
        restore_search(search, store)
        check_same_score(search, config, directory)
        if changes:
            write_settings(config, directory)
        run = Run(config, directory, store, search, execute, context, latency)
        run.events.write("resume", iteration=search.iteration)
        result = run.go_on()
        refused.pop_all()
        return result


def as_begun(config: SearchConfig, format: int) -> SearchConfig:
    """The configuration by which a run of an earlier format goes on as it began.

    Args:
        config: as the run's file has it.
        format: of its database.
    """
    if format < FITTED_FORMAT and config.algorithm == "evolution":
        return config.model_copy(update={"algorithm": "zen-nas"})
    return config


def _allow_named(settings: Mapping[str, Any]) -> None:
    """What the caller names may be imported, also where the run's file names it."""
    load_plugins(settings.get("plugins", ()))
    if "start" in settings:
        allow_import(str(settings["start"]))


def _changed(config: SearchConfig, changes: dict[str, Any], directory: Path) -> SearchConfig:
    changed = checked_config({**config.model_dump(), **changes})
    wrong = [key for key in changes if key not in MAY_CHANGE and getattr(config, key) != getattr(changed, key)]
    if wrong:
        raise RunError(
            f"{directory}: {', '.join(wrong)} cannot change on resume; what can is {', '.join(MAY_CHANGE)}; "
            f"start a new run from its networks for the rest: --from {directory}"
        )
    return changed
