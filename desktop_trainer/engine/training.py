"""The training loop, as a generator of events. Knows experiment and torch; knows neither files nor windows.

Whoever iterates over `Training.events` drives it: to pause is not to ask for the next event, to stop is to close the
generator, one step is one ``next``. Between two events the state is consistent.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import Tensor

from desktop_trainer.engine.data import load_split, order_of_epoch
from desktop_trainer.engine.devices import IntraOpThreads, choose_device, device_rng, set_device_rng
from desktop_trainer.engine.evaluation import Evaluation
from desktop_trainer.engine.events import (
    BatchEnded,
    EpochEnded,
    Evaluating,
    Event,
    Loading,
    Records,
    RunEnded,
    RunStarted,
)
from desktop_trainer.engine.metrics import Recorder
from desktop_trainer.engine.stopwatch import Stopwatch
from desktop_trainer.engine.weights import copied, load_weights
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr

BLOCK_SECONDS = 1 / 30
"""Numbers are read from the device this often: as often as a screen is looked at."""


class Training:
    """One run of an experiment.

    Args:
        experiment: what to train. Nothing is loaded before the first event is asked for.
        weights: a ``state_dict`` to start from instead of the initializer's parameters.
        block_seconds: see `Recorder`.

    Attributes:
        epoch, batch: how many epochs, and how many batches of the current one, are done.
        model, optimizer: exist once `RunStarted` was yielded.
        consistent: False while a step is being made: if it fails, weights and random numbers may be half-way to the
            next batch, and `state` is worth nothing. A failure elsewhere leaves it True.
        weights: what it starts from, as given.
    """

    def __init__(
        self,
        experiment: Experiment,
        *,
        weights: Mapping[str, Tensor] | None = None,
        block_seconds: float = BLOCK_SECONDS,
    ) -> None:
        self.experiment = experiment
        self.epoch, self.batch = 0, 0
        self.recorder = Recorder(block_seconds)
        self.watch = Stopwatch()
        self.consistent = True
        self._epoch_began = self._trained = 0.0
        self.weights = weights
        self._resumed: dict[str, Any] | None = None

    def events(self) -> Generator[Event, None, None]:
        """Train, one batch between two events; ends with `RunEnded`. Called again, it goes on from where it was closed.

        Raises:
            DeviceMissing, DataMissing, DataDamaged: before the first batch.
            ModelMismatch: if the given weights are not this model's.
        """
        with closing(self._loop()) as loop:
            while (event := self._next(loop)) is not None:
                yield event

    def _next(self, loop: Generator[Event, None, None]) -> Event | None:
        """The next event; only in here does the clock run and the number of threads differ."""
        with self.watch, IntraOpThreads(self.experiment.device.threads):
            return next(loop, None)

    def _loop(self) -> Generator[Event, None, None]:
        yield from self._prepare()
        yield self._started()
        epochs, plan, model, optimizer = self.experiment.training.epochs, self.train.plan, self.model, self.optimizer
        while self.epoch < epochs:
            epoch = self.epoch + 1
            model.train()
            with closing(self.train.batches(self._order(), self.batch)) as batches:
                for images, labels in batches:
                    self.consistent = False
                    logits = model(images)
                    loss = self.loss_fn(logits, labels)
                    optimizer.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                    self.batch += 1
                    self.recorder.add(loss, logits, labels, optimizer.param_groups[0]["lr"], self.watch.read())
                    self.consistent = True
                    records = self.recorder.due(epoch, self.batch) if self.batch < plan.batches else self.flush()
                    self._trained = self.watch.read()
                    yield BatchEnded(epoch, self.batch, records)
                    if records is not None and not np.isfinite(records.loss).all():
                        yield self._diverged_at(records)
                        return
            evaluation = Evaluation(model, self.loss_fn, self.test)
            for done in evaluation.steps():
                yield Evaluating(epoch, done, self.test.plan.batches)
            test_loss, test_accuracy = evaluation.means()
            if not math.isfinite(test_loss):
                yield self._diverged_after(epoch, test_loss)
                return
            yield self._end_epoch(test_loss, test_accuracy)
        yield self.ended("completed")

    @property
    def started(self) -> bool:
        """Whether the model has been built."""
        return hasattr(self, "model")

    def _prepare(self) -> Iterator[Event]:
        if not self.started:
            yield from self._load()
            self._build()
        if self._resumed is not None:
            self._restore(self._resumed)
            self._resumed = None

    def _load(self) -> Iterator[Event]:
        settings = self.experiment
        self.device = choose_device(settings.device.name)
        reading = tr("Reading {dataset}", dataset=tr(settings.data.dataset.label))
        yield Loading(reading, 0, 3)
        self.train = load_split(settings.data, train=True, device=self.device)
        yield Loading(reading, 1, 3)
        self.test = load_split(settings.data, train=False, device=self.device)
        yield Loading(tr("Building {model}", model=tr(settings.model.label)), 2, 3)

    def _build(self) -> None:
        settings = self.experiment
        torch.manual_seed(settings.training.seed)
        model = settings.model.build(settings.data.info)
        settings.initializer.apply(model)
        if self.weights is not None:
            load_weights(model, self.weights)
        model.to(self.device)
        self.loss_fn = settings.loss.build()
        self.optimizer = settings.optimizer.build(model.parameters())
        self.model = model
        self.watch.set(0.0)

    def _started(self) -> RunStarted:
        return RunStarted(
            train_samples=self.train.plan.samples,
            test_samples=self.test.plan.samples,
            batches_per_epoch=self.train.plan.batches,
            test_batches=self.test.plan.batches,
            last_batch_size=self.train.plan.last_batch_size,
            epochs=self.experiment.training.epochs,
            device=str(self.device),
            data_bytes=self.train.nbytes + self.test.nbytes,
            parameters=sum(parameter.numel() for parameter in self.model.parameters()),
            epoch=self.epoch,
            batch=self.batch,
        )

    def _order(self) -> Tensor | None:
        """The order of this epoch's samples; None is the order in which they are stored."""
        if not self.experiment.data.shuffle:
            return None
        return order_of_epoch(self.train.plan.samples, self.experiment.training.seed, self.epoch)

    def flush(self) -> Records | None:
        """The numbers of the batches since the last block, now; None if there are none."""
        return self.recorder.take(self.epoch + 1, self.batch)

    def _diverged_at(self, records: Records) -> RunEnded:
        """The end of a run in whose `records` a loss is not a finite number."""
        entry = int(np.argmin(np.isfinite(records.loss)))
        reason = tr(
            "The loss of batch {batch} in epoch {epoch} is {loss}: the training diverged. Start again with a smaller learning rate than {lr:g}.",
            batch=records.first + entry, epoch=records.epoch, loss=records.loss[entry], lr=records.lr[entry],
        )  # fmt: skip
        return self.ended("diverged", reason)

    def _diverged_after(self, epoch: int, test_loss: float) -> RunEnded:
        """The end of a run whose last step in `epoch` (from 1) spoiled the model."""
        reason = tr(
            "The loss on the test set after epoch {epoch} is {loss}: the training diverged. Start again with a smaller learning rate than {lr:g}.",
            epoch=epoch, loss=test_loss, lr=self.optimizer.param_groups[0]["lr"],
        )  # fmt: skip
        return self.ended("diverged", reason)

    def _end_epoch(self, test_loss: float, test_accuracy: float) -> EpochEnded:
        """Close the epoch's books."""
        train_loss, train_accuracy = self.recorder.means()
        rate = self.recorder.count / max(self._trained - self._epoch_began, 1e-9)
        now = self.watch.read()
        self.epoch, self.batch = self.epoch + 1, 0
        ended = EpochEnded(
            self.epoch, train_loss, train_accuracy, test_loss, test_accuracy, now - self._epoch_began, rate
        )
        self._epoch_began = now
        self.recorder.new_epoch()
        return ended

    def ended(self, outcome: str, reason: str = "") -> RunEnded:
        """The `RunEnded` of a run that ends here; also for whoever closed the generator."""
        return RunEnded(outcome, self.epoch, self.batch, self.watch.read(), reason)

    def state(self) -> dict[str, Any]:
        """Everything that decides how the run goes on, as copies on the CPU: valid between any two events after `RunStarted`."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "model": copied(self.model.state_dict()),
            "optimizer": copied(self.optimizer.state_dict()),
            "recorder": self.recorder.state(),
            "seconds": (self.watch.read(), self._epoch_began, self._trained),
            "rng": torch.get_rng_state(),
            "device": str(self.device),
            "device_rng": device_rng(self.device),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned, in a training of the same experiment (or one of more epochs).

        It takes effect when `events` is called next and has built the model.
        """
        self._resumed = state
        self.epoch, self.batch = state["epoch"], state["batch"]

    def _restore(self, state: dict[str, Any]) -> None:
        load_weights(self.model, state["model"])
        self.optimizer.load_state_dict(copied(state["optimizer"]))
        self.recorder.load_state(state["recorder"], self.device)
        seconds, self._epoch_began, self._trained = state["seconds"]
        self.watch.set(seconds)
        torch.set_rng_state(state["rng"])
        if torch.device(state["device"]).type == self.device.type:
            set_device_rng(self.device, state["device_rng"])
