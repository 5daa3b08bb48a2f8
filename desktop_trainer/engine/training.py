"""The training loop, as a generator of events. Knows experiment and torch; knows neither files nor windows.

Whoever iterates over `Training.events` drives it: to pause is not to ask for the next event, to stop is to close the
generator, one step is one ``next``. Between two events the state is consistent.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from desktop_trainer import process
from desktop_trainer.engine.arithmetic import Arithmetic, Forward
from desktop_trainer.engine.compiling import Compiled
from desktop_trainer.engine.data import order_of_epoch
from desktop_trainer.engine.determinism import Determinism
from desktop_trainer.engine.devices import DeviceError, choose_device
from desktop_trainer.engine.ends import diverged_after, diverged_at, early_stopped, exploded_after
from desktop_trainer.engine.evaluation import Evaluation
from desktop_trainer.engine.events import (
    BatchEnded,
    EpochEnded,
    Evaluating,
    Event,
    Loading,
    Records,
    RunEnded,
)
from desktop_trainer.engine.explosion import Outcome, guessing
from desktop_trainer.engine.failures import (
    batch_too_large,
    device_failed,
    examination_too_large,
    known,
    out_of_memory,
    preparation_too_large,
    step_too_large,
)
from desktop_trainer.engine.images.normalization import Statistics, measure
from desktop_trainer.engine.images.transforms import Transforms
from desktop_trainer.engine.metrics import Recorder
from desktop_trainer.engine.need import check_memory
from desktop_trainer.engine.patience import Patience
from desktop_trainer.engine.placement import check_same, choose_place, count_data, load_split, open_source
from desktop_trainer.engine.pulling import Puller
from desktop_trainer.engine.start import started
from desktop_trainer.engine.state import restore, state_of
from desktop_trainer.engine.step import LossFunction, Step, part_sizes
from desktop_trainer.engine.stopwatch import Stopwatch
from desktop_trainer.engine.weights import StateMismatch, has_batch_norm, load_weights
from desktop_trainer.experiment.problems import check_data
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
        fingerprint: that the data must have, see `DataInfo`; empty takes any.

    Attributes:
        epoch, batch: how many epochs, and how many batches of the current one, are done.
        model, optimizer, transforms: exist once `RunStarted` was yielded; `transform`, the epoch's, at its first batch.
        consistent: False while a step is being made: if it fails, weights and random numbers may be half-way to the
            next batch, and `state` is worth nothing. So it is when the device is lost. Other failures leave it True.
        weights: what it starts from, as given.
        info: what is known of the data, since they were loaded; files may change later.
        compiled: the forward pass, if it was compiled; it took `compile_seconds`.
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
        self.epoch, self.batch = 0, 0
        self.recorder = Recorder(block_seconds)
        self._puller = Puller(experiment.device)
        self.watch = Stopwatch()
        self.patience = Patience(experiment.training.patience)
        self.consistent = True
        self._epoch_began = self._trained = 0.0
        self.weights, self._fingerprint = weights, fingerprint
        self._resumed: dict[str, Any] | None = None
        self._failure = "", ""
        self.compile_seconds = 0.0

    def events(self) -> Generator[Event, None, None]:
        """Train, one batch between two events; ends with `RunEnded`. Called again, it goes on from where it was closed.

        Raises:
            DeviceMissing, CannotCompute, CompileFailed, DataTooLarge, DataMissing, DataDamaged, OtherData: before the first batch.
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
        for split in (getattr(self, "train", None), getattr(self, "test", None)):
            if split is not None:
                split.close()
        process.give_back()

    def _loop(self) -> Generator[Event, None, None]:
        yield from self._prepare()
        yield started(self)
        plan, model, optimizer = self.train.plan, self.model, self.optimizer
        while self.epoch < self.experiment.training.epochs and not self.patience.over:
            epoch = self.epoch + 1
            model.train()
            self.transform = self.transforms.of_epoch(self.epoch)
            with closing(self.train.batches(self._transformed, self._order(), self.batch)) as batches:
                for images, labels in batches:
                    self.consistent = False
                    loss, logits = self.step(images, labels)
                    del images  # so that the next batch can have its memory, which is still in the processor's cache
                    self.batch += 1
                    self.recorder.add(loss, logits, labels, optimizer.param_groups[0]["lr"], self.watch.read())
                    self.consistent = True
                    records = self.recorder.due(epoch, self.batch) if self.batch < plan.batches else self.flush()
                    self._trained = self.watch.read()
                    yield BatchEnded(epoch, self.batch, records)
                    if records is not None and not np.isfinite(records.loss).all():
                        yield self.ended("diverged", *diverged_at(records))
                        return
            evaluation = Evaluation(model, self.loss_fn, self.test, self.transforms.plain, self.arithmetic)
            for done in evaluation.steps():
                yield Evaluating(epoch, done, self.test.plan.batches)
            test_loss, test_accuracy = evaluation.means()
            lr = optimizer.param_groups[0]["lr"]
            if not math.isfinite(test_loss):
                yield self.ended("diverged", *diverged_after(epoch, test_loss, lr))
                return
            if self._is_last(test_loss) and (yield from self._exploded(test_loss, test_accuracy)):
                yield self.ended("diverged", *exploded_after(epoch, self.recorder.extremes[1], lr))
                return
            yield self._end_epoch(test_loss, test_accuracy)
        yield self._ended_well()

    @property
    def started(self) -> bool:
        """Whether there is something to keep: the model is built, and what it is to go on from is restored."""
        return self._built and self._resumed is None

    @property
    def _built(self) -> bool:
        return hasattr(self, "model")

    def _prepare(self) -> Iterator[Event]:
        trained = self.watch.read()
        if not self._built:
            yield from self._load()
            self._build()
        self.train.open()
        self.test.open()
        process.give_back()  # what loading needed and training does not
        self.watch.set(trained)  # to make ready is not to train
        if self._resumed is not None:
            restore(self, self._resumed)
            self._resumed = None

    def _load(self) -> Iterator[Event]:
        settings = self.experiment
        self.device = choose_device(settings.device.name)
        self.arithmetic = Arithmetic(settings.device, self.device, gains=settings.model.channels_last)
        reading = tr("Reading {dataset}", dataset=tr(settings.data.dataset.label))
        yield Loading(reading, 0, 3)
        info = yield from count_data(settings.data)
        check_data(settings, info)
        check_memory(settings, info.resized(settings.data.image_size), self.device)
        self.place = choose_place(settings.data, info.train_samples + info.test_samples, self.device)
        source = yield from open_source(settings.data)
        check_data(settings, source.info)
        check_same(source.info, self._fingerprint)
        self.info = source.info.resized(settings.data.image_size)
        self.experiment = settings.settled(self.info.channels)  # what is kept must not depend on the files any more
        self.train = load_split(settings.data, source, self.place, train=True)
        yield Loading(reading, 1, 3)
        self.test = load_split(settings.data, source, self.place, train=False)
        self.transforms = Transforms(settings, self.info, self.device, (yield from self._statistics()))
        compiling = tr("Compiling {model}: this takes a while", model=tr(settings.model.label))
        building = tr("Building {model}", model=tr(settings.model.label))
        yield Loading(compiling if settings.device.compile else building, 2, 3)

    def _statistics(self) -> Generator[Event, None, Statistics | None]:
        """What the images are normalised by: in a run that goes on as before, for files may have changed since."""
        kept = None if self._resumed is None else self._resumed.get("statistics")
        if self.experiment.data.normalization != "dataset":
            return None
        if kept is None:
            return (yield from measure(self.train))
        try:
            return Statistics.read(kept, self.info.channels)
        except ValueError as error:
            raise StateMismatch(error) from error

    def _build(self) -> None:
        settings = self.experiment
        torch.manual_seed(settings.training.seed)
        model = settings.model.build(self.info)
        settings.initializer.apply(model)
        if self.weights is not None:
            load_weights(model, self.weights)
        self.arithmetic.place(model)
        self.optimizer = settings.optimizer.build(model.parameters())
        forward, parts = self._forward_of(model), settings.training.batch_parts
        replayed = self.compiled is not None and self.compiled.graphs
        self.step = Step(forward, settings.loss.build(), self.optimizer, parts, replayed=replayed)
        if self.compiled is not None:
            self._rehearse(self.compiled)
        self.model = model

    def _forward_of(self, model: nn.Module) -> Forward:
        sizes = part_sizes(self._batch_size, self.experiment.training.batch_parts)
        self.compiled = Compiled(model, sizes, self.device) if self.experiment.device.compile else None
        return self.arithmetic.forward_of(self.compiled or model)

    def _rehearse(self, compiled: Compiled) -> None:
        began, info = perf_counter(), self.info
        compiled.rehearse(self.step.forward, self.loss_fn, (info.channels, info.height, info.width))
        self.compile_seconds = perf_counter() - began

    @property
    def _batch_size(self) -> int:
        """Of a full batch."""
        start, stop = self.train.plan.bounds(0)
        return stop - start

    @property
    def loss_fn(self) -> LossFunction:
        """The loss that is minimised and examined."""
        return self.step.loss_fn

    @loss_fn.setter
    def loss_fn(self, loss_fn: LossFunction) -> None:
        self.step.loss_fn = loss_fn

    def _transformed(self, images: Tensor, indices: Tensor) -> Tensor:
        return self.transform(images, indices)  # as it is now: between two batches the augmentation may be changed

    def _order(self) -> Tensor | None:
        """The order of this epoch's samples; None is the order in which they are stored."""
        if not self.experiment.data.shuffle:
            return None
        return order_of_epoch(self.train.plan.samples, self.experiment.training.seed, self.epoch)

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

    def _exploded(self, test_loss: float, test_accuracy: float) -> Generator[Event, None, bool]:
        """Whether nothing is left of the model, although its numbers are finite; see `Outcome`.

        Only the end tells: before it, the training may still recover.
        """
        outcome = Outcome(*self.recorder.extremes, test_loss, test_accuracy)
        if not outcome.suspicious:
            return False
        steps = guessing(self.test, self.transforms.plain, self.loss_fn, self.info.classes)
        while True:
            try:
                yield Evaluating(self.epoch + 1, next(steps), self.test.plan.batches)
            except StopIteration as end:
                return outcome.exploded(*end.value)

    def _ended_well(self) -> RunEnded:
        """The end of a run whose epochs are done, or which has stopped getting better."""
        if self.epoch >= self.experiment.training.epochs:
            return self.ended("completed")
        return self.ended("early_stopped", *early_stopped(self.epoch, self.patience))

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
        if not out_of_memory(error):
            failure = device_failed(error, str(self.device))
            self.consistent = False  # what is on the device cannot be trusted, nor even be read
        elif not self.started:
            failure = preparation_too_large(error)
        elif not self.consistent:
            self.optimizer.zero_grad()
            failure = step_too_large(error, self._batch_size, self.step.parts, batch_norm=has_batch_norm(self.model))
        elif self.batch < self.train.plan.batches:
            failure = batch_too_large(error, self._batch_size)
        else:
            failure = examination_too_large(error, self.test.plan.batch_size)
        self._failure = failure.cause, failure.next_step
        return failure

    def state(self) -> dict[str, Any]:
        """Everything that decides how the run goes on, as copies on the CPU: valid between any two events after `RunStarted`.

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

    @property
    def times(self) -> tuple[float, float, float]:
        """Seconds: that the run worked, until its epoch began, and until that was last trained."""
        return self.watch.read(), self._epoch_began, self._trained

    @times.setter
    def times(self, times: tuple[float, float, float]) -> None:
        seconds, self._epoch_began, self._trained = times
        self.watch.set(seconds)

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned, in a training of the same experiment (or one of more epochs).

        It takes effect when `events` is called next and has built the model.
        """
        self._resumed = state
        self.epoch, self.batch = state["epoch"], state["batch"]
