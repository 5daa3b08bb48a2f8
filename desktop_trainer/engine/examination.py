"""Examines given parameters on a test set, without a training."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing

import torch
from torch import Tensor

from desktop_trainer import process
from desktop_trainer.engine.class_match import check_data, outputs_of
from desktop_trainer.engine.determinism import Determinism
from desktop_trainer.engine.devices import DeviceError, choose_device
from desktop_trainer.engine.evaluation import examined
from desktop_trainer.engine.events import Evaluated, Event, Notice
from desktop_trainer.engine.failures import (
    device_failed,
    examination_too_large,
    out_of_memory,
    preparation_too_large,
)
from desktop_trainer.engine.images.normalization import Statistics
from desktop_trainer.engine.pulling import Puller
from desktop_trainer.engine.setup import Demands, prepare_examination
from desktop_trainer.engine.weights import ModelMismatch, check_weights, outlined
from desktop_trainer.experiment.data import DataInfo
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr


def check_fit(experiment: Experiment, weights: Mapping[str, Tensor]) -> None:
    """See whether `weights` are parameters of the experiment's model, as far as can be told without memory for a
    second copy.

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
    device = choose_device(experiment.device.name)
    examination = _Examination(device)
    demands = _Matching(experiment, weights, statistics, trained or experiment, class_names)
    puller = Puller(experiment.device)
    try:
        with Determinism(experiment.device), closing(examination.events(weights, demands)) as events:
            while (event := puller.next(events, examination.explained)) is not None:
                yield event
    finally:
        process.give_back()


class _Matching(Demands):
    """What an examination demands: that the model's images and classes are those of the data.

    Attributes:
        outputs: see `Evaluation`; known once the data were opened.
    """

    def __init__(
        self,
        experiment: Experiment,
        weights: Mapping[str, Tensor],
        known: Statistics | None,
        trained: Experiment,
        class_names: Sequence[str],
    ) -> None:
        super().__init__(experiment)
        self._weights, self._known = weights, known
        self._trained, self._class_names = trained, class_names
        self.outputs: Tensor | None = None

    def counted(self, info: DataInfo) -> None:  # noqa: ARG002  both ask the settings
        check_data(self._trained, self.experiment, self._class_names)
        check_fit(self.experiment, self._weights)

    def opened(self, info: DataInfo) -> Iterable[Event]:
        self.outputs = outputs_of(self._class_names, info.class_names)
        if self.outputs is not None:
            yield Notice(tr("The dataset has its classes in another order than the model: they are matched by name."))

    def statistics(self, info: DataInfo) -> Statistics | None:
        known = self._known
        if known is not None and len(known.mean) != info.channels:
            text = tr(
                "The model's images were normalized with means of {own} channels; these images have "
                "{channels}. Choose a dataset with as many channels.",
                own=len(known.mean),
                channels=info.channels,
            )
            raise ModelMismatch(text)
        return known


class _Examination:
    """One examination on `device`, and what it was at when it failed."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._batch_size = 0

    def events(self, weights: Mapping[str, Tensor], demands: _Matching) -> Generator[Event, None, None]:
        setup = yield from prepare_examination(demands.experiment, self._device, weights, demands)
        self._batch_size = setup.test.plan.batch_size
        with closing(setup):
            means = yield from examined(setup, 0, demands.outputs)
        yield Evaluated(*means, setup.test.plan.samples)

    def explained(self, error: BaseException) -> DeviceError:
        """See `Puller`."""
        if not out_of_memory(error):
            return device_failed(error, str(self._device))
        return examination_too_large(error, self._batch_size) if self._batch_size else preparation_too_large(error)
