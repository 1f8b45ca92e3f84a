"""All that is needed to repeat a search, as a user writes it and as a run keeps it in `config.yaml`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from zennas.counting.budgets import QUANTITIES, Budget, parse_budget
from zennas.errors import ArchitectureError, BudgetError, RunError
from zennas.io.settings import CONFIG, read_settings, validated
from zennas.loading import load
from zennas.number_types import NUMBER_TYPES, number_type
from zennas.spaces.file import read_space
from zennas.spaces.space import SearchSpace, search_space


class SearchConfig(BaseModel):
    """The settings of a search.

    `space` is a built-in name or the path of a YAML file; `start` is any network as commands take it.
    A budget is text as on the command line (`"1M"`, `"0.5M..1M"`), or a list of such texts: then the run is a
    frontier and finds the best network for each of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    space: str = "resnet"
    resolution: int = Field(default=32, ge=1, le=1 << 14)
    num_classes: int = Field(default=100, ge=0, le=1 << 20)
    params: str | list[str] | None = None
    flops: str | list[str] | None = None
    layers: str | list[str] | None = None
    memory: str | list[str] | None = None
    effectiveness: str | list[str] | None = None
    latency: str | list[str] | None = None
    latency_predictor: str | None = None
    latency_backend: str | None = None
    latency_dtype: str | None = None
    latency_batch_size: int | None = Field(default=None, ge=1)
    se: bool = False
    score: str = "meanfield"
    iterations: int = Field(default=48_000, ge=1)
    population: int = Field(default=256, ge=1)
    round_size: int = Field(default=64, ge=1)
    rescore: int = Field(default=16, ge=0)
    seed: int = Field(default=0, ge=0, lt=1 << 63)
    batch_size: int = Field(default=16, ge=2)
    repeats: int = Field(default=1, ge=1)
    device: str = "cpu"
    start: str | None = None
    freeze: list[str] = []
    plugins: list[str] = []
    time_limit: float | None = Field(default=None, gt=0)
    patience: int | None = Field(default=None, ge=1)
    target_score: float | None = None
    pareto: list[str] = []

    @field_validator("pareto")
    @classmethod
    def _known_quantities(cls, value: list[str]) -> list[str]:
        wrong = [quantity for quantity in value if quantity not in QUANTITIES]
        if wrong:
            raise ValueError(f"unknown quantity {wrong[0]!r}; allowed are {', '.join(QUANTITIES)}")
        return value

    @field_validator("latency_dtype")
    @classmethod
    def _known_number_type(cls, value: str | None) -> str | None:
        if value is not None and number_type(value) not in NUMBER_TYPES:
            raise ValueError(f"unknown number type; allowed are {', '.join(NUMBER_TYPES)}")
        return None if value is None else number_type(value)

    def budget_sets(self) -> list[tuple[Budget, ...]]:
        """The budgets of each population: every combination of the listed budgets. Raises `BudgetError`."""
        combinations: list[tuple[Budget, ...]] = [()]
        for quantity in ("params", "flops", "layers", "memory", "latency", "effectiveness"):
            given = getattr(self, quantity)
            if given is None:
                continue
            texts = [given] if isinstance(given, str) else given
            parsed = [parse_budget(quantity, text) for text in texts]
            combinations = [(*budgets, budget) for budgets in combinations for budget in parsed]
        return combinations


def checked_config(values: dict[str, Any], where: str = "") -> SearchConfig:
    """A validated configuration. Raises `ZennasError` in one line: the setting, its value, what is allowed."""
    config = validated(SearchConfig, values, where)
    check_bounded(config, where)
    return config


def check_bounded(config: SearchConfig, where: str = "") -> None:
    """Raises `BudgetError` where a population has no upper bound of its size."""
    if not all(any(b.high < float("inf") and b.quantity != "effectiveness" for b in n) for n in config.budget_sets()):
        raise BudgetError(
            f"{where}a search needs an upper bound, or its networks grow without end; give one of params, flops, "
            "layers, memory or latency, e.g. params 1M"
        )


def read_config(directory: Path) -> SearchConfig:
    """Read a run's `config.yaml`. Raises `RunError` where there is no run, `ZennasError` for a damaged file."""
    return checked_config(read_settings(directory, "run", RunError), f"{directory / CONFIG}: ")


def configured_space(config: SearchConfig) -> SearchSpace:
    """The space of a search: built in or from a file, with its start and its frozen parts.

    Raises:
        ZennasError: the file is unreadable or says something that is not allowed.
        ArchitectureError: the resolution is too small, or the start does not fit.
    """
    is_file = config.space.endswith((".yaml", ".yml"))
    space = (
        read_space(Path(config.space), config.resolution)
        if is_file
        else search_space(config.space, config.resolution, config.se)
    )
    if config.freeze:
        space = replace(space, frozen=frozenset(config.freeze))
    if config.start is not None:
        space = _started(space, config.start)
    space.check_resolution(config.resolution)
    return space


def _started(space: SearchSpace, start: str) -> SearchSpace:
    blocks = load(start).super_blocks
    if len(blocks) < 2 + (space.head is not None):
        raise ArchitectureError(
            f"the start {start!r} has {len(blocks)} super-blocks; a stem, a stage and a head are needed"
        )
    return replace(space, start=blocks)
