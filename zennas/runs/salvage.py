"""What is whole of a damaged run, as a new run that goes on where its last whole round ended."""

import json
import shutil
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from zennas.errors import FileError, RunError, ZennasError
from zennas.io.settings import write_settings
from zennas.io.text import read_text
from zennas.latency.correction import corrected_sets, rounds_as_json
from zennas.latency.in_search import PREDICTOR, resumed_latency
from zennas.runs.beginning import taken_place
from zennas.runs.configured import new_search
from zennas.runs.corrected import latency_rounds
from zennas.runs.events import AGAIN, LOG
from zennas.runs.first_commit import FirstCommit, begin_run
from zennas.runs.outputs import write_result
from zennas.runs.reading import read_run
from zennas.runs.rows import ISLANDS_STATE, LATENCIES_STATE, RACE_STATE, ROUNDS_STATE, FailedNetwork
from zennas.runs.run import as_begun
from zennas.runs.state import populations_state
from zennas.runs.store import RunStore
from zennas.scores.result import score_from_repeats
from zennas.searching.algorithms import Algorithm
from zennas.searching.plugins import load_plugins
from zennas.searching.population import Candidate
from zennas.searching.settings import SearchConfig, read_config
from zennas.searching.tasks import Failure

SALVAGED = "salvaged"
_ISLANDS_LOST = "where its islands stood is lost; start a new run to search on"

T = TypeVar("T")


@dataclass(frozen=True)
class Salvaged:
    """What was saved of a run.

    Attributes:
        directory: the new run.
        saved: its candidates.
        candidates: those of the damaged run, or `None` where that cannot be told.
        iteration: where the new run goes on.
        not_resumed: why it cannot go on, or nothing.
    """

    directory: Path
    saved: int
    candidates: int | None
    iteration: int
    not_resumed: str = ""

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {**self.__dict__, "directory": str(self.directory)}


def salvage_run(damaged: Path, directory: Path) -> Salvaged:
    """Write what is whole of a run as a new one: the candidates up to the last round that is whole, what could not be
    scored, the Monte Carlo scores and the settings. The damaged run stays as it is.

    Args:
        damaged: the run's directory; its `config.yaml` must be readable.
        directory: of the new run, missing or empty.

    Raises:
        RunError: not even the start is whole, or `directory` holds something already.
    """
    config = read_config(damaged)
    load_plugins(config.plugins)
    with closing(RunStore(damaged, lenient=True)) as store:
        candidates, failures, repeats = store.whole_candidates(), store.whole_failures(), store.whole_rescored()
        state: dict[str, Any] = _unless_damaged(store.state, {})
        total: int | None = state.get("scored") or _unless_damaged(store.count, None)
        config = as_begun(config, store.format)
    if not candidates:
        raise RunError(f"{damaged}: nothing can be saved: not even the start of the search is whole; start a new run")
    if len(candidates) == total and "iteration" in state:
        iteration, algorithm = state["iteration"], state.get("algorithm")
        as_it_was = [RACE_STATE, ISLANDS_STATE, "populations", "bests"]
    else:
        iteration, algorithm = _last_boundary(config, candidates[-1].iteration, damaged), None
        as_it_was = [RACE_STATE]
    rounds = [part for part in latency_rounds(state) if part.iteration <= iteration]
    candidates = [candidate for candidate in candidates if candidate.iteration <= iteration]
    failures = [failure for failure in failures if failure[0] <= iteration]
    not_resumed = ""
    try:
        if algorithm is None:
            algorithm = _remembered(config, candidates, failures, iteration, damaged)
        elif config.islands > 1 and ISLANDS_STATE not in state:
            raise RunError(_ISLANDS_LOST)
    except ZennasError as error:
        not_resumed = str(error)
    kept = {
        **populations_state(corrected_sets(config.budget_sets(), rounds), config.population, candidates),
        ROUNDS_STATE: rounds_as_json(rounds),
        LATENCIES_STATE: {n: t for n, t in state.get(LATENCIES_STATE, {}).items() if int(n) < len(candidates)},
        "iteration": iteration,
        "scored": len(candidates),
        "failed": len(failures),
        "algorithm": algorithm or {},
        "status": SALVAGED,
        "notes": [f"salvaged from {damaged}: {len(candidates)} of {_number(total)} candidates"],
        "updated": time.time(),
        **{key: state[key] for key in as_it_was if key in state},
        **({"not_resumed": not_resumed} if not_resumed else {}),
    }
    # Without a state it is not known how many images they had.
    known = {i: r for i, r in repeats.items() if i < len(candidates)} if state else {}
    rescored = {i: score_from_repeats("zen", r, 0.0) for i, r in known.items()}
    with taken_place(directory):
        write_settings(config, directory)
        with suppress(FileNotFoundError):
            shutil.copyfile(damaged / PREDICTOR, directory / PREDICTOR)
        begin_run(directory, FirstCommit(candidates, kept, failures, rescored))
        write_result(read_run(directory), directory)
    return Salvaged(directory, len(candidates), total, iteration, not_resumed)


def _unless_damaged(read: Callable[[], T], otherwise: T) -> T:
    try:
        return read()
    except RunError:
        return otherwise


def _number(total: int | None) -> str:
    return "an unknown number of" if total is None else str(total)


def _last_boundary(config: SearchConfig, last: int, directory: Path) -> int:
    """The last iteration at which a round ended, of those up to `last`.

    Rounds are counted from where the run was last resumed: one that is lengthened may go on from a shorter round.

    Args:
        config: has the size of a round.
        last: iteration of the last candidate that is whole.
        directory: of the run, whose log tells where it was resumed.
    """
    begun = max((iteration for iteration in _resumed_at(directory) if iteration <= last), default=0)
    return begun + (last - begun) // config.round_size * config.round_size


def _resumed_at(directory: Path) -> list[int]:
    try:
        lines = read_text(directory / LOG).splitlines()
    except FileError:
        return []
    found = []
    for line in lines:
        with suppress(ValueError, RecursionError):
            event = json.loads(line)
            if (
                isinstance(event, dict)
                and event.get("event") in ("resume", AGAIN)
                and type(event.get("iteration")) is int
            ):
                found.append(event["iteration"])
    return found


def _remembered(
    config: SearchConfig,
    candidates: list[Candidate],
    failures: list[FailedNetwork],
    iteration: int,
    directory: Path,
) -> dict[str, Any]:
    """What the algorithm remembers after an iteration: it is asked for its proposals again where that is something.

    Args:
        config: the search's settings.
        candidates: all up to the iteration.
        failures: networks up to there that could not be scored.
        iteration: where a round ended.
        directory: of the run.

    Raises:
        ZennasError: the search cannot be made again, or proposes something else: the run was lengthened, or networks
            that could not be scored are lost.
    """
    if config.islands > 1:
        raise RunError(_ISLANDS_LOST)
    search = new_search(config, lambda tasks: [], resumed_latency(config, directory))
    if type(search.algorithm).state is Algorithm.state:
        return {}
    outcomes: dict[Any, float | Failure] = {blocks: Failure(reason) for _, blocks, reason in failures}
    outcomes |= {candidate.super_blocks: candidate.score for candidate in candidates}
    search.score = lambda networks: [outcomes[network] for network in networks]
    try:
        again = search.begin([candidate.super_blocks for candidate in candidates if candidate.iteration == 0])
        while search.iteration < iteration:
            again += search.step()
    except KeyError:
        again = []
    if again != candidates or search.iteration != iteration:
        raise RunError(
            f"what the algorithm {config.algorithm} remembers is lost, and proposing everything again led elsewhere; "
            "start a new run to search on"
        )
    return search.algorithm.state()
