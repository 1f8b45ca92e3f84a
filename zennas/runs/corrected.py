"""A search under a latency budget goes on, within corrected predictions, until its best network meets it.

After a search the best network of each population is measured. Where it misses the budget, or was not predicted within
the predictor's stated error, the runners-up are measured too, the predictions are corrected
(`zennas.latency.correction`), and the populations, now of the candidates that meet the corrected budgets, are searched
again for as many iterations, `MOST_AGAIN` times at most. Fewer iterations find less: after a quarter of them the score
stayed 7 to 30 % below that of a search from the start, after half of them up to 3 %.

Everything is kept in the run before it is used: measurements one by one, and a round together with the populations that
the next search begins with. A search is then taken up as a resumed run would take it up.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import inf
from typing import Any

import numpy as np

from zennas.counting.budgets import within
from zennas.errors import BudgetError
from zennas.latency.correction import (
    Check,
    Round,
    checks_of,
    is_accepted,
    last_checks,
    learned_factor,
    room_after,
    rounds_as_json,
    rounds_from_json,
    stated_error,
    told_rounds,
)
from zennas.latency.in_search import LatencyBudget
from zennas.latency.winner import RUNNERS_UP, Measurer, Taken, setting_here
from zennas.runs.rows import LATENCIES_STATE, ROUNDS_STATE
from zennas.runs.state import populations_state, restore_search
from zennas.runs.stopping import INTERRUPTED, RUNNING, TIME_LIMIT
from zennas.runs.store import RunStore
from zennas.searching.population import Candidate
from zennas.searching.rounds import Search
from zennas.searching.settings import SearchConfig
from zennas.searching.tasks import Failure
from zennas.spaces.start import starting_network

MOST_AGAIN = 3


@dataclass(frozen=True)
class Following:
    """How a run makes and carries out the searches that follow its first.

    Attributes:
        make: a fresh search as it is after these rounds.
        carry_out: goes on with a search until it ends, and says why.
        tell: is told how many measurements there were, and how many there will be at least.
        notes: get what is to be said.
    """

    make: Callable[[Sequence[Round]], Search]
    carry_out: Callable[[Search], str]
    tell: Callable[[int, int], None]
    notes: list[str]


def latency_rounds(state: Mapping[str, Any]) -> tuple[Round, ...]:
    """The rounds that a run's state has."""
    return rounds_from_json(state.get(ROUNDS_STATE, []))


def _taken(state: Mapping[str, Any]) -> dict[int, Taken]:
    kept = state.get(LATENCIES_STATE, {})
    return {int(number): Taken(inf if seconds is None else seconds, slow) for number, (seconds, slow) in kept.items()}


def _keep(store: RunStore, taken: Mapping[int, Taken]) -> None:
    kept = {str(number): [None if t.latency == inf else t.latency, t.slow] for number, t in taken.items()}
    store.set_state(**{LATENCIES_STATE: kept})


def search_until_met(
    config: SearchConfig,
    latency: LatencyBudget,
    search: Search,
    store: RunStore,
    status: str,
    requested: threading.Event,
    following: Following,
) -> tuple[str, Measurer | None, float]:
    """Search again until the best networks, measured, meet their budgets.

    Args:
        config: the run's settings.
        latency: predicts latencies.
        search: that has ended and is committed.
        store: of the run.
        status: why it ended.
        requested: is set where the user asks to stop.
        following: makes and carries out the searches to come.

    Returns:
        Why the last search ended; what measures its candidates, `None` where this machine cannot or the user asked to
        stop; and the seconds that measuring took.
    """
    setting = setting_here(latency.predictor, following.notes)
    if setting is None:
        return status, None, 0.0
    measurer = Measurer(
        latency.predictor,
        latency.num_classes,
        setting,
        _taken(store.state()),
        lambda taken: _keep(store, taken),
        following.tell,
        requested,
    )
    aside = 0.0
    while True:
        began = time.perf_counter()
        after = _after(config, search, store, measurer, status, following)
        aside += time.perf_counter() - began
        if after is None:
            break
        search, status = after, following.carry_out(after)
    if requested.is_set():
        return INTERRUPTED, None, aside
    following.notes.extend(told_rounds(latency_rounds(store.state()), config.budget_sets()))
    return status, measurer, aside


def _after(
    config: SearchConfig, search: Search, store: RunStore, measurer: Measurer, status: str, following: Following
) -> Search | None:
    """The search that goes on from one that has ended, where its best networks ask for that."""
    rounds = latency_rounds(store.state())
    ended = bool(rounds) and rounds[-1].until is None and rounds[-1].iteration == search.iteration
    if ended or status == INTERRUPTED:
        return None
    checks: list[Check] = []
    for number in range(len(search.populations)):
        check = _check(config, search, number, rounds, measurer)
        if check is None:
            return None
        checks.append(check)
    again = sum(1 for _ in takewhile(lambda r: r.until is not None, reversed(rounds)))
    if again < MOST_AGAIN and status != TIME_LIMIT and not all(check.accepted for check in checks):
        until = search.iteration + config.iterations
        going_on = (*rounds, Round(search.iteration, until, tuple(checks)))
        after = following.make(going_on)
        candidates = store.candidates()
        founders = _founders(config, after, candidates, search.iteration)
        if founders is not None:
            state = _beginning(config, after, [*candidates, *founders])
            store.commit([founders], (), {ROUNDS_STATE: rounds_as_json(going_on), **state, "status": RUNNING})
            restore_search(after, store)
            return after
    store.set_state(**{ROUNDS_STATE: rounds_as_json((*rounds, Round(search.iteration, None, tuple(checks))))})
    return None


def _founders(
    config: SearchConfig, search: Search, candidates: Sequence[Candidate], iteration: int
) -> list[Candidate] | None:
    """A first network for each population that none of the candidates may enter; `None` where there is none that meets
    its budgets, or it cannot be scored."""
    founders: list[Candidate] = []
    count = search.problem.count
    for number, budgets in enumerate(search.budget_sets):
        if any(within(candidate.costs, budgets) for candidate in (*candidates, *founders)):
            continue
        rng = np.random.default_rng([config.seed, 1 << 32, number, iteration])
        try:
            blocks = starting_network(search.problem.space, budgets, config.resolution, config.num_classes, rng, count)
        except BudgetError:
            return None
        (score,) = search.score([blocks])
        if isinstance(score, Failure):
            return None
        founders.append(Candidate(len(candidates) + len(founders), iteration, -1, (), blocks, score, count(blocks)))
    return founders


def _beginning(config: SearchConfig, search: Search, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """The state that a search begins again with: the best candidates so far within its budgets, and what the algorithm
    remembers when it is told of them as of a start."""
    state = populations_state(search.budget_sets, config.population, candidates)
    told = sorted({number for ids in state["populations"] for number in ids})
    search.algorithm.tell([candidates[number] for number in told])
    return {**state, "scored": len(candidates), "algorithm": search.algorithm.state()}


def _check(
    config: SearchConfig, search: Search, number: int, rounds: Sequence[Round], measurer: Measurer
) -> Check | None:
    """The check of a population after its search; `None` where the user asked to stop. One that was accepted stays
    while others are searched for."""
    before = last_checks(rounds, len(search.populations))[number]
    if before is not None and before.accepted and rounds[-1].until is not None:
        return before
    budget = next(b for b in config.budget_sets()[number] if b.quantity == "latency")
    error = stated_error(measurer.predictor)
    factor, room = (1.0, 1.0) if before is None else (before.factor, before.room)
    ranked = search.populations[number].ranked()
    earlier = checks_of(rounds, number)
    missed = {n for check in earlier for n in check.networks if not budget.holds(measurer.taken[n].latency)}
    leaders = ([c for c in ranked if c.id not in missed] or ranked)[: 1 + RUNNERS_UP]
    best = leaders[0]
    assert best.costs.latency is not None
    if not measurer.measure([best]):
        return None
    latency = measurer.taken[best.id].latency
    measured, predicted = None if latency == inf else latency, factor * best.costs.latency
    accepted = is_accepted(budget, predicted, measured, error)
    if not accepted and not measurer.measure(leaders):
        return None
    networks = leaders[:1] if accepted else leaders
    ratios = tuple(ratio for c in networks if (ratio := measurer.ratio(c)) is not None)
    if not accepted:
        factor = learned_factor([*(ratio for check in earlier for ratio in check.ratios), *ratios]) or factor
        room = room_after(budget, measured, error, room)
    return Check(best.id, predicted, measured, accepted, tuple(c.id for c in networks), ratios, factor, room)
