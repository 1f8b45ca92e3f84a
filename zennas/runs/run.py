"""Carrying a search out: start or resume a run, commit its rounds, re-score, write the best down."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zennas.architecture.model import Architecture
from zennas.counting import count_super_blocks
from zennas.errors import RunError, ZennasError
from zennas.io.lock import RunLock
from zennas.io.settings import write_settings
from zennas.latency.in_search import LatencyBudget, latency_budget, resumed_latency
from zennas.latency.winner import measured_winner
from zennas.optional_dependencies import installed
from zennas.runs.beginning import check_begun, check_vacant, taken_place
from zennas.runs.events import EventLog
from zennas.runs.outputs import winner_name, write_result
from zennas.runs.rescoring import rescore
from zennas.runs.result import SearchResult, Winner
from zennas.runs.state import restore_search, search_state
from zennas.runs.stopping import INTERRUPTED, RUNNING, reason_to_stop, stop_requests
from zennas.runs.store import RunStore
from zennas.scores.registry import registered_score
from zennas.scores.result import Score
from zennas.searching.algorithms import Count, Problem, make_algorithm
from zennas.searching.executors import Execution, executor
from zennas.searching.plugins import load_plugins
from zennas.searching.population import Candidate
from zennas.searching.rounds import Search
from zennas.searching.scoring import check_device, round_scorer
from zennas.searching.settings import SearchConfig, check_bounded, checked_config, configured_space, read_config
from zennas.searching.tasks import Execute
from zennas.spaces.start import starting_network

COMMIT_SECONDS = 0.5
LOG_SECONDS = 1.0
MAY_CHANGE = ("iterations", "rescore", "device", "time_limit", "patience", "target_score", "pareto")
"""Settings that a resumed run may be given anew."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a watcher is shown after a round.

    Attributes:
        phase: `search` or `rescore`.
        done: iterations, or re-scored networks, so far.
        total: of them in all.
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
    """

    execution: Execution = field(default_factory=Execution)
    watch: Watcher | None = None
    log_json: bool = False


def start_run(
    config: SearchConfig,
    directory: Path | None,
    around: RunContext | None = None,
    latency: LatencyBudget | None = None,
) -> SearchResult:
    """Start a new run in an empty or missing directory (`None`: in memory).

    Args:
        config: the search's settings.
        directory: where the run is kept.
        around: workers and watchers; the result does not depend on them.
        latency: what predicts latencies, where it is there already; else it is got as the configuration says.

    Raises:
        RunError: the directory holds something already, or another process begins a run there; nothing was written.
        BudgetError: there is no upper bound, or nothing in the space meets the budgets; nothing was written.
        DeviceError: torch cannot use the device; nothing was written.
    """
    around = around or RunContext()
    if directory is not None:
        check_vacant(directory)
    load_plugins(config.plugins)
    check_device(config, elsewhere=around.execution.ray is not None)
    with executor(around.execution) as execute:
        latency = latency or latency_budget(config)
        check_bounded(config)
        search = new_search(config, execute, latency)
        starts = [
            starting_network(
                search.problem.space,
                budgets,
                config.resolution,
                config.num_classes,
                np.random.default_rng([config.seed, 1 << 32, niche]),
                search.problem.count,
            )
            for niche, budgets in enumerate(search.budget_sets)
        ]
        founders = search.begin(starts)
        if search.failures:
            raise ZennasError(f"the {config.score} score refuses the start: {search.failures[0][2]}")
        place: AbstractContextManager[list[str]] = nullcontext([]) if directory is None else taken_place(directory)
        with place as notes:
            if directory is not None:
                write_settings(config, directory)
                if latency is not None:
                    latency.keep(directory)
            store = RunStore.begin(directory, founders, _run_state(search, RUNNING))
            run = _Run(config, directory, store, search, execute, around, latency, notes=notes)
            run.journal.write("start", config=config.model_dump(exclude_none=True))
            return run.run_task()


def resume_run(
    directory: Path, changes: dict[str, Any] | None = None, around: RunContext | None = None
) -> SearchResult:
    """Go on with a run where its last commit left it; the outcome is that of a run never interrupted.

    Args:
        directory: of the run.
        changes: settings that may change on the way (`MAY_CHANGE`).
        around: workers and watchers; the result does not depend on them.

    Raises:
        RunError: no run, a damaged one, one that another process works on, or a setting that cannot change.
    """
    around = around or RunContext()
    check_begun(directory)
    config = _changed(read_config(directory), changes or {}, directory)
    load_plugins(config.plugins)
    check_device(config, elsewhere=around.execution.ray is not None)
    with RunLock(directory), executor(around.execution) as execute:
        store = RunStore(directory, write=True)
        try:
            latency = resumed_latency(config, directory)
            search = new_search(config, execute, latency)
            restore_search(search, store)
            if changes:
                write_settings(config, directory)
        except BaseException:
            store.close()
            raise
        run = _Run(config, directory, store, search, execute, around, latency)
        run.journal.write("resume", iteration=search.iteration)
        return run.run_task()


def _changed(config: SearchConfig, changes: dict[str, Any], directory: Path) -> SearchConfig:
    changed = checked_config({**config.model_dump(), **changes})
    wrong = [key for key in changes if key not in MAY_CHANGE and getattr(config, key) != getattr(changed, key)]
    if wrong:
        raise RunError(
            f"{directory}: {', '.join(wrong)} cannot change on resume; what can is {', '.join(MAY_CHANGE)}; "
            "start a new run for the rest"
        )
    return changed


def new_search(config: SearchConfig, execute: Execute, latency: LatencyBudget | None) -> Search:
    """A search at its start, without its starting networks.

    Args:
        config: its settings.
        execute: carries the scoring out.
        latency: what predicts latencies, where they have a budget.

    Raises:
        ZennasError: the space, the score or the algorithm cannot be used.
    """
    resolution, classes = config.resolution, config.num_classes
    count: Count = lambda super_blocks: count_super_blocks(super_blocks, resolution, classes)  # noqa: E731
    problem = Problem(
        configured_space(config),
        config.budget_sets(),
        count if latency is None else latency.count(count),
        config.iterations,
        config.population,
    )
    algorithm = make_algorithm(config.algorithm, problem)
    return Search(problem, algorithm, round_scorer(config, execute), config.round_size, config.seed)


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
    around: RunContext
    latency: LatencyBudget | None = None
    started: float = field(default_factory=time.perf_counter)
    notes: list[str] = field(default_factory=list)
    pending: list[Candidate] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = EventLog(self.directory, self.around.log_json)
        self.first_iteration = self.search.iteration

    def run_task(self) -> SearchResult:
        with stop_requests() as requested:
            status = self._search(requested)
            rescored = {} if status == INTERRUPTED else self._rescored(requested)
        search, seconds = self.search, self._seconds()
        result = SearchResult(
            self.config,
            [self._winner(niche, rescored, status) for niche in range(len(search.populations))],
            self.directory,
            status,
            search.iteration,
            search.scored,
            seconds,
            tuple(self.notes),
            search.iteration - self.first_iteration,
            self.store,
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
        self.journal.write("end", status=status, score=best.score, params=best.costs.params, flops=best.costs.flops)
        return result

    def commit(self, candidates: list[Candidate], status: str) -> None:
        """Make everything so far durable."""
        self.store.commit(candidates, self.search.failures, _run_state(self.search, status))
        self.search.failures.clear()

    def _search(self, requested: threading.Event) -> str:
        search = self.search
        committed = logged = time.perf_counter()
        while True:
            status = INTERRUPTED if requested.is_set() and not search.finished else self._rule()
            if status:
                self.commit(self.pending, status)
                return status
            self.pending += search.step()
            now = time.perf_counter()
            if now - committed > COMMIT_SECONDS:
                self.commit(self.pending, RUNNING)
                self.pending = []
                committed = time.perf_counter()
            if now - logged > LOG_SECONDS:
                self._log_progress()
                logged = now
            self._show("search", search.iteration, search.problem.iterations)

    def _rule(self) -> str:
        return reason_to_stop(self.search, self.config, self._seconds())

    def _log_progress(self) -> None:
        search, best = self.search, self.search.best
        self.journal.write(
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
        if self.around.watch:
            search = self.search
            self.around.watch(Progress(phase, done, total, search.scored, search.best, self._seconds()))

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _rescored(self, requested: threading.Event) -> dict[int, Score]:
        if not self.config.rescore or not registered_score(self.config.score).estimates_zen:
            return {}
        if not installed("torch"):
            self.notes.append(
                "the best candidates were not re-scored by Monte Carlo: torch is not installed "
                "(pip install 'zennas[torch]')"
            )
            return {}
        scores = rescore(
            self.config,
            self.search,
            self.store,
            self.execute,
            requested,
            lambda done, total: self._show("rescore", done, total),
        )
        if not scores:
            self.notes.append("interrupted while re-scoring; --resume goes on with it")
        return scores

    def _winner(self, niche: int, rescored: dict[int, Score], status: str) -> Winner:
        budgets, config = self.search.budget_sets[niche], self.config
        ranked = self.search.populations[niche].ranked()
        leaders = [c for c in ranked[: config.rescore] if c.id in rescored]
        ranked = sorted(leaders, key=lambda c: -rescored[c.id].score) + [c for c in ranked if c.id not in rescored]
        winner, measured = ranked[0], None
        if self.latency is not None and status != INTERRUPTED:
            latency = self.latency
            winner, measured = measured_winner(
                latency.predictor, latency.num_classes, ranked, self.store.candidates, budgets, self.notes
            )
        name = winner_name(config.space, config.resolution, budgets)
        architecture = Architecture(winner.super_blocks, name, config.resolution, config.num_classes)
        score = rescored.get(winner.id)
        return Winner(architecture, winner, winner.score, winner.costs, budgets, score, measured)
