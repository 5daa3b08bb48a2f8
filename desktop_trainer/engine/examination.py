"""Examines given parameters on a test set, without a training. Knows experiments; knows no files."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing

import torch
from torch import Tensor, nn

from desktop_trainer.engine.arithmetic import Arithmetic
from desktop_trainer.engine.devices import DeviceError, choose_device
from desktop_trainer.engine.evaluation import Evaluation
from desktop_trainer.engine.events import Evaluated, Evaluating, Event, Loading
from desktop_trainer.engine.failures import (
    device_lost,
    examination_too_large,
    out_of_memory,
    preparation_too_large,
)
from desktop_trainer.engine.placement import choose_place, load_split, open_source
from desktop_trainer.engine.pulling import next_event
from desktop_trainer.engine.weights import check_weights, load_weights
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr


def check_fit(experiment: Experiment, weights: Mapping[str, Tensor]) -> None:
    """See whether `weights` are parameters of the experiment's model, without memory for a second copy.

    Raises:
        ModelMismatch: if they are not; it lists the differences.
    """
    with torch.device("meta"):
        model = experiment.model.build(experiment.data.info)
    check_weights(model, weights)


def examine(experiment: Experiment, weights: Mapping[str, Tensor]) -> Generator[Event, None, None]:
    """Examine the experiment's model with `weights` on the experiment's test set; ends with `Evaluated`.

    Raises:
        ModelMismatch: if the weights are not this model's.
        DeviceMissing, CannotCompute, DataTooLarge, DataMissing, DataDamaged, WorkerDied, DataGone, OutOfMemory,
            DeviceLost: see `Training.events`.
    """
    check_fit(experiment, weights)
    examination = _Examination(experiment, weights)
    with closing(examination.events()) as events:
        while (event := next_event(events, experiment.device, examination.explained)) is not None:
            yield event


class _Examination:
    """One examination, and what it was at when it failed."""

    def __init__(self, experiment: Experiment, weights: Mapping[str, Tensor]) -> None:
        self._experiment, self._weights = experiment, weights
        self._device = choose_device(experiment.device.name)
        self._arithmetic = Arithmetic(experiment.device, self._device, gains=experiment.model.channels_last)
        self._batch_size = 0

    def events(self) -> Generator[Event, None, None]:
        data = self._experiment.data
        yield Loading(tr("Reading {dataset}", dataset=tr(data.dataset.label)), 0, 1)
        place = choose_place(data, data.info.test_samples, self._device)
        source = yield from open_source(data)
        with closing(load_split(data, source, place, train=False)) as split:
            evaluation = Evaluation(self._model(), self._experiment.loss.build(), split, self._arithmetic)
            self._batch_size = split.plan.batch_size
            for done in evaluation.steps():
                yield Evaluating(0, done, split.plan.batches)
        yield Evaluated(*evaluation.means(), split.plan.samples)

    def _model(self) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            model = self._experiment.model.build(self._experiment.data.info)
        load_weights(model, self._weights)
        self._arithmetic.place(model)
        return model

    def explained(self, error: BaseException) -> DeviceError:
        """See `next_event`."""
        if not out_of_memory(error):
            return device_lost(error, str(self._device))
        return examination_too_large(error, self._batch_size) if self._batch_size else preparation_too_large(error)
