"""The runs in a directory."""

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from zennas.errors import ImportRefusedError, RunError, ZennasError
from zennas.io.lock import is_locked
from zennas.latency.correction import planned_iterations
from zennas.runs.beginning import check_begun
from zennas.runs.corrected import latency_rounds
from zennas.runs.database import DATABASE
from zennas.runs.stopping import RUNNING
from zennas.runs.store import RunStore
from zennas.searching.settings import read_config


@dataclass(frozen=True)
class RunSummary:
    """One run at a glance.

    Attributes:
        state: `running`, `interrupted`, `finished`, a stopping rule, `stopped` for a run whose process died, or
            `damaged: …`, or `not read: …` for one that needs its plugins.
        best: the winner's score, or the highest while the search goes on; `None` where no network was scored.
        updated: Unix time of the last commit, 0 if unknown.
    """

    directory: Path
    state: str
    score: str = ""
    best: float | None = None
    iteration: int = 0
    iterations: int = 0
    scored: int = 0
    budgets: tuple[str, ...] = ()
    updated: float = 0.0

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {**self.__dict__, "directory": str(self.directory), "budgets": list(self.budgets)}


def list_runs(directory: Path, *, allow_imports: bool = False) -> list[RunSummary]:
    """All runs in a directory, the latest first; nothing in them is written.

    Of the candidates of a run only the best and the winners are verified: `zennas.read_run` looks at all.

    Args:
        directory: of runs, or one run.
        allow_imports: import plugins that a run names where its settings cannot be read without; runs their code.

    Raises:
        RunError: there is no run.
    """
    is_run = os.path.exists(directory / DATABASE)
    places = [directory] if is_run else sorted(p.parent for p in directory.glob(f"*/{DATABASE}"))
    if not places:
        raise RunError(f"{directory}: no runs here; `zennas search` makes one")
    return sorted((_summary(place, allow_imports) for place in places), key=lambda run: -run.updated)


def _summary(directory: Path, allow_imports: bool) -> RunSummary:
    try:
        config = read_config(directory, allow_imports)
        check_begun(directory)
        with closing(RunStore(directory)) as store:
            state, highest, scored = store.state(), store.best_score(), store.count()
            # Re-scoring may choose another network than that of the highest score.
            chosen = state.get("winners", ()) if state.get("status") != RUNNING else ()
            best = store.best_score(chosen) if chosen else highest
        budgets = tuple(
            ", ".join(str(b) for b in budgets if not b.implied) for budgets in config.budget_sets() if budgets
        )
    except ImportRefusedError as error:
        return RunSummary(directory, f"not read: {error}")
    except ZennasError as error:
        return RunSummary(directory, f"damaged: {error}")
    status = state.get("status", RUNNING)
    if status == RUNNING and not is_locked(directory):
        status = "stopped"
    return RunSummary(
        directory,
        status,
        config.score,
        best,
        state.get("iteration", 0),
        planned_iterations(config.iterations, latency_rounds(state)),
        scored,
        budgets,
        state.get("updated", 0.0),
    )
