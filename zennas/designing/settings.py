"""All that is needed to repeat a design, as a user writes it and as its directory keeps it in `config.yaml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from zennas.counting.quantities import QUANTITIES
from zennas.errors import BudgetError, RunError, ZennasError, shortened
from zennas.io.options import Option, Setting, settings_of
from zennas.io.settings import CONFIG, ResolutionSetting, read_settings, validated
from zennas.searching.settings import SearchConfig, checked_config, search_settings
from zennas.train.config import TrainConfig, split_data, train_config, trainable

DESIGN = "Design"

SEARCHED = (
    "space", "se", "iterations", "score", "latency_predictor", "latency_backend", "latency_dtype",
    "latency_batch_size", "latency_layout",
)  # fmt: skip
"""Settings of the searches that a design takes, beside the budgets."""
TRAINED = (
    "batch_size", "lr", "momentum", "weight_decay", "warmup", "mixup", "label_smoothing", "erasing", "auto_augment",
    "flip", "lighting", "ema", "on_bad_image", "precision",
)  # fmt: skip
"""Settings of the trainings that a design takes; they are the same for candidates and for the winner."""
SCORE = "zen-weighted"
"""What the first search maximises by default."""


class DesignConfig(BaseModel):
    """The settings of a design, each with its `Option`. What a sentence does not tell:

    Attributes:
        candidates: of all rounds together; the first round trains half of them, the others share the rest.
        halvings: times that a round halves its candidates, by the accuracy on the held-out images.
        resolution: `None` becomes that of the data; it is kept in the design.
        num_classes: those of the data; kept in the design.
        images: to learn from, those that are held out among them; kept in the design.
        search: settings of the searches by name: budgets and `SEARCHED`.
        training: settings of the trainings by name: `TRAINED`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Annotated[str, Option("cifar10:DIR, cifar100:DIR, imagefolder:DIR or digits.", DESIGN)] = "digits"
    candidates: Annotated[int, Field(ge=1, le=10_000), Option("Networks to train for a short time.", DESIGN)] = 20
    epochs: Annotated[int, Field(ge=1), Option("Epochs of a candidate that is trained to its end.", DESIGN)] = 10
    rounds: Annotated[int, Field(ge=1), Option("Searches, each after the first by what was learned.", DESIGN)] = 3
    final_epochs: Annotated[int, Field(ge=1), Option("Epochs of the winner's training.", DESIGN)] = 200
    halvings: Annotated[
        int, Field(ge=0, le=8), Option("Times that the worse half of a round is given up on; 0: never.", DESIGN)
    ] = 2
    holdout: Annotated[
        float, Field(gt=0, lt=1), Option("Share of the training images that candidates are compared on.", DESIGN)
    ] = 0.1
    apart: Annotated[float, Field(gt=0), Option("Layers by which candidates differ at least.", DESIGN)] = 3.0
    resolution: Annotated[
        ResolutionSetting | None,
        AfterValidator(trainable),
        Option("Side of the images, or height and width, e.g. 48x32.", DESIGN, shown="the data's"),
    ] = None
    seed: Annotated[int, Field(ge=0, lt=1 << 32), Option("Seed of everything random.", DESIGN)] = 0
    device: Annotated[str, Option("Where networks are trained and timed: cpu or cuda.", DESIGN)] = "cpu"
    num_classes: Annotated[int | None, Field(ge=1)] = None
    images: Annotated[int | None, Field(ge=2)] = None
    search: dict[str, Any] = {}
    training: dict[str, Any] = {}

    @model_validator(mode="after")
    def _enough_candidates(self) -> "DesignConfig":
        if self.candidates < self.rounds:
            raise ValueError(f"{self.candidates} candidates are fewer than {self.rounds} rounds; give one a round")
        return self

    def round_sizes(self) -> list[int]:
        """Candidates of each round: half of all in the first, the rest shared evenly."""
        if self.rounds == 1:
            return [self.candidates]
        later = self.rounds - 1
        first = max(1, min(-(-self.candidates // 2), self.candidates - later))
        rest = self.candidates - first
        return [first, *(rest // later + (number < rest % later) for number in range(later))]

    def search_config(self, changes: Mapping[str, Any] | None = None) -> SearchConfig:
        """The settings of a search.

        Args:
            changes: settings that differ from the design's.

        Raises:
            ZennasError: they cannot be used.
        """
        values = {
            "score": SCORE,
            "rescore": 0,
            "seed": self.seed,
            **self.search,
            "num_classes": self.num_classes or 1,
            **(changes or {}),
        }
        if self.resolution is not None:
            values["resolution"] = self.resolution
        if "latency_predictor" not in values:
            # A predictor from a file may be of another device than the one that trains.
            values["device"] = self.device
        return checked_config(values)

    def train_config(self, model: str, epochs: int, changes: Mapping[str, Any] | None = None) -> TrainConfig:
        """The settings of a training.

        Args:
            model: the network's structure string.
            epochs: passes over the images.
            changes: settings that differ from the design's.

        Raises:
            ZennasError: they cannot be used.
        """
        values = {
            **self.training,
            "model": model,
            "data": self.data,
            "epochs": epochs,
            "resolution": self.resolution,
            "seed": self.seed,
            # A training's process sees one GPU, whichever it is.
            "device": self.device.partition(":")[0],
            **(changes or {}),
        }
        return train_config(values)


def design_settings() -> list[Setting]:
    """All settings of a design as options: its own, and those of its searches and trainings that it takes."""
    searched = [s for s in search_settings() if s.name in SEARCHED or s.name in QUANTITIES]
    trained = [s for s in settings_of(TrainConfig) if s.name in TRAINED]
    shown = {"score": SCORE}
    searched = [_with_default(s, shown[s.name]) if s.name in shown else s for s in searched]
    return [*settings_of(DesignConfig), *searched, *trained]


def _with_default(setting: Setting, default: Any) -> Setting:
    return Setting(setting.name, setting.types, default, setting.option)


def design_config(values: Mapping[str, Any]) -> DesignConfig:
    """A validated configuration from settings by name, those of searches and trainings among them.

    Args:
        values: as `design_settings` lists them.

    Raises:
        ZennasError: in one line: the setting, its value, what is allowed.
    """
    budgets = {name for name in values if name in QUANTITIES or name in SEARCHED}
    trained = {name for name in values if name in TRAINED}
    own = {name: value for name, value in values.items() if name not in budgets | trained}
    nested = {
        "search": {name: values[name] for name in values if name in budgets},
        "training": {name: values[name] for name in values if name in trained},
    }
    return checked_design({**own, **nested})


def checked_design(values: dict[str, Any], where: str = "") -> DesignConfig:
    """A validated configuration from its own fields.

    Args:
        values: fields of `DesignConfig`.
        where: what the message of an error begins with, e.g. the name of a file.

    Raises:
        ZennasError: in one line: the setting, its value, what is allowed.
        BudgetError: there is no upper bound of the networks' size, or more than one for a quantity.
    """
    config = validated(DesignConfig, values, where)
    split_data(config.data)
    strange = [name for name in config.search if name not in SEARCHED and name not in QUANTITIES]
    strange += [name for name in config.training if name not in TRAINED]
    if strange:
        raise RunError(f"{where}a design takes no setting {shortened(strange[0])}")
    try:
        sets = config.search_config().budget_sets()
        config.train_config("-", config.epochs)
    except ZennasError as error:
        raise type(error)(f"{where}{error}") from None
    if len(sets) > 1:
        raise BudgetError(f"{where}a design has one budget a quantity; give a single bound of each")
    return config


def read_design_config(directory: Path) -> DesignConfig:
    """Read a design's `config.yaml`.

    Raises:
        RunError: there is no design.
        ZennasError: the file is damaged.
    """
    where = f"{directory / CONFIG}: "
    values = read_settings(directory, "design", RunError)
    if "final_epochs" not in values:
        raise RunError(f"{directory}: no design here; {CONFIG} is of another run")
    return checked_design(values, where)
