"""A latency budget in a search: the predictor that is looked up, or fitted first, and asked for every candidate."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zennas.architecture.model import SuperBlock
from zennas.counting.quantities import Costs
from zennas.errors import LatencyError
from zennas.latency.predictor import Predictor, as_kept, read_predictor, write_predictor
from zennas.latency.progress import Watch
from zennas.latency.setting import Setting
from zennas.latency.space_measuring import measure_space
from zennas.layouts import AUTO
from zennas.searching.algorithms import Count
from zennas.searching.settings import SearchConfig, configured_space

PREDICTOR = "latency-predictor.json"
QUICK_SECONDS = 90.0
QUICK_NETWORKS = 30
"""Of a quick predictor: seconds of measuring at most, networks at least (`zennas.latency.enough`)."""
BEYOND_BUDGET = 2.0


@dataclass(frozen=True)
class LatencyBudget:
    """A predictor at work in a search.

    Attributes:
        predictor: of the search's setting and space.
        num_classes: outputs of the networks' classifiers, 0 for none.
    """

    predictor: Predictor
    num_classes: int

    def count(self, others: Count) -> Count:
        """Costs with the predicted latency.

        Args:
            others: counts all the others.
        """
        predict = self.predictor.predict

        def count(super_blocks: tuple[SuperBlock, ...]) -> Costs:
            return replace(others(super_blocks), latency=predict(super_blocks))

        return count

    def keep(self, directory: Path) -> None:
        """Write the predictor into the run, which goes on with it whatever becomes of the file it came from.

        Args:
            directory: of the run.
        """
        write_predictor(self.predictor, directory / PREDICTOR)


def latency_budget(config: SearchConfig, watch: Watch | None = None) -> LatencyBudget | None:
    """The predictor that a search needs, or `None` without a latency budget.

    Where a budget comes without a predictor, a quick one is fitted, which takes up to `QUICK_SECONDS` of measuring,
    and torch.

    Args:
        config: of the search.
        watch: is told how far a fit is.

    Raises:
        LatencyError: the predictor's file cannot be used, or is of another setting or space.
    """
    if "latency" not in config.budgets:
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
    """The predictor that a run was started with, or `None` without a latency budget.

    Args:
        config: of the search.
        directory: of the run.

    Raises:
        LatencyError: its file is gone or damaged.
    """
    if "latency" not in config.budgets:
        return None
    return _checked(config, read_predictor(directory / PREDICTOR), str(directory / PREDICTOR))


def _checked(config: SearchConfig, predictor: Predictor, where: str) -> LatencyBudget:
    wanted: dict[str, Any] = {
        "resolution": config.resolution,
        "backend": config.latency_backend,
        "dtype": config.latency_dtype,
        "batch_size": config.latency_batch_size,
        "layout": None if config.latency_layout == AUTO else config.latency_layout,
    }
    predictor.check(where, wanted)
    space = configured_space(config)
    searched = {choice.block for choice in space.choices} | {space.stem.block}
    predictor.check_blocks(where, searched)
    return LatencyBudget(replace_classes(predictor, config.num_classes), config.num_classes)


def replace_classes(predictor: Predictor, num_classes: int) -> Predictor:
    """The predictor for networks with another classifier, whose time it knows by its width.

    Args:
        predictor: for any number of classes.
        num_classes: outputs of the other one, 0 for none.
    """
    if predictor.num_classes == num_classes:
        return predictor
    model = as_kept(predictor.model, predictor.setting.resolution, num_classes)
    return replace(predictor, model=model, num_classes=num_classes)


def quick_setting(config: SearchConfig) -> Setting:
    """The setting of a predictor that is fitted for one search: one thread's processor time, where that is on a CPU,
    since there is no time to wait for a quiet machine.

    Args:
        config: of the search.
    """
    given = {
        "backend": config.latency_backend,
        "dtype": config.latency_dtype,
        "batch_size": config.latency_batch_size,
    }
    return Setting(
        device=config.device,
        resolution=config.resolution,
        clock="cpu" if config.device.partition(":")[0] == "cpu" else "wall",
        **{key: value for key, value in given.items() if value is not None},  # type: ignore[arg-type]
    )


def quick_predictor(config: SearchConfig, watch: Watch | None = None) -> Predictor:
    """Fit a predictor for one search, on networks up to somewhat above its highest budget.

    Args:
        config: of the search.
        watch: told how far it is.

    Raises:
        LatencyError: the setting is not possible here, or too little could be measured in the time.
        MissingExtraError: torch or scikit-learn is not installed.
    """
    from zennas.latency.collect import Plan
    from zennas.latency.fit import FEWEST_NETWORKS, QUICK, fit_predictor

    highest = max(b.high for budgets in config.budget_sets() for b in budgets if b.quantity == "latency")
    plan = Plan(
        time_limit=QUICK_SECONDS,
        network_seconds=0.2,
        max_latency=BEYOND_BUDGET * highest if highest < float("inf") else None,
        fewest=QUICK_NETWORKS,
        least=FEWEST_NETWORKS + 5,
        layout=config.latency_layout or AUTO,
    )
    space = configured_space(config)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "measurements.jsonl"
        measured = measure_space(path, quick_setting(config), space, config.num_classes, plan, config.seed, watch)
    return fit_predictor(measured, None, config.seed, watch, QUICK)
