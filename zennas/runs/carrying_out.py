"""A search being carried out: its rounds are committed, its winners measured and re-scored, the best written down."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from zennas.architecture.model import Architecture
from zennas.latency.correction import corrected_costs, last_checks
from zennas.latency.in_search import LatencyBudget
from zennas.latency.winner import Measurer, measured_winner
from zennas.optional_dependencies import installed
from zennas.runs.advice import depth_advice, early_end_advice
from zennas.runs.configured import new_search
from zennas.runs.corrected import Following, latency_rounds, search_until_met
from zennas.runs.events import AGAIN, EventLog
from zennas.runs.outputs import winner_name, write_result
from zennas.runs.rescoring import Rescorer, rescoring_execution
from zennas.runs.result import SearchResult, Winner
from zennas.runs.rows import ROUNDS_STATE
from zennas.runs.state import search_state
from zennas.runs.stopping import INTERRUPTED, RUNNING, reason_to_stop, stop_requests
from zennas.runs.store import RunStore
from zennas.scores.registry import registered_score
from zennas.searching.collection import collection_put_off
from zennas.searching.executors import Execution
from zennas.searching.population import Candidate
from zennas.searching.rounds import Search
from zennas.searching.settings import SearchConfig
from zennas.searching.tasks import Execute

COMMIT_SECONDS = 0.1
LOG_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What a watcher is shown after a round.

    Attributes:
        phase: `search`, `measure` (latencies of the best), `rescore` (the race of the best) or `confirm` (fresh repeats
            of the winners).
        done: iterations, measurements or Monte Carlo repeats, so far.
        total: of them in all; of a race, at most; of measurements, as far as it is known.
        scored: networks so far.
        best: the candidate of the highest score so far.
        seconds: since the start or resume.
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
        execution: where networks are scored; by default in this process.
        watch: is shown the progress after every round.
        log_json: print the log's events on standard output.
        interrupted: is called when an interrupt is noticed, from the handler of the signal.
    """

    execution: Execution = field(default_factory=Execution)
    watch: Watcher | None = None
    log_json: bool = False
    interrupted: Callable[[], None] | None = None


def run_state(search: Search, status: str) -> dict[str, Any]:
    """What is kept of a search beside its candidates while it goes on.

    Args:
        search: where it is.
        status: why it stands there, or that it runs.
    """
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
class Run:
    """A search on its way to its result, and what it is kept in.

    Attributes:
        config: the search's settings.
        directory: of the run; `None` where it is in memory.
        store: its database.
        search: where the search is.
        execute: where scores are computed.
        context: what it is carried out with.
        latency: predicts the latency of every network; `None` without a latency budget.
        started: when, by the performance counter.
        notes: what the user has to know of the result.
        pending: candidates that are not committed yet, by round.
    """

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
        """Carry it out to its end, or until it is interrupted."""
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
        self.notes += depth_advice(winners)
        if not self.first_iteration and not latency_rounds(self.store.state()):
            self.notes += early_end_advice(search, self.config.algorithm, status)
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
        self.store.commit(self.pending, self.search.failures, run_state(self.search, status))
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
