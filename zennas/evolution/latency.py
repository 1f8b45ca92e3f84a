"""A latency budget in a search: predicted for every candidate, measured for the winner."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zennas.architecture.model import Architecture, SuperBlock
from zennas.counting import Costs, count_super_blocks
from zennas.errors import BudgetError, LatencyError, MissingExtraError, TooLargeError
from zennas.evolution.budgets import Budget, within
from zennas.evolution.config import SearchConfig
from zennas.evolution.evolve import Count
from zennas.evolution.population import Candidate
from zennas.evolution.sample import sample_found, sample_network, smallest_flops
from zennas.evolution.space import SearchSpace
from zennas.evolution.space_file import configured_space
from zennas.latency.predictor import Predictor, read_predictor, write_predictor
from zennas.latency.setting import Setting, on_this_machine

PREDICTOR = "latency-predictor.json"
QUICK_SECONDS = 90.0
RUNNERS_UP = 2
MOST_MEASURED = 16
BEYOND_BUDGET = 2.0
SPREAD_SHARE = 2 / 3
VISITS = 3
VISIT_SECONDS = 3.0
SLOWER = 0.05


@dataclass(frozen=True)
class LatencyBudget:
    """A predictor at work in a search."""

    predictor: Predictor
    num_classes: int

    def count(self, others: Count) -> Count:
        """Costs with the predicted latency, from a function that counts all the others."""
        predict = self.predictor.predict

        def count(super_blocks: tuple[SuperBlock, ...]) -> Costs:
            return replace(others(super_blocks), latency=predict(super_blocks))

        return count

    def keep(self, directory: Path) -> None:
        """Write the predictor into the run, which goes on with it whatever becomes of the file it came from."""
        write_predictor(self.predictor, directory / PREDICTOR)

    def measured_winner(
        self,
        ranked: Sequence[Candidate],
        others: Callable[[], Sequence[Candidate]],
        budgets: Sequence[Budget],
        notes: list[str],
    ) -> tuple[Candidate, float | None]:
        """The best candidate whose measured latency meets the budget, and that latency.

        The winner and `RUNNERS_UP` more are measured, then more until one meets it, `MOST_MEASURED` at most. What
        the misses were off by tells which candidates are worth measuring. What is to be said goes to `notes`.

        Args:
            ranked: candidates of the population, the best first.
            others: gives all others, in any order; asked only where none of the population meets the budget.
        """
        budget = next((b for b in budgets if b.quantity == "latency"), None)
        if budget is None:
            return ranked[0], None
        try:
            here = on_this_machine(self.predictor.setting)
        except (LatencyError, MissingExtraError) as error:
            notes.append(f"the latency was predicted, not measured: {error}")
            return ranked[0], None
        if here.device_name != self.predictor.setting.device_name:
            notes.append(
                f"the latency was predicted, not measured: the predictor is of {self.predictor.setting}, "
                f"this machine has {here.device_name}; measure there by zennas latency"
            )
            return ranked[0], None
        return self._measure(ranked, others, [b for b in budgets if b is not budget], budget, here, notes)

    def _measure(
        self,
        ranked: Sequence[Candidate],
        others: Callable[[], Sequence[Candidate]],
        beside: Sequence[Budget],
        budget: Budget,
        setting: Setting,
        notes: list[str],
    ) -> tuple[Candidate, float]:
        from zennas.latency.pace import reference

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
                latency, slow = self._measure_one(candidate, setting, run)
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

    def _measure_one(self, candidate: Candidate, setting: Setting, run: Any) -> tuple[float, float]:
        """Latency at the pace of the predictor, infinite where it runs out of memory; and how much slower than that
        the machine is now."""
        from zennas.latency.measure import measure
        from zennas.latency.pace import pace_now

        latencies, paces = [], []
        for _ in range(VISITS):
            paces.append(pace_now(run, setting) / self.predictor.pace)
            try:
                found = measure(
                    Architecture(candidate.super_blocks), setting, self.num_classes, time_limit=VISIT_SECONDS
                )
            except TooLargeError:
                return float("inf"), 1.0
            latencies.append(found.latency)
            paces.append(pace_now(run, setting) / self.predictor.pace)
        slow = float(np.median(paces))
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


def latency_budget(config: SearchConfig, watch: Callable[[int, float], None] | None = None) -> LatencyBudget | None:
    """The predictor that a search needs, or `None` without a latency budget.

    Where a budget comes without a predictor, a quick one is fitted, which takes `QUICK_SECONDS` of measuring and
    torch; `watch` is told after each network how many there are, and the seconds that went by.

    Raises:
        LatencyError: the predictor's file cannot be used, or is of another setting or space.
    """
    if config.latency is None:
        if config.latency_predictor is not None:
            raise LatencyError("latency_predictor is given without a budget; give --latency too, e.g. --latency 0.5ms")
        return None
    if config.latency_predictor is None:
        return _checked(config, quick_predictor(config, watch), "the quick predictor")
    predictor = read_predictor(config.latency_predictor)
    if "device" in config.model_fields_set:
        predictor.check(config.latency_predictor, {"device": config.device})
    return _checked(config, predictor, config.latency_predictor)


def resumed_latency(config: SearchConfig, directory: Path) -> LatencyBudget | None:
    """The predictor that a run was started with. Raises `LatencyError` where its file is gone or damaged."""
    if config.latency is None:
        return None
    return _checked(config, read_predictor(directory / PREDICTOR), str(directory / PREDICTOR))


def _checked(config: SearchConfig, predictor: Predictor, where: str) -> LatencyBudget:
    wanted: dict[str, Any] = {
        "resolution": config.resolution,
        "backend": config.latency_backend,
        "dtype": config.latency_dtype,
        "batch_size": config.latency_batch_size,
    }
    predictor.check(where, wanted)
    space = configured_space(config)
    searched = {choice.block for choice in space.choices} | {space.stem.block}
    predictor.check_blocks(where, searched)
    return LatencyBudget(replace_classes(predictor, config.num_classes), config.num_classes)


def replace_classes(predictor: Predictor, num_classes: int) -> Predictor:
    """The predictor for networks with another classifier, whose time it knows by its width."""
    if predictor.num_classes == num_classes:
        return predictor
    model = type(predictor.model).from_parameters(  # type: ignore[attr-defined]
        predictor.model.parameters(), predictor.setting.resolution, num_classes
    )
    return replace(predictor, model=model, num_classes=num_classes)


def quick_setting(config: SearchConfig) -> Setting:
    """The setting of a predictor that is fitted for one search: one thread's processor time, where that is on a CPU,
    since there is no time to wait for a quiet machine."""
    given = {
        "backend": config.latency_backend,
        "dtype": config.latency_dtype,
        "batch_size": config.latency_batch_size,
    }
    return Setting(
        device=config.device,
        resolution=config.resolution,
        clock="cpu" if config.device == "cpu" else "wall",
        **{key: value for key, value in given.items() if value is not None},  # type: ignore[arg-type]
    )


def quick_predictor(config: SearchConfig, watch: Callable[[int, float], None] | None = None) -> Predictor:
    """Fit a predictor for one search, on networks up to somewhat above its highest budget.

    Args:
        watch: told after each network how many there are, and the seconds that went by.

    Raises:
        LatencyError: the setting is not possible here, or too little could be measured in the time.
        MissingExtraError: torch or scikit-learn is not installed.
    """
    from zennas.latency.collect import Plan
    from zennas.latency.fit import fit_predictor

    highest = max(b.high for budgets in config.niches() for b in budgets if b.quantity == "latency")
    plan = Plan(
        time_limit=QUICK_SECONDS,
        network_seconds=0.2,
        max_latency=BEYOND_BUDGET * highest if highest < float("inf") else None,
    )
    space = configured_space(config)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "measurements.jsonl"
        measured = measure_space(path, quick_setting(config), space, config.num_classes, plan, config.seed, watch)
    return fit_predictor(measured, seed=config.seed)


def measure_space(
    path: Path,
    setting: Setting,
    space: SearchSpace,
    num_classes: int,
    plan: Any,
    seed: int = 0,
    watch: Callable[[int, float], None] | None = None,
) -> Any:
    """Measure networks that sample a space, into the file at `path` (`zennas.latency.collect.collect`).

    The first `SPREAD_SHARE` of them are spread evenly over the space; the rest are what searches find that trust a
    model of those: the networks whose time it underestimates most.
    """
    from zennas.latency.collect import collect

    resolution = setting.resolution
    smallest = smallest_flops(space, resolution, num_classes)

    def even(flops: tuple[float, float], number: int) -> tuple[SuperBlock, ...]:
        return sample_network(space, resolution, num_classes, flops, seed, number)

    spread = replace(plan, samples=round(SPREAD_SHARE * plan.samples), time_limit=SPREAD_SHARE * plan.time_limit)
    measured = collect(path, setting, space.name, num_classes, smallest, even, spread, seed, watch)
    rest = replace(plan, time_limit=(1 - SPREAD_SHARE) * plan.time_limit)
    later = None if watch is None else lambda networks, seconds: watch(networks, seconds + spread.time_limit)
    found = _found_by_searches(measured, space, seed) or even
    return collect(path, setting, space.name, num_classes, smallest, found, rest, seed, later)


def _found_by_searches(measured: Any, space: SearchSpace, seed: int) -> Any:
    """What samples networks that searches find with a model of those that were measured; `None` for too few."""
    from zennas.latency.collect import is_held_out
    from zennas.latency.fit import FEWEST_NETWORKS
    from zennas.latency.learn import learn_convolutions
    from zennas.latency.records import Corrected

    corrected = Corrected(measured)
    numbers = [number for number in corrected.numbers() if not is_held_out(number)]
    if len(numbers) < FEWEST_NETWORKS:
        return None
    resolution, num_classes = measured.header.setting.resolution, measured.header.num_classes
    predict = learn_convolutions(corrected, numbers, seed).predict

    def count(super_blocks: tuple[SuperBlock, ...]) -> Costs:
        return replace(count_super_blocks(super_blocks, resolution, num_classes), latency=predict(super_blocks))

    latencies = [corrected.latency(number) for number in numbers]
    bounds = (float(np.percentile(latencies, 10)), max(latencies))

    def found(flops: tuple[float, float], number: int) -> tuple[SuperBlock, ...]:
        try:
            return sample_found(space, resolution, num_classes, bounds, count, seed, number)
        except BudgetError:
            return sample_network(space, resolution, num_classes, flops, seed, number)

    return found
