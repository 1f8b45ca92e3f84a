"""Carrying a search out: start or resume a run, watch its stopping rules, commit, re-score, write the best down."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zennas.architecture.files import write_architecture
from zennas.architecture.model import Architecture
from zennas.counting import count_super_blocks
from zennas.errors import RunError, ZennasError
from zennas.evolution.budgets import Budget
from zennas.evolution.config import SearchConfig, checked_config, read_config, write_config
from zennas.evolution.evolve import Count, Evolution
from zennas.evolution.latency import LatencyBudget, latency_budget, resumed_latency
from zennas.evolution.lock import RunLock
from zennas.evolution.population import Candidate
from zennas.evolution.result import SearchResult, Winner
from zennas.evolution.scoring import serial_scorer
from zennas.evolution.space import search_space
from zennas.evolution.start import starting_network
from zennas.evolution.store import DATABASE, RunStore, evolution_state, restore_evolution
from zennas.extras import installed
from zennas.scores.registry import registered_score
from zennas.scores.result import Score, score_from_repeats

COMMIT_SECONDS = 0.5
RESCORE_REPEATS = 4
BEST = "best.yaml"
MAY_CHANGE = ("iterations", "rescore", "device", "time_limit", "patience", "target_score")
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


def start_run(
    config: SearchConfig, directory: Path | None, watch: Watcher | None = None, latency: LatencyBudget | None = None
) -> SearchResult:
    """Start a new run in an empty or missing directory (`None`: in memory).

    Args:
        latency: what predicts latencies, where it is there already; else it is got as the configuration says.

    Raises:
        RunError: the directory holds something already.
        BudgetError: nothing in the space meets the budgets; nothing was written.
    """
    if directory is not None and (directory / DATABASE).exists():
        raise RunError(
            f"{directory}: holds a run already; go on with it by --resume {directory}, or give another --out"
        )
    if directory is not None and directory.exists() and not directory.is_dir():
        raise RunError(f"{directory}: is a file; give a directory for --out")
    if directory is not None and directory.exists() and any(directory.iterdir()):
        raise RunError(f"{directory}: is not empty and holds no run; give another --out")
    latency = latency or latency_budget(config)
    evolution = _evolution(config, latency)
    starts = [
        starting_network(
            evolution.space,
            budgets,
            config.resolution,
            config.num_classes,
            np.random.default_rng([config.seed, 1 << 32, niche]),
            evolution.count,
        )
        for niche, budgets in enumerate(evolution.niches)
    ]
    if directory is not None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{directory}: cannot be created: {error.strerror}") from None
    with RunLock(directory) if directory is not None else nullcontext():
        if directory is not None:
            write_config(config, directory)
            if latency is not None:
                latency.keep(directory)
        store = RunStore(directory, create=True)
        run = _Run(config, directory, store, evolution, watch, latency)
        founders = evolution.begin(starts)
        if evolution.failures:
            raise ZennasError(f"the {config.score} score refuses the start: {evolution.failures[0][2]}")
        run.commit(founders, "running")
        return run.carry_out()


def resume_run(directory: Path, changes: dict[str, Any] | None = None, watch: Watcher | None = None) -> SearchResult:
    """Go on with a run where its last commit left it; the outcome is that of a run never interrupted.

    Args:
        changes: settings that may change on the way: `iterations`, stopping rules, workers.

    Raises:
        RunError: no run, a damaged one, or one that another process works on.
    """
    config = read_config(directory)
    if changes:
        wrong = [key for key, value in changes.items() if key not in MAY_CHANGE and getattr(config, key) != value]
        if wrong:
            raise RunError(
                f"{directory}: {', '.join(wrong)} cannot change on resume; "
                f"what can is {', '.join(MAY_CHANGE)}; start a new run for the rest"
            )
        config = checked_config({**config.model_dump(), **changes})
    with RunLock(directory):
        store = RunStore(directory)
        latency = resumed_latency(config, directory)
        evolution = _evolution(config, latency)
        restore_evolution(evolution, store)
        if changes:
            write_config(config, directory)
        return _Run(config, directory, store, evolution, watch, latency).carry_out()


def _evolution(config: SearchConfig, latency: LatencyBudget | None = None) -> Evolution:
    space = search_space(config.space, config.resolution, config.se)
    space.check_resolution(config.resolution)
    resolution, classes = config.resolution, config.num_classes
    count: Count = lambda super_blocks: count_super_blocks(super_blocks, resolution, classes)  # noqa: E731
    return Evolution(
        space,
        config.niches(),
        count if latency is None else latency.count(count),
        serial_scorer(config),
        config.iterations,
        config.population,
        config.round_size,
        config.seed,
    )


@dataclass
class _Run:
    config: SearchConfig
    directory: Path | None
    store: RunStore
    evolution: Evolution
    watch: Watcher | None
    latency: LatencyBudget | None = None
    started: float = field(default_factory=time.perf_counter)
    notes: list[str] = field(default_factory=list)
    pending: list[Candidate] = field(default_factory=list)

    def carry_out(self) -> SearchResult:
        with _stop_requests() as requested:
            status = self._search(requested)
            rescored: dict[int, Score] = {}
            if status != "interrupted":
                rescored = self._rescore(requested)
        seconds = self._seconds()
        self.store.set_state(status=status, seconds=seconds)
        winners = [self._winner(niche, rescored, status) for niche in range(len(self.evolution.populations))]
        result = SearchResult(
            self.config, winners, self.directory, status, self.evolution.iteration, self.evolution.scored,
            seconds, tuple(self.notes), self.store,
        )  # fmt: skip
        if self.directory is not None:
            write_result(result, self.directory)
        return result

    def commit(self, candidates: list[Candidate], status: str) -> None:
        state = {**evolution_state(self.evolution), "status": status}
        self.store.commit(candidates, self.evolution.failures, state)
        self.evolution.failures.clear()

    def _search(self, requested: threading.Event) -> str:
        evolution = self.evolution
        committed = time.perf_counter()
        while True:
            status = self._stopped(requested)
            if status:
                self.commit(self.pending, status)
                return status
            self.pending += evolution.step()
            now = time.perf_counter()
            if now - committed > COMMIT_SECONDS:
                self.commit(self.pending, "running")
                self.pending = []
                committed = now
            if self.watch:
                self.watch(
                    Progress(
                        "search",
                        evolution.iteration,
                        evolution.iterations,
                        evolution.scored,
                        evolution.best,
                        self._seconds(),
                    )
                )

    def _stopped(self, requested: threading.Event) -> str:
        evolution, config = self.evolution, self.config
        if requested.is_set():
            return "interrupted"
        if evolution.finished:
            return "finished"
        if config.time_limit is not None and self._seconds() >= config.time_limit:
            return "time limit"
        if config.patience is not None and evolution.iteration - evolution.best.iteration >= config.patience:
            return "patience"
        if config.target_score is not None and evolution.best.score >= config.target_score:
            return "target score"
        return ""

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _rescore(self, requested: threading.Event) -> dict[int, Score]:
        """Monte Carlo scores of the best of each population, by candidate id."""
        if not self.config.rescore or not registered_score(self.config.score).estimates_zen:
            return {}
        if not installed("torch"):
            self.notes.append(
                "the best candidates were not re-scored by Monte Carlo: torch is not installed "
                "(pip install 'zennas[torch]')"
            )
            return {}
        from zennas.scores.zen import zen_score

        done = {i: score_from_repeats("zen", r, 0.0) for i, r in self.store.rescored().items()}
        best = {
            c.id: c for p in self.evolution.populations for c in p.ranked()[: self.config.rescore]
        }  # a network may lead several populations
        scores: dict[int, Score] = {}
        for number, (identity, candidate) in enumerate(best.items(), start=1):
            if requested.is_set():
                self.notes.append("interrupted while re-scoring; --resume goes on with it")
                return {}
            if identity not in done:
                done[identity] = zen_score(
                    Architecture(candidate.super_blocks),
                    self.config.resolution,
                    batch_size=self.config.batch_size,
                    repeats=max(RESCORE_REPEATS, self.config.repeats),
                    seed=self.config.seed + 1,
                    device=self.config.device,
                )
                self.store.save_rescored({identity: done[identity]})
            scores[identity] = done[identity]
            if self.watch:
                self.watch(
                    Progress(
                        "rescore",
                        number,
                        len(best),
                        self.evolution.scored,
                        self.evolution.best,
                        self._seconds(),
                    )
                )
        return scores

    def _winner(self, niche: int, rescored: dict[int, Score], status: str) -> Winner:
        population = self.evolution.populations[niche]
        ranked = population.ranked()
        leaders = [c for c in ranked[: self.config.rescore] if c.id in rescored]
        ranked = sorted(leaders, key=lambda c: -rescored[c.id].score) + [c for c in ranked if c.id not in rescored]
        winner, measured = ranked[0], None
        if self.latency is not None and status != "interrupted":
            winner, measured = self.latency.measured_winner(
                ranked, self.store.candidates, self.evolution.niches[niche], self.notes
            )
        architecture = Architecture(
            winner.super_blocks,
            _winner_name(self.config, self.evolution.niches[niche]),
            self.config.resolution,
        )
        return Winner(
            architecture,
            winner,
            winner.score,
            winner.costs,
            self.evolution.niches[niche],
            rescored.get(winner.id),
            measured,
        )


def _winner_name(config: SearchConfig, budgets: "list[Budget] | tuple[Budget, ...] | Any") -> str:
    bounds = "-".join(f"{b.quantity}-{b.show(b.high)}" for b in budgets if b.high < float("inf"))
    return "-".join(filter(None, ("zennet", config.space, str(config.resolution), bounds)))


def write_result(result: SearchResult, directory: Path) -> None:
    """Write `best.yaml`, and for a frontier one more file for each budget."""
    for winner in result.winners:
        extra: dict[str, Any] = {
            "num_classes": result.config.num_classes,
            "score": {result.config.score: winner.score},
            "costs": {
                name: getattr(winner.costs, name) for name in ("params", "flops", "layers", "convolutions", "memory")
            },
            "budgets": [str(budget) for budget in winner.budgets],
        }
        if winner.costs.latency is not None:
            extra["costs"]["latency"] = winner.costs.latency
        if winner.measured_latency is not None:
            extra["measured_latency"] = winner.measured_latency
        if winner.rescored is not None:
            zen = winner.rescored
            extra["score"]["zen"] = {"score": zen.score, "std_error": zen.std_error, "ci95": list(zen.ci95)}
        names = [BEST] if winner is result.best else []
        if len(result.winners) > 1:
            names.append(f"best-{budget_label(winner.budgets)}.yaml")
        for name in names:
            write_architecture(winner.architecture, directory / name, extra)


def budget_label(budgets: Any) -> str:
    """`1M`, or `1M-18` for several: the bounds of a niche as a file name."""
    return "-".join(b.show(b.high if b.high < float("inf") else b.low) for b in budgets) or "unbounded"


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets, so that a round is finished and committed before the search ends."""
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested
        return
    previous = {}

    def stop(number: int, frame: object) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        previous[number] = signal.signal(number, stop)
    try:
        yield requested
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def next_directory(parent: Path) -> Path:
    """The first `search-<n>` below `parent` that does not exist."""
    number = 1
    while (parent / f"search-{number}").exists():
        number += 1
    return parent / f"search-{number}"
