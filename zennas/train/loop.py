"""The training loop: one optimiser step after another, each a function of the seed and the state before it."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zennas.errors import LossError, TrainingError, cut
from zennas.input_size import Resolution
from zennas.io.foreign import parse_foreign
from zennas.memory import memory_shortage
from zennas.optional_dependencies import require
from zennas.train.augment import batch_mixer, train_transform
from zennas.train.batch_augment import BatchAugment
from zennas.train.checkpoint import save_checkpoint
from zennas.train.config import TrainConfig
from zennas.train.datasets import ImageData
from zennas.train.distil import Student, feature_loss, logit_loss
from zennas.train.evaluation import evaluate_network
from zennas.train.images import ByteImages
from zennas.train.layout import MEMORY_FORMATS
from zennas.train.loader import Batch, PreparedBatches, PreparedImages, bad_images, batch_loader, train_batches
from zennas.train.metrics import evaluated_rows, write_metrics
from zennas.train.networks import logits_and_stages
from zennas.train.randomness import FORWARD, MIX, seeded, seeded_on
from zennas.train.weights import write_weights

BEST, LAST = "best.safetensors", "last.safetensors"
# Reading the loss back makes a GPU wait, so it is looked at this often; on a CPU at every step.
_LOOK_EVERY = 50


@dataclass(frozen=True)
class TrainProgress:
    """Where a run is: counted from 1 in `epoch` and `step`; `row` is the epoch's line of metrics once it is over, with
    losses and accuracies of the images of `evaluated_on`, `test` or `held-out`."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    images_per_second: float
    row: dict[str, Any] | None = None
    evaluated_on: str = "test"


Watcher = Callable[[TrainProgress], None]
Refuse = Callable[[str], TrainingError]


@contextmanager
def _failing_to_compile() -> Iterator[None]:
    from torch._dynamo.exc import TorchDynamoException

    try:
        yield
    except TorchDynamoException as error:
        if memory_shortage(error) is not None:
            raise
        reason = str(getattr(error, "inner_exception", error)).strip()
        said = cut(reason.splitlines()[0]) if reason else type(error).__name__
        raise TrainingError(
            f"torch.compile fails here: {said}; on a CPU it needs a C++ compiler; train without --compile"
        ) from error


def prepared_for_training(
    config: TrainConfig, data: ImageData, resolution: Resolution
) -> PreparedImages | PreparedBatches:
    """The training images, augmented: in whole batches where they are in memory as bytes and the run is of the second
    loop.

    Args:
        config: settings of the run.
        data: the data set.
        resolution: side of the images, in pixels.
    """
    if config.loop_version > 1 and isinstance(data.train, ByteImages) and data.train.fits(resolution):
        return PreparedBatches(data.train, resolution, BatchAugment(config, data, resolution))
    return PreparedImages(data.train, train_transform(config, data, resolution), config.seed)


class Loop:
    """The state of a training run, and the work on it.

    Args:
        config: its settings; `layout` is one of the two.
        directory: where its files go.
        data: the data set.
        resolution: side of the images in pixels.
        student: the network, and what brings its maps to the teacher's channels.
        teacher: the network that is learned from, or `None`.
        accelerator: accelerate's, with the run's device and precision.

    Attributes:
        epoch: epochs that are over.
        step: optimiser steps within the epoch under way.
        history: one row of metrics an epoch that is over.
        bad: images that could not be used.
    """

    def __init__(
        self,
        config: TrainConfig,
        directory: Path,
        data: ImageData,
        resolution: Resolution,
        student: Student,
        teacher: nn.Module | None,
        accelerator: Any,
    ) -> None:
        self.config, self.directory, self.data, self.resolution = config, directory, data, resolution
        self.student, self.accelerator = student, accelerator
        self.teacher = None
        if teacher is not None:
            self.teacher = teacher.to(device=accelerator.device, memory_format=MEMORY_FORMATS[config.layout])
        self.epoch, self.step = 0, 0
        self.history: list[dict[str, Any]] = []
        self.bad = bad_images(config.on_bad_image)
        self.test_bad = bad_images(config.on_bad_image)
        self._images = prepared_for_training(config, data, resolution)
        self._mix = batch_mixer(config, len(data.classes))
        # Loss, right answers and images of the epoch under way, in this process.
        self._sums = torch.zeros(3, dtype=torch.float64, device=accelerator.device)
        self._steps = len(self._batches(0)) // config.accumulate
        self._memory_format = MEMORY_FORMATS[config.layout]
        student.to(device=accelerator.device, memory_format=self._memory_format)
        self._ema = (
            require("timm.utils", "train", "a moving average of the weights").ModelEmaV3(student.network, config.ema)
            if config.ema
            else None
        )
        optimizer = torch.optim.SGD(
            student.parameters(),
            config.lr * config.batch_size / 256,
            config.momentum,
            weight_decay=config.weight_decay,
            nesterov=config.momentum > 0,
            fused=True if config.loop_version > 1 and accelerator.device.type == "cpu" else None,
        )
        total = self._steps * config.epochs
        warmup = min(int(total * config.warmup), total - 1)
        # One step longer than the run, so that the last step still moves.
        self._schedule = require("timm.scheduler", "train", "the schedule").CosineLRScheduler(
            optimizer, total - warmup + 1, warmup_t=warmup, warmup_prefix=True, t_in_epochs=False
        )
        if config.compile:
            student.compile()
        self._module, self._optimizer = accelerator.prepare(student, optimizer)

    @property
    def evaluated(self) -> nn.Module:
        """The network that is evaluated and written: the moving average where there is one."""
        network: nn.Module = self._ema.module if self._ema else self.student.network
        return network

    def run(self, watch: Watcher | None, until: int | None = None) -> None:
        """Train to the end of an epoch.

        Args:
            watch: called with a `TrainProgress` now and then, in the main process.
            until: the epoch; by default the last.

        Raises:
            LossError: the loss is no number.
            TrainingError: the network cannot be compiled.
            ZennasError: an image cannot be used.
        """
        with _failing_to_compile() if self.config.compile else nullcontext():
            last = self.config.epochs if until is None else min(until, self.config.epochs)
            while self.epoch < last:
                speed = self._train_epoch(watch)
                self._end_epoch(speed, watch)

    def _train_epoch(self, watch: Watcher | None) -> float:
        config, accelerator = self.config, self.accelerator
        first = self.step * config.accumulate
        batches = self._batches(self.epoch)[first:]
        loader = batch_loader(self._images, batches, config.workers, accelerator.device)
        look_every = 1 if accelerator.device.type == "cpu" else _LOOK_EVERY
        self._module.train()
        start, images = time.perf_counter(), 0
        for number, batch in enumerate(loader, start=first):
            self.bad.take(batch)
            self._schedule.step_update(self.epoch * self._steps + self.step + 1)
            with accelerator.accumulate(self._module):
                loss = self._loss(batch, number)
                accelerator.backward(loss)
                self._optimizer.step()
                self._optimizer.zero_grad()
            images += len(batch.labels) * accelerator.num_processes
            if (number + 1) % config.accumulate:
                continue
            self.step += 1
            if self._ema:
                self._ema.update(self.student.network)
            looked = self.step % look_every == 0 or self.step == self._steps
            if looked:
                mean_loss, accuracy = self._means(self._sums)
                if watch and accelerator.is_main_process:
                    speed = images / (time.perf_counter() - start)
                    watch(
                        TrainProgress(self.epoch + 1, config.epochs, self.step, self._steps, mean_loss, accuracy, speed)
                    )
            if self.step % config.checkpoint_steps == 0 and self.step < self._steps:
                self._save()
        return images / (time.perf_counter() - start)

    def _batches(self, epoch: int) -> list[list[tuple[int, int]]]:
        c, a = self.config, self.accelerator
        return train_batches(
            len(self.data.train), c.batch_size, c.accumulate, c.seed, epoch, a.process_index, a.num_processes
        )

    def _loss(self, batch: Batch, number: int) -> Tensor:
        config, device = self.config, self.accelerator.device
        images, labels = batch.images.to(device, non_blocking=True), batch.labels.to(device, non_blocking=True)
        images = images.contiguous(memory_format=self._memory_format)
        with seeded(config.seed, MIX, self.epoch, number, self.accelerator.process_index):
            images, targets = self._mix(images, labels)
        with self._chance(number):
            logits, projected = self._module(images)
        with torch.no_grad():
            right = (logits.argmax(1) == targets.argmax(1)).sum()
        loss = torch.sum(-targets * torch.log_softmax(logits.float(), 1), 1).mean()
        if self.teacher is not None:
            with torch.no_grad(), self.accelerator.autocast():
                if projected:
                    theirs, stages = logits_and_stages(self.teacher, images)
                else:
                    theirs, stages = self.teacher(images), []
            if config.distil_logits:
                loss = loss + config.distil_logits * logit_loss(logits.float(), theirs.float(), config.temperature)
            if projected:
                loss = loss + config.distil_features * feature_loss(projected, stages)
        count = len(targets)
        # Filled on the device: a number that is copied there makes a GPU wait.
        counted = torch.full((), count, dtype=torch.float64, device=device)
        self._sums += torch.stack([loss.detach().double() * count, right.double(), counted])
        return loss

    def _chance(self, number: int) -> AbstractContextManager[None]:
        """What the network itself draws in a step, as dropout does, follows from the seed and the place in the run."""
        if self.config.loop_version == 1:
            return nullcontext()
        place = (self.config.seed, FORWARD, self.epoch, number, self.accelerator.process_index)
        return seeded_on(self.accelerator.device, *place)

    def _means(self, sums: Tensor) -> tuple[float, float]:
        """Mean loss and accuracy. Raises `LossError` where the loss is no number."""
        loss, right, count = sums.tolist()
        if not math.isfinite(loss):
            raise LossError(
                f"epoch {self.epoch + 1}, step {self.step}: the loss is {loss / count}; training stops and the "
                f"last good checkpoint is kept in {self.directory}; try a smaller --lr, a longer --warmup"
                + ("" if self.config.precision == "fp32" else " or --precision fp32")
            )
        return loss / count, right / count

    def _end_epoch(self, speed: float, watch: Watcher | None) -> None:
        accelerator, config = self.accelerator, self.config
        train_loss, train_accuracy = self._means(accelerator.reduce(self._sums, "sum"))
        loss, top1, top5 = self._evaluate()
        self.epoch, self.step = self.epoch + 1, 0
        self._sums.zero_()
        row = {
            "epoch": self.epoch,
            "lr": self._optimizer.param_groups[0]["lr"],
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
            "loss": loss,
            "accuracy": top1,
            "top5": top5,
            "images_per_second": round(speed, 2),
        }
        best_before = max((r["accuracy"] for r in evaluated_rows(self.history)), default=-1.0)
        self.history.append(row)
        if accelerator.is_main_process:
            # The checkpoint comes last: a run killed before it repeats the epoch and writes the same files again.
            if top1 > best_before:
                write_weights(self.evaluated, self.directory / BEST)
            write_weights(self.evaluated, self.directory / LAST)
        self._save()
        if accelerator.is_main_process:
            write_metrics(self.history, self.directory)
        accelerator.log({k: v for k, v in row.items() if k != "epoch"}, step=self.epoch)
        if watch and accelerator.is_main_process:
            watch(
                TrainProgress(
                    self.epoch,
                    config.epochs,
                    self._steps,
                    self._steps,
                    train_loss,
                    train_accuracy,
                    speed,
                    row,
                    "held-out" if config.holdout else "test",
                )
            )

    def _evaluate(self) -> tuple[float, float, float]:
        """Loss, accuracy and the fraction right among five, of the epoch under way; NaN where it is not evaluated."""
        accelerator, config = self.accelerator, self.config
        if config.evaluate == "end" and self.epoch + 1 < config.epochs:
            return math.nan, math.nan, math.nan
        result = evaluate_network(
            self.evaluated,
            self.data,
            self.resolution,
            max(1, config.batch_size // config.accumulate),
            accelerator.device,
            config.workers,
            self.test_bad,
            accelerator.process_index,
            accelerator.num_processes,
            lambda sums: accelerator.reduce(sums, "sum"),
            config.layout,
        )
        return result.loss, result.top1, result.top5

    def _save(self) -> None:
        """Keep a checkpoint. Every process calls it: the sums are those of all."""
        sums = self.accelerator.reduce(self._sums, "sum")
        if self.step:
            self._means(sums)
        if not self.accelerator.is_main_process:
            return
        scaler = self.accelerator.scaler
        state = {
            "epoch": self.epoch,
            "step": self.step,
            "network": self.student.network.state_dict(),
            "projections": self.student.projections.state_dict(),
            "ema": self._ema.module.state_dict() if self._ema else None,
            "optimizer": self._optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler else None,
            "sums": sums,
            "history": self.history,
            "bad": self.bad.names,
            "test_bad": self.test_bad.names,
        }
        save_checkpoint(self.directory, self.epoch * self._steps + self.step, state)

    def restore(self, state: dict[str, Any]) -> None:
        """Bring a fresh loop to a checkpoint's state.

        Args:
            state: as `zennas.train.checkpoint.load_checkpoint` gives it, its structure checked.

        Raises:
            TrainingError: it does not fit the run: another network, or another number of epochs.
        """

        def refuse(said: str) -> TrainingError:
            return TrainingError(f"{self.directory}: the checkpoint does not fit this run: {said}")

        if (state["ema"] is None) == bool(self._ema):
            raise refuse("a moving average of the weights is in one of them alone")
        epoch, step, history = state["epoch"], state["step"], state["history"]
        if len(history) != epoch or epoch + bool(step) > self.config.epochs or step > self._steps:
            raise refuse(f"it is of epoch {epoch}, step {step}, with the metrics of {len(history)} epochs")
        parts = [(self.student.network, state["network"]), (self.student.projections, state["projections"])]
        if self._ema:
            parts.append((self._ema.module, state["ema"]))
        for module, weights in parts:
            parse_foreign(partial(module.load_state_dict, weights), refuse)
        self._restore_momentum(state["optimizer"]["state"], refuse)
        if self.accelerator.scaler and state["scaler"]:
            parse_foreign(partial(self.accelerator.scaler.load_state_dict, state["scaler"]), refuse)
        self.epoch, self.step, self.history = epoch, step, history
        # They are the sums of all processes; the others begin theirs anew.
        if self.accelerator.is_main_process:
            self._sums.copy_(state["sums"])
        self.bad.names, self.test_bad.names = state["bad"], state["test_bad"]

    def _restore_momentum(self, buffers: dict[int, dict[str, Tensor | None]], refuse: Refuse) -> None:
        """The optimiser's buffers; its settings are the run's own, and its rate the schedule's."""
        parameters = list(self.student.parameters())
        for number, entry in buffers.items():
            buffer = entry.get("momentum_buffer")
            if number >= len(parameters) or (buffer is not None and buffer.shape != parameters[number].shape):
                raise refuse("the momentum is of other weights")
            if buffer is not None:
                # In the order of its weights: the kernel that updates both goes through memory.
                entry["momentum_buffer"] = torch.empty_like(parameters[number]).copy_(buffer)
        own = self._optimizer.state_dict()
        self._optimizer.load_state_dict({**own, "state": buffers})
