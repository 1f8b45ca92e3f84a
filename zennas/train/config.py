"""The paper's training recipe as settings, and how a run keeps them in `config.yaml`."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from zennas.errors import TrainingError, ZennasError, shortened
from zennas.io.settings import CONFIG, read_settings, validated

KINDS = ("cifar10", "cifar100", "imagefolder", "digits")

# Where the paper's recipe (appendix D) differs between its data sets. The embedded digits are not in the paper:
# they get the CIFAR values, but for as many steps and as large ones as show a network learn in minutes on a laptop.
_BY_KIND: dict[str, dict[str, Any]] = {
    "cifar10": {"epochs": 1440, "weight_decay": 5e-4, "batch_size": 256, "auto_augment": True, "flip": 0.5},
    "cifar100": {"epochs": 1440, "weight_decay": 5e-4, "batch_size": 256, "auto_augment": True, "flip": 0.5},
    "imagefolder": {"epochs": 480, "weight_decay": 4e-5, "batch_size": 256, "auto_augment": True, "flip": 0.5},
    # A mirrored or inverted digit is another digit or none.
    "digits": {
        "epochs": 30,
        "lr": 0.8,
        "weight_decay": 5e-4,
        "batch_size": 32,
        "auto_augment": False,
        "flip": 0.0,
        "lighting": 0.0,
    },
}


class TrainConfig(BaseModel):
    """The settings of a training run; what is not given takes the paper's value for the data set.

    Attributes:
        data: `digits`, or `cifar10:DIR`, `cifar100:DIR`, `imagefolder:DIR`.
        epochs: passes over the training images.
        batch_size: images of one optimiser step, over all processes and accumulated batches.
        lr: learning rate for a batch of 256; it is scaled in proportion to `batch_size`.
        warmup: fraction of the run in which the learning rate rises from zero.
        erasing: probability that a rectangle of an image is erased.
        flip: probability that an image is mirrored.
        lighting: standard deviation of the noise along the principal colours.
        ema: decay of the moving average of the weights; 0 for none. Where it is on, the average is evaluated.
        accumulate: batches whose gradients make one optimiser step.
        checkpoint_steps: optimiser steps between checkpoints within an epoch; each epoch ends with one.
        teacher: `timm:NAME`, or a MODEL of this package, to distil from; its weights are `teacher_weights`.
        distil_logits: weight of the divergence between the class probabilities of student and teacher.
        distil_features: weight of the distance between their stages' feature maps.
        temperature: of the softmax in the distillation of logits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    data: str = "digits"
    resolution: int | None = Field(default=None, ge=8, le=1 << 12)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    lr: float = Field(default=0.1, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    warmup: float = Field(default=0.02, ge=0, lt=1)
    mixup: float = Field(default=0.2, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    erasing: float = Field(default=0.2, ge=0, le=1)
    auto_augment: bool = True
    flip: float = Field(default=0.5, ge=0, le=1)
    lighting: float = Field(default=0.1, ge=0)
    ema: float = Field(default=0, ge=0, lt=1)
    accumulate: int = Field(default=1, ge=1)
    precision: Literal["fp32", "fp16", "bf16"] = "fp32"
    device: str = "cpu"
    workers: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0, lt=1 << 32)
    checkpoint_steps: int = Field(default=1000, ge=1)
    on_bad_image: Literal["skip", "stop"] = "stop"
    tracker: Literal["tensorboard", "wandb", "mlflow"] | None = None
    teacher: str | None = None
    teacher_weights: Path | None = None
    distil_logits: float = Field(default=1.0, ge=0)
    distil_features: float = Field(default=0.0, ge=0)
    temperature: float = Field(default=4.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        kind, _ = split_data(str(values.get("data", "digits")))
        return {**_BY_KIND[kind], **values}

    @model_validator(mode="after")
    def _consistent(self) -> "TrainConfig":
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"batch_size {self.batch_size} cannot be split into accumulate={self.accumulate} equal batches"
            )
        if self.teacher_weights is not None and self.teacher is None:
            raise ValueError("teacher_weights needs a teacher")
        if self.teacher is not None and self.teacher_weights is None:
            raise ValueError("a teacher needs its trained weights: give teacher_weights")
        return self


def split_data(data: str) -> tuple[str, str]:
    """`"cifar10:DIR"` → `("cifar10", "DIR")`. Raises `ZennasError` for a kind that is not known."""
    kind, _, directory = data.partition(":")
    if kind not in KINDS:
        raise ZennasError(
            f"data {shortened(data)} is not known; use digits, cifar10:DIR, cifar100:DIR or imagefolder:DIR"
        )
    if kind != "digits" and not directory:
        raise ZennasError(f"data {shortened(data)} needs a directory: {kind}:DIR")
    return kind, directory


def train_config(values: dict[str, Any], where: str = "") -> TrainConfig:
    """A validated configuration. Raises `ZennasError` in one line: the setting, its value, what is allowed."""
    return validated(TrainConfig, values, where)


def read_train_config(directory: Path) -> TrainConfig:
    """Read a run's `config.yaml`. Raises `TrainingError` where there is no run, `ZennasError` if it is damaged."""
    return train_config(read_settings(directory, "training run", TrainingError), f"{directory / CONFIG}: ")
