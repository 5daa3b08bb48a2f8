"""Examines given parameters on a test set, without a training. Knows experiments; knows no files."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import torch
from torch import Tensor

from desktop_trainer.engine.arithmetic import Arithmetic
from desktop_trainer.engine.devices import choose_device
from desktop_trainer.engine.evaluation import Evaluation
from desktop_trainer.engine.events import Evaluated, Evaluating, Event, Loading
from desktop_trainer.engine.placement import choose_place, load_split, open_source
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
        DeviceMissing, CannotCompute, DataTooLarge, DataMissing, DataDamaged, WorkerDied, DataGone: see `Training.events`.
    """
    check_fit(experiment, weights)
    device = choose_device(experiment.device.name)
    arithmetic = Arithmetic(experiment.device, device)
    yield Loading(tr("Reading {dataset}", dataset=tr(experiment.data.dataset.label)), 0, 1)
    place = choose_place(experiment.data, experiment.data.info.test_samples, device)
    source = yield from open_source(experiment.data)
    split = load_split(experiment.data, source, place, train=False)
    with torch.random.fork_rng(devices=[]):
        model = experiment.model.build(experiment.data.info)
    load_weights(model, weights)
    arithmetic.place(model)
    evaluation = Evaluation(model, experiment.loss.build(), split, arithmetic)
    try:
        for done in evaluation.steps():
            yield Evaluating(0, done, split.plan.batches)
    finally:
        split.close()
    yield Evaluated(*evaluation.means(), split.plan.samples)
