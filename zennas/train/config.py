"""The paper's training recipe as settings, and how a run keeps them in `config.yaml`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from zennas.errors import TrainingError, ZennasError, shortened
from zennas.input_size import RESOLUTION_HELP, Resolution, sides
from zennas.io.options import Option
from zennas.io.settings import CONFIG, ResolutionSetting, read_settings, validated
from zennas.layouts import AUTO, CONTIGUOUS, LAYOUT_HELP, AskedLayout
from zennas.number_types import number_type
from zennas.threads import AUTO as AUTO_THREADS
from zennas.threads import TRAINING_THREADS_HELP, AskedThreads, read_threads

RUN = "Run"
RECIPE = "Recipe"
DISTILLATION = "Distillation"
MACHINE = "Machine"

KINDS = ("cifar10", "cifar100", "imagefolder", "idx", "digits")

# Where the paper's recipe (appendix D) differs between its data sets. The embedded digits are not in the paper:
# they get the CIFAR values, but for as many steps and as large ones as show a network learn in minutes on a laptop.
_BY_KIND: dict[str, dict[str, Any]] = {
    "cifar10": {"epochs": 1440, "weight_decay": 5e-4, "batch_size": 256, "auto_augment": True, "flip": 0.5},
    "cifar100": {"epochs": 1440, "weight_decay": 5e-4, "batch_size": 256, "auto_augment": True, "flip": 0.5},
    "imagefolder": {"epochs": 480, "weight_decay": 4e-5, "batch_size": 256, "auto_augment": True, "flip": 0.5},
    "idx": {
        "epochs": 30,
        "weight_decay": 5e-4,
        "batch_size": 256,
        "auto_augment": False,
        "flip": 0.0,
        "lighting": 0.0,
    },
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

# What runs had before they named it.
_FIRST_LOOP = {"loop_version": 1, "layout": CONTIGUOUS}


def _number_type(value: Any) -> Any:
    return number_type(value) if isinstance(value, str) else value


def _thread_count(value: Any) -> Any:
    try:
        return None if value is None else read_threads(value)
    except ZennasError as error:
        raise ValueError(str(error)) from None


def trainable(resolution: Resolution | None) -> Resolution | None:
    """The size, or `None`, of images to train on. Raises `ValueError` where a side is out of bounds."""
    if resolution is not None and not 8 <= min(sides(resolution)) <= max(sides(resolution)) <= 1 << 12:
        raise ValueError(f"sides from 8 to {1 << 12} are allowed")
    return resolution


class TrainConfig(BaseModel):
    """The settings of a training run, each with its `Option`, which explains it in a sentence; what is not given takes
    the paper's value for the data set. What a sentence does not tell:

    Attributes:
        data: `digits`, or `cifar10:DIR`, `cifar100:DIR`, `idx:DIR` (the files of MNIST and its kin), `imagefolder:DIR`.
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
        layout: how feature maps lie in memory; `auto` becomes the one that `zennas.train.layout` finds the faster,
            and is kept in the run.
        threads: of torch on the CPU; `None` leaves them as they are. `auto` becomes the fastest number of a short
            trial, which is kept in the run; several processes and GPUs are left as they are. The last bit of a sum
            depends on the number: the same seed may end otherwise where another number was the fastest.
        compile: whether the network goes through `torch.compile`.
        holdout: share of the training images that are not learned from; where it is above 0, losses and accuracies
            are those of these images, and the test images are not looked at.
        holdout_seed: of which they are; not `seed`, so that networks are compared on the same images.
        evaluate: `epochs`: after each of them; `end`: once, after the last; rows of metrics before it have NaN.
        loop_version: how the loop draws and rounds. 1: images are augmented one by one, as all runs were that do not
            name a version; they are gone on with in that way. 2: small images are augmented in batches, folders of
            small squares are treated as CIFAR, and on a CPU one kernel updates all weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    data: Annotated[str, Option("cifar10:DIR, cifar100:DIR, idx:DIR, imagefolder:DIR or digits.", RUN)] = "digits"
    on_bad_image: Annotated[Literal["skip", "stop"], Option("skip or stop at unreadable images.", RUN)] = "stop"
    tracker: Annotated[
        Literal["tensorboard", "wandb", "mlflow"] | None, Option("tensorboard, wandb or mlflow.", RUN)
    ] = None
    checkpoint_steps: Annotated[int, Field(ge=1), Option("Steps between checkpoints in an epoch.", RUN)] = 1000
    holdout: Annotated[
        float, Field(ge=0, lt=1), Option("Share of the training images to evaluate on; 0: the test images.", RUN)
    ] = 0
    holdout_seed: Annotated[int, Field(ge=0, lt=1 << 32), Option("Seed of which are held out.", RUN)] = 0
    evaluate: Annotated[Literal["epochs", "end"], Option("After epochs, or once at the end.", RUN)] = "epochs"
    resolution: Annotated[
        ResolutionSetting | None,
        AfterValidator(trainable),
        Option(RESOLUTION_HELP, RECIPE, shown="the network's own"),
    ] = None
    channels: Annotated[
        int | None, Field(ge=1, le=3), Option("Of the images: 3, or 1 for grey.", RECIPE, shown="the network's own")
    ] = None
    epochs: Annotated[
        int, Field(ge=1), Option("Passes over the images.", RECIPE, shown="CIFAR 1440, folder 480, else 30")
    ]
    batch_size: Annotated[int, Field(ge=1), Option("Images a step.", RECIPE, shown="256, digits 32")]
    lr: Annotated[float, Field(gt=0), Option("Learning rate for a batch of 256.", RECIPE, shown="0.1, digits 0.8")] = (
        0.1
    )
    momentum: Annotated[float, Field(ge=0, lt=1), Option("Nesterov momentum.", RECIPE)] = 0.9
    weight_decay: Annotated[float, Field(ge=0), Option("Weight decay.", RECIPE, shown="5e-4, folder 4e-5")]
    warmup: Annotated[float, Field(ge=0, lt=1), Option("Part of the run in which the rate rises.", RECIPE)] = 0.02
    mixup: Annotated[float, Field(ge=0), Option("Mix-up's alpha; 0: none.", RECIPE)] = 0.2
    label_smoothing: Annotated[float, Field(ge=0, lt=1), Option("Label smoothing.", RECIPE)] = 0.1
    erasing: Annotated[float, Field(ge=0, le=1), Option("Probability of random erasing.", RECIPE)] = 0.2
    auto_augment: Annotated[bool, Option("AutoAugment.", RECIPE, shown="on, digits off")] = True
    flip: Annotated[float, Field(ge=0, le=1), Option("Probability of mirroring.", RECIPE, shown="0.5, digits 0")] = 0.5
    lighting: Annotated[
        float, Field(ge=0), Option("Noise along the principal colours.", RECIPE, shown="0.1, digits 0")
    ] = 0.1
    ema: Annotated[float, Field(ge=0, lt=1), Option("Decay of the weights' moving average; 0: none.", RECIPE)] = 0
    seed: Annotated[int, Field(ge=0, lt=1 << 32), Option("Seed of everything random.", RECIPE)] = 0
    teacher: Annotated[str | None, Option("timm:NAME or a MODEL, e.g. timm:resnet152.", DISTILLATION)] = None
    teacher_weights: Annotated[Path | None, Option("The teacher's trained weights.", DISTILLATION)] = None
    distil_logits: Annotated[float, Field(ge=0), Option("Weight of the logits' loss.", DISTILLATION)] = 1.0
    distil_features: Annotated[float, Field(ge=0), Option("Weight of the stage features' loss.", DISTILLATION)] = 0.0
    temperature: Annotated[float, Field(gt=0), Option("Of the softmax over logits.", DISTILLATION)] = 4.0
    device: Annotated[str, Option("cpu or cuda.", MACHINE)] = "cpu"
    precision: Annotated[
        Literal["fp32", "fp16", "bf16"], BeforeValidator(_number_type), Option("fp32, fp16 or bf16.", MACHINE)
    ] = "fp32"
    accumulate: Annotated[int, Field(ge=1), Option("Batches that make one step.", MACHINE)] = 1
    workers: Annotated[int, Field(ge=0), Option("Processes that prepare images.", MACHINE)] = 0
    layout: Annotated[AskedLayout, Option(LAYOUT_HELP, MACHINE)] = AUTO
    threads: Annotated[
        AskedThreads | None,
        BeforeValidator(_thread_count),
        Option(TRAINING_THREADS_HELP, MACHINE, shown=AUTO_THREADS),
    ] = None
    compile: Annotated[bool, Option("Use torch.compile.", MACHINE)] = False
    loop_version: Annotated[int, Field(ge=1, le=2), Option("1: train as zennas 0.2 did.", MACHINE)] = 2

    @model_validator(mode="before")
    @classmethod
    def _recipe(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        kind, _ = split_data(str(values.get("data", "digits")))
        return {**_BY_KIND[kind], **values}

    @model_validator(mode="after")
    def _consistent(self) -> "TrainConfig":
        if self.precision == "fp16" and self.device.partition(":")[0] == "cpu":
            raise ValueError("precision fp16 trains on a GPU alone; use bf16 or fp32 on a CPU")
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
            f"data {shortened(data)} is not known; use digits, cifar10:DIR, cifar100:DIR, idx:DIR or imagefolder:DIR"
        )
    if kind != "digits" and not directory:
        raise ZennasError(f"data {shortened(data)} needs a directory: {kind}:DIR")
    return kind, directory


def train_config(values: dict[str, Any], where: str = "") -> TrainConfig:
    """A validated configuration. Raises `ZennasError` in one line: the setting, its value, what is allowed."""
    return validated(TrainConfig, values, where)


def read_train_config(directory: Path) -> TrainConfig:
    """Read a run's `config.yaml`. Raises `TrainingError` where there is no run, `ZennasError` if it is damaged."""
    settings = read_settings(directory, "training run", TrainingError)
    return train_config({**_FIRST_LOOP, **settings}, f"{directory / CONFIG}: ")


def same_recipe(one: TrainConfig, other: TrainConfig) -> bool:
    """Whether two runs differ at most in how the loop draws and rounds and how it uses the machine."""
    fields = {*_FIRST_LOOP, "threads"}
    return one.model_dump(exclude=fields) == other.model_dump(exclude=fields)
