"""The winner of a search under a latency budget: measured, and the next best taken where it misses the budget."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from zennas.architecture.model import Architecture
from zennas.counting.budgets import Budget, within
from zennas.errors import LatencyError, MissingExtraError, TooLargeError
from zennas.latency.predictor import Predictor
from zennas.latency.setting import Setting, on_this_machine
from zennas.searching.population import Candidate

RUNNERS_UP = 2
MOST_MEASURED = 16
VISITS = 3
VISIT_SECONDS = 3.0
SLOWER = 0.05


def measured_winner(
    predictor: Predictor,
    num_classes: int,
    ranked: Sequence[Candidate],
    others: Callable[[], Sequence[Candidate]],
    budgets: Sequence[Budget],
    notes: list[str],
) -> tuple[Candidate, float | None]:
    """The best candidate whose measured latency meets the budget, and that latency.

    The winner and `RUNNERS_UP` more are measured, then more until one meets it, `MOST_MEASURED` at most. What
    the misses were off by tells which candidates are worth measuring. What is to be said goes to `notes`.

    Args:
        predictor: what predicted the candidates' latencies, and in which setting.
        num_classes: outputs of the classifier, 0 for none.
        ranked: candidates of the population, the best first.
        others: gives all others, in any order; asked only where none of the population meets the budget.
        budgets: all budgets of the search.
        notes: gets what is to be said.
    """
    budget = next((b for b in budgets if b.quantity == "latency"), None)
    if budget is None:
        return ranked[0], None
    try:
        here = on_this_machine(predictor.setting)
    except (LatencyError, MissingExtraError) as error:
        notes.append(f"the latency was predicted, not measured: {error}")
        return ranked[0], None
    if here.device_name != predictor.setting.device_name:
        notes.append(
            f"the latency was predicted, not measured: the predictor is of {predictor.setting}, "
            f"this machine has {here.device_name}; measure there by zennas latency"
        )
        return ranked[0], None
    return _measure(
        predictor, num_classes, ranked, others, [b for b in budgets if b is not budget], budget, here, notes
    )


def _measure(
    predictor: Predictor,
    num_classes: int,
    ranked: Sequence[Candidate],
    others: Callable[[], Sequence[Candidate]],
    beside: Sequence[Budget],
    budget: Budget,
    setting: Setting,
    notes: list[str],
) -> tuple[Candidate, float]:
    from zennas.latency.drift import reference

    found: dict[int, float] = {}
    ratios: list[float] = []
    slowness: list[float] = []
    met: Candidate | None = None
    with reference(setting) as run:
        for place, candidate in enumerate(_in_turn(ranked, others, beside)):
            if len(found) >= MOST_MEASURED or (met is not None and place > RUNNERS_UP):
                break
            predicted = candidate.costs.latency
            assert predicted is not None
            if place > RUNNERS_UP and not budget.holds(predicted * float(np.median(ratios or [1.0]))):
                continue
            latency, slow = _measure_one(predictor, num_classes, candidate, setting, run)
            found[candidate.id] = latency
            if latency < float("inf"):
                ratios.append(latency / predicted)
                slowness.append(slow)
            if met is None and budget.holds(latency):
                met = candidate
    shown = ", ".join(_shown(budget, latency) for latency in found.values())
    notes.append(f"measured on {setting}: the best and the runners-up take {shown} an image")
    slow = float(np.median(slowness or [1.0]))
    if abs(slow - 1) > SLOWER:
        notes.append(
            f"the machine takes {slow:.2f} times as long as when the predictor was fitted; "
            "what was measured is divided by that"
        )
    first = ranked[0]
    if met is first:
        return first, found[first.id]
    miss = f"the best network was predicted at {budget.show(first.costs.latency or 0)} but measured at "
    miss += f"{_shown(budget, found[first.id])}, which misses {budget}"
    over = float(np.median(ratios or [1.0]))
    tighter = budget.high / max(over, 1.01)
    if met is None:
        notes.append(
            f"{miss}; so do all {len(found)} that were measured; "
            f"a tighter budget leaves room for the error: --latency {budget.show(tighter)}"
        )
        return first, found[first.id]
    hint = f"; a search with room for the error may find a better one: --latency {budget.show(tighter)}"
    notes.append(f"{miss}; returned is the next best that meets it{hint if over > 1 else ''}")
    return met, found[met.id]


def _measure_one(
    predictor: Predictor, num_classes: int, candidate: Candidate, setting: Setting, run: Any
) -> tuple[float, float]:
    """Latency corrected for drift, infinite where it runs out of memory; and the drift: how many times as long the
    machine takes now as when the predictor was fitted."""
    from zennas.latency.drift import reference_seconds
    from zennas.latency.measure import measure

    latencies, drifts = [], []
    for _ in range(VISITS):
        drifts.append(reference_seconds(run, setting) / predictor.reference)
        try:
            found = measure(Architecture(candidate.super_blocks), setting, num_classes, time_limit=VISIT_SECONDS)
        except TooLargeError:
            return float("inf"), 1.0
        latencies.append(found.latency)
        drifts.append(reference_seconds(run, setting) / predictor.reference)
    slow = float(np.median(drifts))
    return float(np.median(latencies)) / slow, slow


def _in_turn(
    ranked: Sequence[Candidate], others: Callable[[], Sequence[Candidate]], budgets: Sequence[Budget]
) -> Iterator[Candidate]:
    """The population, then whoever else keeps the other budgets, the highest score first."""
    yield from ranked
    known = {candidate.id for candidate in ranked}
    rest = [c for c in others() if c.id not in known and within(c.costs, budgets)]
    yield from sorted(rest, key=lambda c: (-c.score, c.id))


def _shown(budget: Budget, latency: float) -> str:
    return budget.show(latency) if latency < float("inf") else "more memory than there is"
