"""Examines given parameters on a test set, without a training. Knows experiments; knows no files."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import torch
from torch import Tensor

from desktop_trainer.engine.arithmetic import Arithmetic
from desktop_trainer.engine.devices import choose_device
from desktop_trainer.engine.evaluation import Evaluation
from desktop_trainer.engine.events import Evaluated, Evaluating, Event, Loading
from desktop_trainer.engine.normalization import Statistics, measure
from desktop_trainer.engine.placement import Place, choose_place, load_split, open_source
from desktop_trainer.engine.transforms import Transforms
from desktop_trainer.engine.weights import ModelMismatch, check_weights, load_weights
from desktop_trainer.experiment.choices import Source
from desktop_trainer.experiment.data_settings import DataSettings
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


def examine(
    experiment: Experiment, weights: Mapping[str, Tensor], statistics: Statistics | None = None
) -> Generator[Event, None, None]:
    """Examine the experiment's model with `weights` on the experiment's test set; ends with `Evaluated`.

    Args:
        statistics: those that the model was trained with, if it was normalised by its dataset's; None measures them.

    Raises:
        ModelMismatch: if the weights are not this model's, or the statistics not of such images.
        DeviceMissing, CannotCompute, DataTooLarge, DataMissing, DataDamaged, WorkerDied, DataGone: see `Training.events`.
    """
    check_fit(experiment, weights)
    device = choose_device(experiment.device.name)
    arithmetic = Arithmetic(experiment.device, device)
    yield Loading(tr("Reading {dataset}", dataset=tr(experiment.data.dataset.label)), 0, 1)
    place = choose_place(experiment.data, experiment.data.info.test_samples, device)
    source = yield from open_source(experiment.data)
    info = source.info.resized(experiment.data.image_size)
    measured = yield from _statistics(experiment.data, source, device, statistics)
    transform = Transforms(experiment, info, device, measured).plain
    split = load_split(experiment.data, source, place, train=False)
    with torch.random.fork_rng(devices=[]):
        model = experiment.model.build(experiment.data.info)
    load_weights(model, weights)
    arithmetic.place(model)
    evaluation = Evaluation(model, experiment.loss.build(), split, transform, arithmetic)
    try:
        for done in evaluation.steps():
            yield Evaluating(0, done, split.plan.batches)
    finally:
        split.close()
    yield Evaluated(*evaluation.means(), split.plan.samples)


def _statistics(
    data: DataSettings, source: Source, device: torch.device, known: Statistics | None
) -> Generator[Event, None, Statistics | None]:
    """The statistics of the training images, where these are wanted: those that are known, else measured."""
    if data.normalization != "dataset":
        return None
    if known is None:
        return (yield from measure(load_split(data, source, Place(device), train=True)))
    if len(known.mean) != source.info.channels:
        text = tr(
            "The model's images were normalized with means of {own} channels; these images have {channels}. Choose a dataset with as many channels.",
            own=len(known.mean), channels=source.info.channels,
        )  # fmt: skip
        raise ModelMismatch(text)
    return known
