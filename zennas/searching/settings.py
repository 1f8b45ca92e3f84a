"""All that is needed to repeat a search, as a user writes it and as a run keeps it in `config.yaml`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from zennas.architecture.model import MAX_CHANNELS
from zennas.counting.budgets import Budget, implied_flops, parse_budget
from zennas.counting.count import FP32
from zennas.counting.quantities import QUANTITIES
from zennas.errors import ArchitectureError, BudgetError, RunError
from zennas.input_size import RESOLUTION_HELP
from zennas.io.imports import check_import, may_import
from zennas.io.options import Option, Setting, settings_of
from zennas.io.settings import CONFIG, ResolutionSetting, read_settings, validated
from zennas.layouts import AskedLayout
from zennas.loading import check_model_of_file, load
from zennas.number_types import NUMBER_TYPES, number_type
from zennas.optional_dependencies import unknown
from zennas.searching.plugins import load_plugins, plugins_left_out
from zennas.spaces.file import named_space
from zennas.spaces.space import SearchSpace
from zennas.units import parse_seconds

SEARCH = "Search"
BUDGETS = "Budgets"
STOP = "Stopping"

FLOPS_PER_PARAM = 256.0
"""Positions at which a parameter works on average: those of a 16×16 map. ResNet-50 has 160, RegNetY-32GF 223,
MobileNetV2 86, ResNet-20 at 32×32 150 and the paper's CIFAR networks 160 to 272."""

BudgetText = str | list[str]

DEFAULT_SCORE = "zen-weighted"
"""What a search maximises: its winners were more accurate than those of the other scores (docs/which-score.md)."""
DEFAULT_ALGORITHM = "annealing"
"""What proposes networks: under budgets that are counted it finds the best ones, with few iterations by far
(docs/best-known.md)."""
DENSE: dict[str, Any] = {"num_classes": 0, "score": "meanfield-dense", "resolution": 224}
"""Defaults of a search for a dense task where they are others."""


def _number_type(value: Any) -> Any:
    return number_type(value) if isinstance(value, str) else value


class SearchConfig(BaseModel):
    """The settings of a search: each with its type, its default, its bounds and, in its `Option`, what it is.

    `space` is a registered name or the path of a YAML file; `start` is any network as commands take it.
    A budget is a setting named as its quantity (`params`, `flops`, whatever is in `zennas.counting.QUANTITIES`): text
    as on the command line (`"1M"`, `"0.5M..1M"`), a number in the quantity's bare unit, or a list of those; then the
    run is a frontier and finds the best network for each of them. All of them are in `budgets`, by name, and
    attributes too: `config.params` is `None` where there is no such budget.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Annotated[
        Literal["classification", "dense"],
        Option("classification, or dense: a backbone for detection or segmentation.", SEARCH),
    ] = "classification"
    space: Annotated[str, Option("resnet, mobilenet, regnet, inverted, or a YAML file.", SEARCH)] = "resnet"
    resolution: Annotated[ResolutionSetting, Option(RESOLUTION_HELP, SEARCH, shown="32, as CIFAR has; dense 224")] = 32
    channels: Annotated[
        int | None, Field(ge=1, le=MAX_CHANNELS), Option("Channels of the input.", SEARCH, shown="the space's, 3")
    ] = None
    num_classes: Annotated[
        int,
        Field(ge=0, le=1 << 20),
        Option("Outputs of the classifier.", SEARCH, name="classes", shown="100, as CIFAR-100 has; dense 0"),
    ] = 100
    budgets: dict[str, BudgetText] = {}
    dtype: Annotated[
        Literal["fp32", "fp16", "int8"] | None,
        BeforeValidator(_number_type),
        Option(
            "Number type in which weights and memory are counted: fp32, fp16 or int8.",
            BUDGETS,
            shown=f"{FP32}, 4 bytes a value",
        ),
    ] = None
    flops_per_param: Annotated[
        float,
        Field(ge=0, le=1 << 28),
        Option("Most multiply-adds a parameter where --params is the only bound; 0: any number.", BUDGETS),
    ] = FLOPS_PER_PARAM
    latency_predictor: Annotated[
        str | None, Option("File of `zennas latency-predictor fit`; else one is fitted for --device.", BUDGETS)
    ] = None
    latency_backend: Annotated[str | None, Option("torch, torch-compile or onnxruntime.", BUDGETS, shown="torch")] = (
        None
    )
    latency_dtype: Annotated[str | None, Option("fp32, fp16, bf16 or int8.", BUDGETS, shown="fp32")] = None
    latency_batch_size: Annotated[
        int | None, Field(ge=1), Option("Images a mini-batch of the latency.", BUDGETS, shown="64")
    ] = None
    latency_layout: Annotated[
        AskedLayout | None,
        Option(
            "Of the latency: auto, channels-last or contiguous feature maps.",
            BUDGETS,
            name="layout",
            shown="the predictor's, else auto",
        ),
    ] = None
    se: Annotated[bool, Option("Squeeze-excitation in MB and IR blocks.", SEARCH)] = False
    score: Annotated[str, Option("What to maximise; meanfield is the paper's Zen-score in closed form.", SEARCH)] = (
        DEFAULT_SCORE
    )
    algorithm: Annotated[str, Option("annealing, evolution, zen-nas, local, random, regularized.", SEARCH)] = (
        DEFAULT_ALGORITHM
    )
    iterations: Annotated[int, Field(ge=1), Option("Networks to propose (T).", SEARCH)] = 48_000
    population: Annotated[int, Field(ge=1), Option("Population size (N).", SEARCH)] = 256
    round_size: Annotated[int, Field(ge=1), Option("Networks proposed from one population.", SEARCH)] = 64
    islands: Annotated[
        int,
        Field(ge=1),
        Option("Populations, each in a process of its own, that exchange their best; their number counts.", SEARCH),
    ] = 1
    rescore: Annotated[
        int, Field(ge=0), Option("Best networks whose Zen-score is checked by Monte Carlo; 0: none.", SEARCH)
    ] = 16
    seed: Annotated[int, Field(ge=0, lt=1 << 63), Option("Seed of everything random.", SEARCH)] = 0
    batch_size: Annotated[int, Field(ge=2), Option("Images of a Monte Carlo repeat.", SEARCH)] = 16
    repeats: Annotated[int, Field(ge=1), Option("Monte Carlo repeats a network.", SEARCH)] = 1
    device: Annotated[str, Option("Where torch computes, e.g. cpu or cuda.", SEARCH)] = "cpu"
    start: Annotated[str | None, Option("A network to start from (any MODEL).", SEARCH, shown="a random small one")] = (
        None
    )
    from_run: Annotated[
        str | None, Option("Another run, whose networks that fit begin the search.", SEARCH, name="from")
    ] = None
    freeze: Annotated[list[str], Option("Parts no mutation touches: stem, head or stem,head.", SEARCH)] = []
    plugins: Annotated[
        list[str], Option("Module that registers your blocks, scores or costs.", SEARCH, name="plugin", repeated=True)
    ] = []
    time_limit: Annotated[
        float | None,
        Field(gt=0),
        Option("Stop after that long, e.g. 20m.", STOP, parse=parse_seconds, format=lambda value: f"{value:g}s"),
    ] = None
    patience: Annotated[
        int | None, Field(ge=1), Option("Stop after so many iterations without a better network.", STOP)
    ] = None
    target_score: Annotated[float | None, Option("Stop at that score.", STOP)] = None
    pareto: Annotated[
        list[str], Option("Also write the Pareto front over these costs, e.g. params,flops.", BUDGETS)
    ] = []

    @model_validator(mode="before")
    @classmethod
    def _budgets_by_name(cls, values: Any) -> Any:
        """Settings named as quantities become `budgets`, in the table's order, numbers among them texts."""
        if not isinstance(values, dict):
            return values
        allowed = setting_names()
        unknown_names = [name for name in values if name not in allowed]
        if unknown_names:
            raise ValueError(str(unknown("setting", str(unknown_names[0]), allowed)))
        values = {**(DENSE if values.get("task") == "dense" else {}), **values}
        budgets = {name: _budget_text(name, values[name]) for name in QUANTITIES if values.get(name) is not None}
        return {**{name: value for name, value in values.items() if name not in QUANTITIES}, "budgets": budgets}

    @model_validator(mode="after")
    def _no_classifier_of_a_dense_task(self) -> "SearchConfig":
        if self.task == "dense" and self.num_classes:
            raise ValueError("task dense: a backbone has no classifier; leave classes out, or give 0")
        return self

    @model_validator(mode="after")
    def _one_beginning(self) -> "SearchConfig":
        if self.from_run is not None and self.start is not None:
            raise ValueError("start and from: a search begins with one network or with a run's; give one of them")
        if self.from_run is not None and self.islands > 1:
            raise ValueError("from: each island begins with one network; leave islands out")
        return self

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

    @model_serializer(mode="wrap")
    def _budgets_beside_the_rest(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Files have budgets as settings by name: `params: 1M`."""
        document = plain(self)
        return {
            key: value
            for name, setting in document.items()
            for key, value in (setting.items() if name == "budgets" else [(name, setting)])
        }

    if not TYPE_CHECKING:  # a type checker still reports settings that do not exist

        def __getattr__(self, name: str) -> Any:
            if name in QUANTITIES:
                return self.budgets.get(name)
            return super().__getattr__(name)

    @property
    def deployed_type(self) -> str:
        """The number type in which weights and memory are counted."""
        return self.dtype or FP32

    def budget_sets(self) -> list[tuple[Budget, ...]]:
        """The budgets of each population: every combination of the listed budgets, each with what it implies.

        Raises:
            BudgetError: a budget cannot be read.
        """
        combinations: list[tuple[Budget, ...]] = [()]
        for quantity in QUANTITIES:
            given = self.budgets.get(quantity)
            if given is None:
                continue
            texts = [given] if isinstance(given, str) else given
            if not texts:
                raise BudgetError(f"{quantity}: no budget is given; write one like 1M, or several as 0.5M,1M")
            parsed = [parse_budget(quantity, text) for text in texts]
            combinations = [(*budgets, budget) for budgets in combinations for budget in parsed]
        return [
            (*budgets, *implied_flops(budgets, self.flops_per_param, self.deployed_type)) for budgets in combinations
        ]


def _budget_text(quantity: str, budget: Any) -> Any:
    """A number as a text with the quantity's unit; anything else as it is."""
    if isinstance(budget, list | tuple):
        return [_budget_text(quantity, single) for single in budget]
    is_number = isinstance(budget, int | float) and not isinstance(budget, bool)
    return QUANTITIES[quantity].unit.text(budget) if is_number else budget


def search_settings() -> list[Setting]:
    """All settings of a search as options, docstrings and files name them: a budget for each quantity, in the place of
    `budgets`."""
    settings, fields = settings_of(SearchConfig), list(SearchConfig.model_fields)
    taken = [name for name in QUANTITIES if name in fields]
    if taken:
        raise BudgetError(f"the quantity {taken[0]!r} has the name of another setting; give another name")
    place = sum(fields.index(setting.name) < fields.index("budgets") for setting in settings)
    budgets = [
        Setting(q.name, (str, list[str]), None, Option(q.help, BUDGETS, name=q.option)) for q in QUANTITIES.values()
    ]
    return [*settings[:place], *budgets, *settings[place:]]


def setting_names() -> list[str]:
    """Names of all settings of a search."""
    return [setting.name for setting in search_settings()]


def checked_config(values: dict[str, Any], where: str = "") -> SearchConfig:
    """A validated configuration.

    Args:
        values: settings by name. Where one is not known, the `plugins` are imported first: they may register a
            quantity.
        where: what the message of an error begins with, e.g. the name of a file.

    Raises:
        ZennasError: in one line: the setting, its value, what is allowed.
        BudgetError: there is no upper bound that keeps networks from growing without end, or a Pareto front over a
            cost that only its budget makes known.
    """
    plugins = values.get("plugins")
    if isinstance(plugins, list | tuple) and not set(values) <= set(setting_names()):
        load_plugins([name for name in plugins if isinstance(name, str)])
    config = validated(SearchConfig, values, where)
    unknown_costs = [name for name in config.pareto if QUANTITIES[name].predicted and name not in config.budgets]
    if unknown_costs:
        name = unknown_costs[0]
        raise BudgetError(
            f"{where}pareto: without a {name} budget no {name} is known; give one too, e.g. --{name} "
            f"{QUANTITIES[name].example}"
        )
    check_bounded(config, where)
    return config


def check_bounded(config: SearchConfig, where: str = "") -> None:
    """Raises `BudgetError` where a population has no upper bound of its size."""
    bounding = [quantity.name for quantity in QUANTITIES.values() if quantity.bounds_search]
    if not all(any(b.high < float("inf") and b.quantity in bounding for b in n) for n in config.budget_sets()):
        raise BudgetError(
            f"{where}a search needs an upper bound, or its networks grow without end; give one of "
            f"{', '.join(bounding[:-1])} or {bounding[-1]}, e.g. params 1M"
        )


def read_config(directory: Path, allow_imports: bool = False) -> SearchConfig:
    """Read a run's `config.yaml`.

    Args:
        directory: of the run.
        allow_imports: whether plugins that it names may be imported. They are only where one of its settings is not
            known, since a plugin may register it.

    Raises:
        RunError: there is no run.
        ImportRefusedError: a setting is not known, and a plugin was not imported.
        ZennasError: the file is damaged.
    """
    # Runs that do not name these were begun before there was such a bound, or any algorithm but one.
    values = {"flops_per_param": 0.0, "algorithm": "evolution", **read_settings(directory, "run", RunError)}
    where = f"{directory / CONFIG}: "
    plugins = values.get("plugins")
    refused = refused_plugins(plugins if isinstance(plugins, list) else [], allow_imports)
    with plugins_left_out(refused):
        if refused:
            # Set aside while the rest is checked, which may import plugins.
            allowed = [name for name in plugins or () if name not in refused]
            config = checked_config({**values, "plugins": allowed}, where)
            return config.model_copy(update={"plugins": validated(SearchConfig, {"plugins": plugins}, where).plugins})
        return checked_config(values, where)


def refused_plugins(names: Sequence[object], allow_imports: bool) -> list[str]:
    """Those of a file's plugins that nobody allowed to be imported.

    Args:
        names: what the file names.
        allow_imports: whether the user allows everything that the file names.
    """
    return [name for name in names if isinstance(name, str) and not may_import(name, allow_imports)]


def check_imports(config: SearchConfig, directory: Path, allow_imports: bool) -> None:
    """Refuse to go on with a run that would run code which its file alone names.

    Args:
        config: of the run, as its file has it.
        directory: of the run, for the message.
        allow_imports: whether the user allows everything that the file names.

    Raises:
        ImportRefusedError: a plugin, or the factory that the start comes from, is not allowed.
    """
    for name in config.plugins:
        check_import(name, f"{directory / CONFIG}: plugins", allow_imports)
    if config.start is not None:
        check_model_of_file(config.start, f"{directory / CONFIG}: start", allow_imports)


def configured_space(config: SearchConfig) -> SearchSpace:
    """The space of a search: registered or from a file, with its start and its frozen parts.

    Plugins are imported first: they may register the space, or blocks that it names.

    Raises:
        UnknownNameError: there is no space of that name.
        ZennasError: the file is unreadable or says something that is not allowed, or squeeze-excitation is asked for
            in a space that cannot carry it.
        ArchitectureError: the resolution is too small, or the start does not fit.
    """
    load_plugins(config.plugins)
    space = named_space(config.space, config.resolution, config.se)
    if config.task == "dense":
        # The head is a classifier's: what reads the stages' maps has layers of its own.
        space = replace(space, head=None)
    if config.freeze:
        space = replace(space, frozen=frozenset(config.freeze))
    space = space.with_channels(config.channels)
    if config.start is not None:
        space = _started(space, config.start, config.channels)
    space.check_resolution(config.resolution)
    return space


def _started(space: SearchSpace, start: str, channels: int | None) -> SearchSpace:
    blocks = load(start, channels).super_blocks
    if len(blocks) < 2 + (space.head is not None):
        raise ArchitectureError(
            f"the start {start!r} has {len(blocks)} super-blocks; a stem, a stage and a head are needed"
        )
    return replace(space, start=blocks)
