"""Carrying a search out: start or resume a run, commit its rounds, re-score, write the best down."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from zennas.architecture.model import Architecture
from zennas.errors import RunError, ZennasError
from zennas.io.imports import allow_import
from zennas.io.lock import RunLock
from zennas.io.settings import write_settings
from zennas.latency.correction import Round, corrected_costs, corrected_sets, last_checks, planned_iterations
from zennas.latency.in_search import LatencyBudget, latency_budget, resumed_latency
from zennas.latency.winner import Measurer, measured_winner
from zennas.layouts import AUTO
from zennas.optional_dependencies import installed
from zennas.runs.beginning import check_begun, check_vacant, taken_place
from zennas.runs.corrected import Following, latency_rounds, search_until_met
from zennas.runs.database import FITTED_FORMAT
from zennas.runs.events import AGAIN, EventLog
from zennas.runs.founding import founding_networks
from zennas.runs.learned import ACCURACY_MODEL, hold_kept_model, with_held_model
from zennas.runs.outputs import winner_name, write_result
from zennas.runs.rescoring import Rescorer, rescoring_execution
from zennas.runs.result import SearchResult, Winner
from zennas.runs.rows import ROUNDS_STATE
from zennas.runs.state import check_same_score, restore_search, search_state
from zennas.runs.stopping import INTERRUPTED, RUNNING, reason_to_stop, stop_requests
from zennas.runs.store import RunStore
from zennas.scores.registry import registered_score
from zennas.searching.algorithms import make_algorithm
from zennas.searching.collection import collection_put_off
from zennas.searching.compiled.core import core_of
from zennas.searching.executors import Execution, executor
from zennas.searching.islands import Islands
from zennas.searching.plugins import load_plugins
from zennas.searching.population import Candidate
from zennas.searching.problem import configured_problem
from zennas.searching.rounds import Search
from zennas.searching.scoring import chain_scorer, check_device, round_scorer
from zennas.searching.settings import (
    SearchConfig,
    check_bounded,
    check_imports,
    checked_config,
    read_config,
)
from zennas.searching.tasks import Execute

COMMIT_SECONDS = 0.5
LOG_SECONDS = 1.0
MAY_CHANGE = ("iterations", "rescore", "device", "time_limit", "patience", "target_score", "pareto")
"""Settings that a resumed run may be given anew."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a watcher is shown after a round.

    Attributes:
        phase: `search`, `measure` (latencies of the best), `rescore` (the race of the best) or `confirm` (fresh repeats
            of the winners).
        done: iterations, measurements or Monte Carlo repeats, so far.
        total: of them in all; of a race, at most; of measurements, as far as it is known.
    """

    phase: str
    done: int
    total: int
    scored: int
    best: Candidate
    seconds: float


Watcher = Callable[[Progress], None]


@dataclass(frozen=True)
class RunContext:
    """What a search is carried out with, and its result does not depend on.

    Attributes:
        watch: is shown the progress after every round.
        log_json: print the log's events on standard output.
        interrupted: is called when an interrupt is noticed, from the handler of the signal.
    """

    execution: Execution = field(default_factory=Execution)
    watch: Watcher | None = None
    log_json: bool = False
    interrupted: Callable[[], None] | None = None


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
        with place as notes:
            notes += found
            if directory is not None:
                write_settings(config, directory)
                if latency is not None:
                    latency.keep(directory)
                if model is not None:
                    model.save(directory / ACCURACY_MODEL)
            store = RunStore.begin(directory, founders, _run_state(search, RUNNING))
            run = _Run(config, directory, store, search, execute, context, latency, notes=notes)
            run.events.write("start", config=config.model_dump(exclude_none=True))
            return run.go_on()


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
        run = _Run(config, directory, store, search, execute, context, latency)
        refused.pop_all()
        run.events.write("resume", iteration=search.iteration)
        return run.go_on()


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


def new_search(
    config: SearchConfig, execute: Execute, latency: LatencyBudget | None, rounds: Sequence[Round] = ()
) -> Search:
    """A search as a configuration describes it, before its first network.

    Args:
        config: its settings.
        execute: where scores are computed.
        latency: predicts the latency of every network; `None` without a latency budget.
        rounds: what measuring the winners of the run has taught so far.

    Raises:
        ZennasError: the space, the algorithm or the score cannot be used.
    """
    problem = configured_problem(config)
    if latency is not None:
        problem = replace(
            problem,
            budget_sets=corrected_sets(problem.budget_sets, rounds),
            count=latency.count(problem.count),
            iterations=planned_iterations(problem.iterations, rounds),
        )
    algorithm = make_algorithm(config.algorithm, problem)
    search = Search(
        problem,
        algorithm,
        round_scorer(config, execute),
        config.round_size,
        config.seed,
        core=core_of(problem, config.resolution, config.num_classes, config.deployed_type) if latency is None else None,
        chain_scorer=chain_scorer(config),
    )
    return Islands(search, config) if config.islands > 1 else search


def _run_state(search: Search, status: str) -> dict[str, Any]:
    # Winners are chosen at the end alone: a run that goes on has none yet.
    return {
        **search_state(search),
        "status": status,
        "winners": [],
        "measured": [],
        "notes": [],
        "updated": time.time(),
    }


@dataclass
class _Run:
    config: SearchConfig
    directory: Path | None
    store: RunStore
    search: Search
    execute: Execute
    context: RunContext
    latency: LatencyBudget | None = None
    started: float = field(default_factory=time.perf_counter)
    notes: list[str] = field(default_factory=list)
    pending: list[Sequence[Candidate]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.events = EventLog(self.directory, self.context.log_json)
        self.first_iteration = self.search.iteration

    def go_on(self) -> SearchResult:
        with stop_requests(self.context.interrupted) as requested:
            status, measurer, aside = self._search(requested), None, 0.0
            if self.latency is not None and status != INTERRUPTED:
                following = Following(
                    lambda rounds: new_search(self.config, self.execute, self.latency, rounds),
                    lambda search: self._take_up(search, requested),
                    lambda done, total: self._show("measure", done, total),
                    self.notes,
                )
                status, measurer, aside = search_until_met(
                    self.config, self.latency, self.search, self.store, status, requested, following
                )
            seconds = self._seconds() - aside
            rescorer = None if status == INTERRUPTED else self._rescorer(requested)
            finish = rescorer.race() if rescorer else None
            winners = [self._winner(number, finish, measurer) for number in range(len(self.search.populations))]
            if rescorer is not None:
                winners, whole = self._confirmed(rescorer, finish is not None, winners)
                status = status if whole else INTERRUPTED
        search = self.search
        result = SearchResult(
            self.config,
            winners,
            self.directory,
            status,
            search.iteration,
            search.scored,
            seconds,
            tuple(self.notes),
            search.iteration - self.first_iteration,
            self.store,
            rescoring=rescorer.result if rescorer else None,
            latency_rounds=latency_rounds(self.store.state()),
            signal=requested.signal if status == INTERRUPTED else None,
        )
        self.store.set_state(
            status=status,
            winners=[winner.candidate.id for winner in result.winners],
            measured=[winner.measured_latency for winner in result.winners],
            notes=self.notes,
        )
        if self.directory is not None:
            write_result(result, self.directory)
        best = result.best
        self.events.write(
            "end",
            status=status,
            score=best.score,
            params=best.costs.params,
            flops=best.costs.flops,
            seconds=round(seconds, 3),
            zen=best.rescored_values(),
            rescoring=asdict(result.rescoring) if result.rescoring else None,
            latency_correction=result.latency_correction(best),
        )
        return result

    def _take_up(self, search: Search, requested: threading.Event) -> str:
        """Go on with a search that begins again; why that ended."""
        self.search, self.pending = search, []
        self.events.write(AGAIN, iteration=search.iteration, rounds=self.store.state()[ROUNDS_STATE])
        return self._search(requested)

    def commit(self, status: str) -> None:
        """Make everything so far durable."""
        self.store.commit(self.pending, self.search.failures, _run_state(self.search, status))
        self.pending = []
        self.search.failures.clear()

    def _search(self, requested: threading.Event) -> str:
        # A score or predictor that computes with other libraries may make circles of its own, of tensors.
        cheap = registered_score(self.config.score).many is not None and self.latency is None
        with closing(self.search), collection_put_off() if cheap else nullcontext():
            return self._rounds(requested)

    def _rounds(self, requested: threading.Event) -> str:
        search = self.search
        rounds = latency_rounds(self.store.state())
        first = rounds[-1].iteration if rounds else 0
        committed = logged = time.perf_counter()
        while True:
            status = INTERRUPTED if requested.is_set() and not search.finished else self._rule(first)
            if status:
                self.commit(status)
                return status
            self.pending.append(search.step())
            now = time.perf_counter()
            if now - committed > COMMIT_SECONDS:
                self.commit(RUNNING)
                committed = time.perf_counter()
            if now - logged > LOG_SECONDS:
                self._log_progress()
                logged = now
            self._show("search", search.iteration, search.problem.iterations)

    def _rule(self, began: int) -> str:
        return reason_to_stop(self.search, self.config, self._seconds(), began)

    def _log_progress(self) -> None:
        search, best = self.search, self.search.best
        self.events.write(
            "progress",
            iteration=search.iteration,
            scored=search.scored,
            failed=search.failed,
            best_score=best.score,
            best_params=best.costs.params,
            best_flops=best.costs.flops,
            seconds=round(self._seconds(), 3),
        )

    def _show(self, phase: str, done: int, total: int) -> None:
        if self.context.watch:
            search = self.search
            self.context.watch(Progress(phase, done, total, search.scored, search.best, self._seconds()))

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _rescorer(self, requested: threading.Event) -> Rescorer | None:
        config = self.config
        if not config.rescore or not registered_score(config.score).estimates_zen:
            return None
        if not installed("torch"):
            self.notes.append(
                "the best candidates were not re-scored by Monte Carlo: torch is not installed "
                "(pip install 'zennas[torch]')"
            )
            return None
        leaders = [population.ranked()[: config.rescore] for population in self.search.populations]
        execute, at_once = rescoring_execution(config, self.context.execution, self.execute, leaders)
        return Rescorer(config, leaders, self.store, execute, at_once, requested, self._show)

    def _winner(self, number: int, finish: Sequence[Sequence[Candidate]] | None, measurer: Measurer | None) -> Winner:
        config, budgets = self.config, self.config.budget_sets()[number]
        check = last_checks(latency_rounds(self.store.state()), len(self.search.populations))[number]
        ranked = self.search.populations[number].ranked()
        if finish is not None:
            raced = {c.id for c in finish[number]}
            ranked = [*finish[number], *(c for c in ranked if c.id not in raced)]
        winner, measured = ranked[0], None
        if measurer is not None:
            factor = 1.0 if check is None else check.factor
            winner, measured = measured_winner(measurer, ranked, self.store.candidates, budgets, self.notes, factor)
        name = winner_name(config.space, config.resolution, budgets)
        architecture = Architecture(winner.super_blocks, name, config.resolution, config.num_classes)
        costs = corrected_costs(winner.costs, check)
        return Winner(architecture, winner, winner.score, costs, budgets, measured_latency=measured)

    def _confirmed(self, rescorer: Rescorer, raced: bool, winners: list[Winner]) -> tuple[list[Winner], bool]:
        """The winners with their Monte Carlo scores, of which fresh repeats are computed unless the race was left; and
        whether that was not interrupted."""
        whole = raced and rescorer.confirm([winner.candidate for winner in winners])
        if not whole:
            self.notes.append("interrupted while re-scoring; --resume goes on with it")
        if not raced:
            return winners, whole
        scored = []
        for winner in winners:
            score, independent = rescorer.score(winner.candidate)
            scored.append(replace(winner, rescored=score, independent=independent))
        return scored, whole
