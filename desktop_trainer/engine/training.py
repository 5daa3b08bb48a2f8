"""The training loop, as a generator of events. Knows experiment and torch; knows neither files nor windows.

Whoever iterates over `Training.events` drives it: to pause is not to ask for the next event, to stop is to close the
generator, one step is one ``next``. Between two events the state is consistent.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from desktop_trainer import process
from desktop_trainer.engine.changing import changed
from desktop_trainer.engine.data import order_of_epoch
from desktop_trainer.engine.determinism import Determinism
from desktop_trainer.engine.devices import DeviceError, choose_device
from desktop_trainer.engine.ends import diverged_after, diverged_at, early_stopped, exploded_after
from desktop_trainer.engine.evaluation import examined
from desktop_trainer.engine.events import BatchEnded, EpochEnded, Event, Records, RunEnded
from desktop_trainer.engine.explosion import Outcome, exploded
from desktop_trainer.engine.failures import (
    batch_too_large,
    device_failed,
    examination_too_large,
    known,
    out_of_memory,
    preparation_too_large,
    step_too_large,
)
from desktop_trainer.engine.images.normalization import Statistics
from desktop_trainer.engine.metrics import Recorder
from desktop_trainer.engine.patience import Patience
from desktop_trainer.engine.pulling import Puller
from desktop_trainer.engine.setup import Setup, prepare
from desktop_trainer.engine.start import started
from desktop_trainer.engine.state import restore, state_of
from desktop_trainer.engine.step import LossFunction
from desktop_trainer.engine.stopwatch import RunClock
from desktop_trainer.engine.weights import has_batch_norm
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.settings import Experiment

BLOCK_SECONDS = 1 / 30
"""Numbers are read from the device this often: as often as a screen is looked at."""


class Training:
    """One run of an experiment.

    Args:
        experiment: what to train. Nothing is loaded before the first event is asked for.
        weights: a ``state_dict`` to start from instead of the initializer's parameters.
        block_seconds: see `Recorder`.
        fingerprint: that the data must have, see `DataInfo`; empty takes any.

    Attributes:
        experiment: as it is trained now; what it leaves to the data is decided once these are loaded.
        setup: what it trains with; None before it is prepared.
        epoch, batch: how many epochs, and how many batches of the current one, are done.
        consistent: False while a step is being made: if it fails, weights and random numbers may be half-way to the
            next batch, and `state` is worth nothing. So it is when the device is lost. Other failures leave it True.
        weights: what it starts from, as given.
    """

    def __init__(
        self,
        experiment: Experiment,
        *,
        weights: Mapping[str, Tensor] | None = None,
        block_seconds: float = BLOCK_SECONDS,
        fingerprint: str = "",
    ) -> None:
        self.experiment = experiment
        self.setup: Setup | None = None
        self.epoch, self.batch = 0, 0
        self.recorder = Recorder(block_seconds)
        self._puller = Puller(experiment.device)
        self.watch = RunClock()
        self.patience = Patience(experiment.training.patience)
        self.consistent = True
        self.weights, self._fingerprint = weights, fingerprint
        self._resumed: dict[str, Any] | None = None
        self._failure = "", ""

    def events(self) -> Generator[Event, None, None]:
        """Train, one batch between two events; ends with `RunEnded`. Called again, it goes on from where it was closed.

        Raises:
            DeviceMissing, CannotCompute, CompileFailed, DataTooLarge, DataMissing, DataDamaged, OtherData: before
                the first batch.
            ExperimentError: then, too, if the files of the data turn out not to fit the settings.
            WorkerDied, DataGone: before any batch, if the samples are streamed; the run can go on from there.
            ModelMismatch: if the given weights are not this model's.
            OutOfMemory: the model is there, and what was in work is released; or, before anything is loaded, there is
                too little memory for the model and a batch.
            DeviceLost: if the device fails.
        """
        with Determinism(self.experiment.device), closing(self._loop()) as loop:
            try:
                while (event := self._next(loop)) is not None:
                    yield event
            finally:
                self._let_go()

    def _next(self, loop: Generator[Event, None, None]) -> Event | None:
        """The next event; only in here does the clock run."""
        with self.watch:
            return self._puller.next(loop, self._explained)

    def _let_go(self) -> None:
        """End what works for the run beside it, and give back the memory that was kept for its steps."""
        if self.setup is not None:
            self.setup.close()
        process.give_back()

    def _loop(self) -> Generator[Event, None, None]:
        yield from self._prepare()
        yield started(self.prepared, self.epoch, self.batch)
        while self.epoch < self.experiment.training.epochs and not self.patience.over:
            with closing(self._batches()) as batches:
                for event in batches:
                    yield event
                    if event.records is not None and not np.isfinite(event.records.loss).all():
                        yield self.ended("diverged", *diverged_at(event.records))
                        return
            epoch = self.epoch + 1
            test_loss, test_accuracy = yield from examined(self.prepared, epoch)
            lr = self.optimizer.param_groups[0]["lr"]
            if not math.isfinite(test_loss):
                yield self.ended("diverged", *diverged_after(epoch, test_loss, lr))
                return
            outcome = Outcome(*self.recorder.extremes, test_loss, test_accuracy)
            # Only the end tells: before it, the training may still recover.
            if self._is_last(test_loss) and (yield from exploded(self.prepared, epoch, outcome)):
                yield self.ended("diverged", *exploded_after(epoch, self.recorder.extremes[1], lr))
                return
            yield self._end_epoch(test_loss, test_accuracy)
        yield self._ended_well()

    def _prepare(self) -> Iterator[Event]:
        trained = self.watch.read()
        if self.setup is None:
            statistics = None if self._resumed is None else self._resumed.get("statistics")
            self.setup = yield from prepare(
                self.experiment, self.device, weights=self.weights, statistics=statistics, fingerprint=self._fingerprint
            )
            self.experiment = self.setup.experiment
        self.setup.open()
        process.give_back()  # what loading needed and training does not
        self.watch.set(trained)  # to make ready is not to train
        if self._resumed is not None:
            restore(self, self._resumed)
            self._resumed = None

    def _batches(self) -> Generator[BatchEnded, None, None]:
        """Train the rest of the epoch."""
        epoch, setup = self.epoch + 1, self.prepared
        plan, step, optimizer = setup.train.plan, setup.step, setup.optimizer
        setup.model.train()
        with closing(setup.train.batches(self._transformed, self._order(), self.batch)) as batches:
            for images, labels in batches:
                self.consistent = False
                loss, logits = step(images, labels)
                del images  # so that the next batch can have its memory, which is still in the processor's cache
                self.batch += 1
                self.recorder.add(loss, logits, labels, optimizer.param_groups[0]["lr"], self.watch.read())
                self.consistent = True
                records = self.recorder.due(epoch, self.batch) if self.batch < plan.batches else self.flush()
                self.watch.note_trained()
                yield BatchEnded(epoch, self.batch, records)

    def _transformed(self, images: Tensor, indices: Tensor) -> Tensor:
        # By the transforms as they are now: between two batches the augmentation may be changed.
        return self.prepared.transforms.of_epoch(self.epoch)(images, indices)

    def _order(self) -> Tensor | None:
        """The order of this epoch's samples; None is the order in which they are stored."""
        if not self.experiment.data.shuffle:
            return None
        return order_of_epoch(self.prepared.train.plan.samples, self.experiment.training.seed, self.epoch)

    @property
    def started(self) -> bool:
        """Whether there is something to keep: the model is built, and what it is to go on from is restored."""
        return self.setup is not None and self._resumed is None

    @property
    def prepared(self) -> Setup:
        """`setup`, where it must be there: from `RunStarted` on.

        Raises:
            RuntimeError: if it is not.
        """
        if self.setup is None:
            raise RuntimeError("The training is not prepared yet.")
        return self.setup

    @cached_property
    def device(self) -> torch.device:
        """Where it computes.

        Raises:
            DeviceMissing: if this machine has no such device.
        """
        return choose_device(self.experiment.device.name)

    @property
    def model(self) -> nn.Module:
        """What is trained."""
        return self.prepared.model

    @property
    def optimizer(self) -> Optimizer:
        """What makes the steps."""
        return self.prepared.optimizer

    @property
    def info(self) -> DataInfo:
        """What is known of the data, since they were loaded."""
        return self.prepared.info

    @property
    def statistics(self) -> Statistics | None:
        """Those of the training images, where it normalises by them."""
        return self.prepared.transforms.measured

    @property
    def loss_fn(self) -> LossFunction:
        """The loss that is minimised and examined."""
        return self.prepared.loss_fn

    @loss_fn.setter
    def loss_fn(self, loss_fn: LossFunction) -> None:
        self.setup = replace(self.prepared, loss_fn=loss_fn)
        self.setup.step.loss_fn = loss_fn

    def read_every(self, seconds: float) -> None:
        """Read numbers from the device this often from now on; see `Recorder`."""
        self.recorder.block_seconds = seconds

    def change(self, experiment: Experiment) -> None:
        """Train with the settings of `experiment` from the next batch on.

        To be called between two events after `RunStarted`. Only the optimizer's numbers, the augmentation, epochs and
        patience may be others.
        """
        self.setup = changed(self.prepared, experiment)
        self.experiment = experiment
        self.patience.epochs = experiment.training.patience

    def flush(self) -> Records | None:
        """The numbers of the batches since the last block, now; None if there are none.

        Raises:
            DeviceLost: here the failure of a step shows first, for a device answers only when it is asked.
        """
        with self._reading():
            return self.recorder.take(self.epoch + 1, self.batch)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """In its block numbers are fetched from the device; that this is lost is told in our own words."""
        try:
            yield
        except RuntimeError as error:
            if out_of_memory(error) or not known(error):
                raise
            raise self._explained(error) from None

    def _is_last(self, test_loss: float) -> bool:
        """Whether the run ends with this epoch, examined but not closed."""
        epoch = self.epoch + 1
        return epoch >= self.experiment.training.epochs or self.patience.over_with(epoch, test_loss)

    def _ended_well(self) -> RunEnded:
        """The end of a run whose epochs are done, or which has stopped getting better."""
        if self.epoch >= self.experiment.training.epochs:
            return self.ended("completed")
        return self.ended("early_stopped", *early_stopped(self.epoch, self.patience))

    def _end_epoch(self, test_loss: float, test_accuracy: float) -> EpochEnded:
        """Close the epoch's books."""
        train_loss, train_accuracy = self.recorder.means()
        rate, seconds = self.recorder.count / self.watch.training_seconds, self.watch.next_epoch()
        self.epoch, self.batch = self.epoch + 1, 0
        ended = EpochEnded(self.epoch, train_loss, train_accuracy, test_loss, test_accuracy, seconds, rate)
        self.recorder.new_epoch()
        self.patience.add(self.epoch, test_loss)
        return ended

    def ended(self, outcome: str, reason: str = "", next_step: str = "") -> RunEnded:
        """The `RunEnded` of a run that ends here; also for whoever closed the generator.

        That of a run that failed says why, if it was for want of memory or because of its device.
        """
        if outcome == "failed" and not reason:
            reason, next_step = self._failure
        return RunEnded(outcome, self.epoch, self.batch, self.watch.read(), reason, next_step=next_step)

    def _explained(self, error: BaseException) -> DeviceError:
        """Our own words for an error that is `known`."""
        failure: DeviceError
        setup = self.setup
        if not out_of_memory(error):
            failure = device_failed(error, str(self.device))
            self.consistent = False  # what is on the device cannot be trusted, nor even be read
        elif setup is None or not self.started:
            failure = preparation_too_large(error)
        elif not self.consistent:
            setup.optimizer.zero_grad()
            batch_norm = has_batch_norm(setup.model)
            failure = step_too_large(error, setup.batch_size, setup.step.parts, batch_norm=batch_norm)
        elif self.batch < setup.train.plan.batches:
            failure = batch_too_large(error, setup.batch_size)
        else:
            failure = examination_too_large(error, setup.test.plan.batch_size)
        self._failure = failure.cause, failure.next_step
        return failure

    def state(self) -> dict[str, Any]:
        """Everything that decides how the run goes on, as copies on the CPU: valid between any two events after
        `RunStarted`.

        Raises:
            DeviceLost: if it cannot be read.
        """
        with self._reading():
            return state_of(self)

    def model_state(self) -> dict[str, Tensor]:
        """The model's ``state_dict``, as copies on the CPU.

        Raises:
            DeviceLost: if it cannot be read.
        """
        with self._reading():
            return {name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned, in a training of the same experiment (or one of more epochs).

        It takes effect when `events` is called next and has built the model.
        """
        self._resumed = state
        self.epoch, self.batch = state["epoch"], state["batch"]
