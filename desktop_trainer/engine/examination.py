"""Examines given parameters on a test set, without a training. Knows experiments; knows no files."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing

import torch
from torch import Tensor, nn

from desktop_trainer import process
from desktop_trainer.engine.arithmetic import Arithmetic
from desktop_trainer.engine.class_match import check_data, outputs_of
from desktop_trainer.engine.determinism import Determinism
from desktop_trainer.engine.devices import DeviceError, choose_device
from desktop_trainer.engine.evaluation import Evaluation
from desktop_trainer.engine.events import Evaluated, Evaluating, Event, Loading, Notice
from desktop_trainer.engine.failures import (
    device_failed,
    examination_too_large,
    out_of_memory,
    preparation_too_large,
)
from desktop_trainer.engine.images.normalization import Statistics, measure
from desktop_trainer.engine.images.transforms import Transforms
from desktop_trainer.engine.placement import Place, choose_place, count_data, load_split, open_source
from desktop_trainer.engine.pulling import Puller
from desktop_trainer.engine.weights import ModelMismatch, check_weights, load_weights, outlined
from desktop_trainer.experiment.choices import Source
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr


def check_fit(experiment: Experiment, weights: Mapping[str, Tensor]) -> None:
    """See whether `weights` are parameters of the experiment's model, as far as can be told without memory for a second copy.

    Raises:
        ModelMismatch: if they are not; it lists the differences.
    """
    if (model := outlined(experiment.model, experiment.data.info)) is not None:
        check_weights(model, weights)


def examine(
    experiment: Experiment,
    weights: Mapping[str, Tensor],
    statistics: Statistics | None = None,
    *,
    trained: Experiment | None = None,
    class_names: Sequence[str] = (),
) -> Generator[Event, None, None]:
    """Examine the experiment's model with `weights` on the experiment's test set; ends with `Evaluated`.

    Classes are matched by name, wherever they stand in the dataset.

    Args:
        statistics: those that the model was trained with, if it was normalised by its dataset's; None measures them.
        trained: what made the model, if that is known.
        class_names: what its outputs stand for, if that is known.

    Raises:
        ModelMismatch: if the weights are not this model's, the statistics not of such images, or the classes others.
        DeviceMissing, CannotCompute, DataTooLarge, DataMissing, DataDamaged, WorkerDied, DataGone, OutOfMemory,
            DeviceLost: see `Training.events`.
    """
    examination = _Examination(experiment, weights, statistics, trained or experiment, class_names)
    puller = Puller(experiment.device)
    try:
        with Determinism(experiment.device), closing(examination.events()) as events:
            while (event := puller.next(events, examination.explained)) is not None:
                yield event
    finally:
        process.give_back()


class _Examination:
    """One examination, and what it was at when it failed."""

    def __init__(
        self,
        experiment: Experiment,
        weights: Mapping[str, Tensor],
        known: Statistics | None,
        trained: Experiment,
        class_names: Sequence[str],
    ) -> None:
        self._experiment, self._weights, self._known = experiment, weights, known
        self._trained, self._class_names = trained, class_names
        self._device = choose_device(experiment.device.name)
        self._arithmetic = Arithmetic(experiment.device, self._device, gains=experiment.model.channels_last)
        self._batch_size = 0

    def events(self) -> Generator[Event, None, None]:
        data = self._experiment.data
        yield Loading(tr("Reading {dataset}", dataset=tr(data.dataset.label)), 0, 1)
        info = yield from count_data(data)
        check_data(self._trained, self._experiment, self._class_names)
        check_fit(self._experiment, self._weights)
        place = choose_place(data, info.test_samples, self._device)
        source = yield from open_source(data)
        outputs = outputs_of(self._class_names, source.info.class_names)
        if outputs is not None:
            yield Notice(tr("The dataset has its classes in another order than the model: they are matched by name."))
        transforms = yield from self._transforms(source)
        with closing(load_split(data, source, place, train=False)) as split:
            loss_fn = self._experiment.loss.build()
            evaluation = Evaluation(self._model(), loss_fn, split, transforms.plain, self._arithmetic, outputs)
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

    def _transforms(self, source: Source) -> Generator[Event, None, Transforms]:
        info = source.info.resized(self._experiment.data.image_size)
        return Transforms(self._experiment, info, self._device, (yield from self._statistics(source)))

    def _statistics(self, source: Source) -> Generator[Event, None, Statistics | None]:
        """The statistics of the training images, where these are wanted: those that are known, else measured."""
        data, known = self._experiment.data, self._known
        if data.normalization != "dataset":
            return None
        if known is None:
            return (yield from measure(load_split(data, source, Place(self._device), train=True)))
        if len(known.mean) != source.info.channels:
            text = tr(
                "The model's images were normalized with means of {own} channels; these images have {channels}. Choose a dataset with as many channels.",
                own=len(known.mean), channels=source.info.channels,
            )  # fmt: skip
            raise ModelMismatch(text)
        return known

    def explained(self, error: BaseException) -> DeviceError:
        """See `Puller`."""
        if not out_of_memory(error):
            return device_failed(error, str(self._device))
        return examination_too_large(error, self._batch_size) if self._batch_size else preparation_too_large(error)
