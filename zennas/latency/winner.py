"""The best candidates of a search under a latency budget, measured; the next best where one misses the budget."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from zennas.architecture.model import Architecture
from zennas.counting.budgets import Budget, within
from zennas.errors import LatencyError, MissingExtraError, TooLargeError
from zennas.latency.correction import learned_factor
from zennas.latency.predictor import Predictor
from zennas.latency.setting import Setting, on_this_machine
from zennas.searching.population import Candidate

RUNNERS_UP = 2
MOST_MEASURED = 16
VISITS = 3
VISIT_SECONDS = 1.5
SLOWER = 0.05


@dataclass(frozen=True)
class Taken:
    """A network's measurement.

    Attributes:
        latency: seconds an image, corrected for drift; infinite where it ran out of memory.
        slow: how many times as long the machine took as when the predictor was fitted.
    """

    latency: float
    slow: float = 1.0


@dataclass
class Measurer:
    """Measures candidates, each once: what was measured is kept before it is used, and is not measured again.

    Attributes:
        predictor: what predicted their latencies.
        num_classes: outputs of their classifiers, 0 for none.
        setting: in which they are measured, on this machine.
        taken: what was measured so far, by candidate.
        keep: keeps all of that.
        tell: is told how many measurements there were since the start, and how many there will be at least.
        requested: is set where the user asks to stop.
        visits: measurements since the start, `VISITS` of a candidate.
    """

    predictor: Predictor
    num_classes: int
    setting: Setting
    taken: dict[int, Taken] = field(default_factory=dict)
    keep: Callable[[Mapping[int, Taken]], None] = lambda taken: None
    tell: Callable[[int, int], None] = lambda done, total: None
    requested: threading.Event = field(default_factory=threading.Event)
    visits: int = 0

    def measure(self, candidates: Sequence[Candidate]) -> bool:
        """Measure those that were not measured yet; whether the user did not ask to stop meanwhile."""
        missing = [candidate for candidate in candidates if candidate.id not in self.taken]
        total = self.visits + VISITS * len(missing)
        for candidate in missing:
            found = self._visited(candidate, total)
            if found is None:
                return False
            self.taken[candidate.id] = found
            self.keep(self.taken)
        return True

    def ratio(self, candidate: Candidate) -> float | None:
        """Measured / predicted of a candidate that was measured; `None` where it ran out of memory."""
        latency = self.taken[candidate.id].latency
        assert candidate.costs.latency is not None
        return latency / candidate.costs.latency if latency < math.inf else None

    def _visited(self, candidate: Candidate, total: int) -> Taken | None:
        from zennas.latency.drift import reference, reference_seconds
        from zennas.latency.measure import measure

        latencies, drifts = [], []
        with reference(self.setting) as run:
            for _ in range(VISITS):
                if self.requested.is_set():
                    return None
                drifts.append(reference_seconds(run, self.setting) / self.predictor.reference)
                architecture = Architecture(candidate.super_blocks)
                try:
                    found = measure(architecture, self.setting, self.num_classes, time_limit=VISIT_SECONDS)
                except TooLargeError:
                    return Taken(math.inf)
                latencies.append(found.latency)
                drifts.append(reference_seconds(run, self.setting) / self.predictor.reference)
                self.visits += 1
                self.tell(self.visits, total)
        slow = median(drifts)
        return Taken(median(latencies) / slow, slow)


def setting_here(predictor: Predictor, notes: list[str]) -> Setting | None:
    """The predictor's setting where it can be measured on this machine; else why not goes to `notes`."""
    try:
        here = on_this_machine(predictor.setting)
        # Imported where torch is known to be there.
        from zennas.latency.backends import check_supported

        check_supported(here)
    except (LatencyError, MissingExtraError) as error:
        notes.append(f"the latency was predicted, not measured: {error}")
        return None
    if here.device_name != predictor.setting.device_name:
        notes.append(
            f"the latency was predicted, not measured: the predictor is of {predictor.setting}, "
            f"this machine has {here.device_name}; measure there by zennas latency"
        )
        return None
    return here


def measured_winner(
    measurer: Measurer,
    ranked: Sequence[Candidate],
    others: Callable[[], Sequence[Candidate]],
    budgets: Sequence[Budget],
    notes: list[str],
    factor: float = 1.0,
) -> tuple[Candidate, float | None]:
    """The best candidate whose measured latency meets the budget, and that latency.

    They are measured in turn until one meets it, `MOST_MEASURED` at most. What the misses were off by tells which
    candidates are worth measuring. What is to be said goes to `notes`. Where the user asks to stop, the best one is
    returned with what is known of it.

    Args:
        measurer: measures them, and knows what was measured.
        ranked: candidates of the population, the best first.
        others: gives all others, in any order; asked only where none of the population meets the budget.
        budgets: all budgets that the user gave.
        notes: gets what is to be said.
        factor: what predictions are multiplied by.
    """
    budget = next(b for b in budgets if b.quantity == "latency")
    beside = [b for b in budgets if b is not budget]
    found: dict[int, Taken] = {}
    ratios: list[float] = []
    first, met = ranked[0], None
    for place, candidate in enumerate(_in_turn(ranked, others, beside)):
        if len(found) >= MOST_MEASURED:
            break
        assert candidate.costs.latency is not None
        if place > RUNNERS_UP and not budget.holds(candidate.costs.latency * (learned_factor(ratios) or factor)):
            continue
        if not measurer.measure([candidate]):
            break
        found[candidate.id] = measurer.taken[candidate.id]
        if (ratio := measurer.ratio(candidate)) is not None:
            ratios.append(ratio)
        if found[candidate.id].latency < math.inf and budget.holds(found[candidate.id].latency):
            met = candidate
            break
    if first.id not in found:
        return first, None
    _note_measured(found, budget, measurer.setting, notes)
    if met is first:
        return first, found[first.id].latency
    miss = f"the best network was predicted at {budget.show(factor * (first.costs.latency or 0))} but measured at "
    miss += f"{_shown(budget, found[first.id].latency)}, which misses {budget}"
    over = median(ratios or [1.0])
    tighter = budget.high / max(over, 1.01)
    advice = f": --latency {budget.show(tighter)}" if tighter < math.inf else ""
    if met is None:
        notes.append(
            f"{miss}; so do all {len(found)} that were measured; a tighter budget leaves room for the error{advice}"
        )
        return first, found[first.id].latency
    hint = f"; a search with room for the error may find a better one{advice}" if over > 1 else ""
    notes.append(f"{miss}; returned is the next best that meets it{hint}")
    return met, found[met.id].latency


def _note_measured(found: Mapping[int, Taken], budget: Budget, setting: Setting, notes: list[str]) -> None:
    shown = ", ".join(_shown(budget, taken.latency) for taken in found.values())
    notes.append(f"measured on {setting}: {shown} an image")
    slow = median([taken.slow for taken in found.values() if taken.latency < math.inf] or [1.0])
    if abs(slow - 1) > SLOWER:
        notes.append(
            f"the machine takes {slow:.2f} times as long as when the predictor was fitted; "
            "what was measured is divided by that"
        )


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
