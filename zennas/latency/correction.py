"""What measuring the winners of a search teaches: a factor on what was predicted, within which is searched again.

A search takes what its predictor underestimates, so that its winners are measured, and where the prediction is off they
correct it: predictions are multiplied by the median of measured / predicted over the networks that were measured last
(`REMEMBERED`). Searching within a budget by corrected predictions is searching within the budget divided by the
factor, so that a run keeps the predictions as they were made. No torch.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from zennas.counting.budgets import Budget
from zennas.counting.quantities import Costs
from zennas.latency.predictor import Predictor
from zennas.latency.records import positive, whole

REMEMBERED = 6
ROOM = 0.02
"""Room that a search after a miss leaves below the budget, for a predictor that states no error; else half of that."""


@dataclass(frozen=True)
class Check:
    """The best network of a search, measured.

    Attributes:
        candidate: its number.
        predicted: its latency by the predictions as they were corrected then, in seconds an image.
        measured: what was measured; `None` where it ran out of memory.
        accepted: whether it meets the budget and was predicted within the predictor's stated error.
        networks: numbers of all networks that were measured for it.
        ratios: measured / predicted of those that fit the memory, the predictions as they were made.
        factor: what predictions are multiplied by from then on.
        room: what the budget is divided by from then on, beside the factor.
    """

    candidate: int
    predicted: float
    measured: float | None
    accepted: bool
    networks: tuple[int, ...] = ()
    ratios: tuple[float, ...] = ()
    factor: float = 1.0
    room: float = 1.0


@dataclass(frozen=True)
class Round:
    """What was measured after a search, and how long is searched again.

    Attributes:
        iteration: at which the search stood.
        until: the last iteration of the search that follows; `None` where none does.
        checks: one for each population, in order.
    """

    iteration: int
    until: int | None
    checks: tuple[Check, ...]


def stated_error(predictor: Predictor) -> float | None:
    """The error within which a predictor's word is taken: its median error on held-out networks, or that of measuring
    again where it is larger; `None` where its report has none."""
    models = predictor.report.get("models")
    errors = [models.get(predictor.model.name) if isinstance(models, dict) else None, predictor.report.get("noise")]
    medians = [error["median"] for error in errors if isinstance(error, dict) and "median" in error]
    known = [float(value) for value in medians if isinstance(value, int | float) and 0 <= value < math.inf]
    return max(known, default=None)


def is_accepted(budget: Budget, predicted: float, measured: float | None, error: float | None) -> bool:
    """Whether a network meets its budget and was predicted within an error.

    Args:
        budget: of its latency.
        predicted: its latency by corrected predictions.
        measured: its latency; `None` where it ran out of memory.
        error: relative to what was measured; `None` where any will do.
    """
    if measured is None or not budget.holds(measured):
        return False
    return error is None or abs(predicted / measured - 1) <= error


def learned_factor(ratios: Sequence[float]) -> float | None:
    """What predictions are to be multiplied by: the median of the last `REMEMBERED`; `None` without any.

    Args:
        ratios: measured / predicted, the predictions as they were made, in the order of measuring.
    """
    return median(ratios[-REMEMBERED:]) if ratios else None


def checks_of(rounds: Sequence[Round], number: int) -> list[Check]:
    """The checks of a population, each once: one that was accepted stays while others are searched for."""
    return list({r.checks[number].candidate: r.checks[number] for r in rounds}.values())


def room_after(budget: Budget, measured: float | None, error: float | None, room: float) -> float:
    """What a budget is to be divided by, beside the factor: a search goes up to its budget, where half of its winners
    would miss it by the error alone.

    Args:
        budget: of the latency.
        measured: of the best network; `None` where it ran out of memory.
        error: the predictor's, if it states one.
        room: the present one.
    """
    if measured is not None and measured <= budget.high:
        return room
    return max(room, 1 + (ROOM if error is None else error / 2))


def corrected_budgets(budgets: Sequence[Budget], check: Check | None) -> tuple[Budget, ...]:
    """Budgets for the predictions as they are made, which are those of the user for corrected ones."""
    if check is None:
        return tuple(budgets)
    return tuple(_divided(b, check.factor, check.room) if b.quantity == "latency" else b for b in budgets)


def corrected_sets(budget_sets: Sequence[Sequence[Budget]], rounds: Sequence[Round]) -> list[tuple[Budget, ...]]:
    """The budgets of every population as they are searched within after these rounds: those of the last one that
    another search followed."""
    checks = last_checks([r for r in rounds if r.until is not None], len(budget_sets))
    return [corrected_budgets(budgets, check) for budgets, check in zip(budget_sets, checks, strict=True)]


def _divided(budget: Budget, factor: float, room: float) -> Budget:
    low = budget.low / factor
    return replace(budget, low=low, high=max(low, budget.high / (factor * room)))


def corrected_costs(costs: Costs, check: Check | None) -> Costs:
    """Costs with the latency as it is predicted after a correction."""
    if check is None or costs.latency is None:
        return costs
    return replace(costs, latency=costs.latency * check.factor)


def last_checks(rounds: Sequence[Round], populations: int) -> Sequence[Check | None]:
    """The check of each population that counts now; `None` before any."""
    return rounds[-1].checks if rounds else [None] * populations


def planned_iterations(iterations: int, rounds: Sequence[Round]) -> int:
    """Iterations of a search with those of searching again.

    Args:
        iterations: that the user asked for.
        rounds: so far.
    """
    return max([iterations, *(r.until for r in rounds if r.until is not None)])


def rounds_as_json(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Rounds as plain values."""
    return [{**asdict(r), "checks": [_check_as_json(check) for check in r.checks]} for r in rounds]


def _check_as_json(check: Check) -> dict[str, Any]:
    return {**asdict(check), "networks": list(check.networks), "ratios": list(check.ratios)}


def rounds_from_json(document: Any) -> tuple[Round, ...]:
    """What `rounds_as_json` gives. Raises `ValueError`, `TypeError` or `KeyError` for anything else."""
    if not isinstance(document, list):
        raise TypeError("rounds are a list")
    return tuple(
        Round(whole(r["iteration"]), None if r["until"] is None else whole(r["until"]), _checks(r["checks"]))
        for r in document
    )


def _checks(document: Any) -> tuple[Check, ...]:
    return tuple(
        Check(
            whole(c["candidate"]),
            positive(c["predicted"]),
            None if c["measured"] is None else positive(c["measured"]),
            bool(c["accepted"]),
            tuple(map(whole, c["networks"])),
            tuple(map(positive, c["ratios"])),
            positive(c["factor"]),
            positive(c["room"]),
        )
        for c in document
    )


def told_rounds(rounds: Sequence[Round], budget_sets: Sequence[Sequence[Budget]]) -> list[str]:
    """What is to be said of the rounds, a line for each population that was searched again for.

    Args:
        rounds: of the run.
        budget_sets: the user's budgets of each population.
    """
    lines = []
    for number, budgets in enumerate(budget_sets):
        checks = checks_of(rounds, number)
        budget = next((b for b in budgets if b.quantity == "latency"), None)
        searches = sum(r.until is not None and not r.checks[number].accepted for r in rounds)
        if budget is None or not searches:
            continue
        steps = "; ".join(
            f"{budget.show(c.predicted)} predicted, "
            f"{budget.show(c.measured) if c.measured is not None else 'more memory than there is'} measured"
            for c in checks
        )
        times = "once" if searches == 1 else f"{searches} times"
        lines.append(
            f"{budget}: searched again {times} with corrected predictions ({steps}); predictions are multiplied by "
            f"{checks[-1].factor:.3f}"
        )
    return lines


def correction_of(rounds: Sequence[Round], number: int) -> Mapping[str, Any] | None:
    """What files say of a population's correction: how many searches there were in all, and the factor.

    Args:
        rounds: of the run.
        number: of the population.
    """
    if not rounds:
        return None
    again = sum(r.until is not None and not r.checks[number].accepted for r in rounds)
    return {"searches": 1 + again, "factor": rounds[-1].checks[number].factor}
