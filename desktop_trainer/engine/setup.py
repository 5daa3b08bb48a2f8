"""What an experiment needs before its first batch: samples, transforms, model, step, made ready in this order.

Whoever trains, examines or looks at samples asks here for as much as it needs, on the device that it has chosen.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from desktop_trainer.engine.arithmetic import Arithmetic
from desktop_trainer.engine.compiling import Compiled
from desktop_trainer.engine.data import Split
from desktop_trainer.engine.events import Event, Loading
from desktop_trainer.engine.images.normalization import Statistics, measure
from desktop_trainer.engine.images.transforms import Transforms
from desktop_trainer.engine.need import check_memory
from desktop_trainer.engine.placement import Place, check_same, choose_place, count_data, load_split, open_source
from desktop_trainer.engine.step import LossFunction, Step, part_sizes
from desktop_trainer.engine.weights import StateMismatch, load_weights
from desktop_trainer.experiment.data import DataInfo, Source
from desktop_trainer.experiment.problems import check_data
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.i18n import tr

TRAIN, TEST = "train", "test"


@dataclass(frozen=True, slots=True, eq=False)
class DataSetup:
    """The samples of an experiment in their place, and what is done with them before a model gets them.

    Attributes:
        experiment: what was left to the data decided, so that it does not depend on the files any more.
        device: where the batches are wanted.
        info: what is known of the data as the model gets them, since they were loaded; files may change later.
        splits: those that were asked for, by name.
    """

    experiment: Experiment
    device: torch.device
    info: DataInfo
    place: Place
    splits: Mapping[str, Split]
    transforms: Transforms

    @property
    def train(self) -> Split:
        """The training samples, if they were asked for."""
        return self.splits[TRAIN]

    @property
    def test(self) -> Split:
        """The test samples, if they were asked for."""
        return self.splits[TEST]

    def open(self) -> None:
        """Start what reads samples beside the steps; see `Split.open`."""
        for split in self.splits.values():
            split.open()

    def close(self) -> None:
        """End it again, between two passes; see `Split.close`."""
        for split in self.splits.values():
            split.close()


@dataclass(frozen=True, slots=True, eq=False)
class ModelSetup(DataSetup):
    """Samples, and a model with its loss on the device.

    Attributes:
        arithmetic: how the model is computed.
    """

    arithmetic: Arithmetic
    model: nn.Module
    loss_fn: LossFunction


@dataclass(frozen=True, slots=True, eq=False)
class Setup(ModelSetup):
    """All that a training needs.

    Attributes:
        step: what is done with every batch, by `model`, `loss_fn` and `optimizer`.
        compiled: the forward pass, if it was compiled; that took `compile_seconds`.
    """

    optimizer: Optimizer
    step: Step
    compiled: Compiled | None
    compile_seconds: float

    @property
    def batch_size(self) -> int:
        """Samples in a full training batch."""
        return _full_batch(self.train)


class Demands:
    """What the data must be like, and what is known of them: here that they fit the experiment's settings."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment

    def counted(self, info: DataInfo) -> None:
        """Raise if the data cannot be used as far as they are known before anything is read; `info` is as they are
        stored.
        """

    def opened(self, info: DataInfo) -> Iterable[Event]:
        """Raise if the data cannot be used as they were found in their files; yields what is to be said of them."""
        check_data(self.experiment, info)
        return ()

    def statistics(self, info: DataInfo) -> Statistics | None:  # noqa: ARG002
        """Those by which the images are to be normalised; None has them measured. `info` is as the model gets them."""
        return None


class _Trainable(Demands):
    """What a training demands; see `prepare`."""

    def __init__(self, experiment: Experiment, device: torch.device, statistics: Any, fingerprint: str) -> None:
        super().__init__(experiment)
        self._device, self._statistics, self._fingerprint = device, statistics, fingerprint

    def counted(self, info: DataInfo) -> None:
        check_data(self.experiment, info)
        check_memory(self.experiment, info.resized(self.experiment.data.image_size), self._device)

    def opened(self, info: DataInfo) -> Iterable[Event]:
        check_data(self.experiment, info)
        check_same(info, self._fingerprint)
        return ()

    def statistics(self, info: DataInfo) -> Statistics | None:
        if self._statistics is None:
            return None
        try:
            return Statistics.read(self._statistics, info.channels)
        except ValueError as error:
            raise StateMismatch(error) from error


def prepare(
    experiment: Experiment,
    device: torch.device,
    *,
    weights: Mapping[str, Tensor] | None = None,
    statistics: Any = None,
    fingerprint: str = "",
) -> Generator[Event, None, Setup]:
    """Prepare a training on `device`; yields what is being loaded, found and noticed, returns the setup.

    Random numbers: torch is seeded with the experiment's seed, and then draws for model and initializer.

    Args:
        weights: a ``state_dict`` to start from instead of the initializer's parameters.
        statistics: those of a run that goes on, as `Statistics.values` gives them; the files may have changed since.
        fingerprint: that the data must have, see `DataInfo`; empty takes any.

    Raises:
        CannotCompute, CompileFailed, DataTooLarge, DataMissing, DataDamaged, OtherData, DataUnknown: see there.
        ExperimentError: if the data do not fit the settings.
        OutOfMemory: before anything is loaded, if there is too little memory for the model and a batch.
        ModelMismatch, StateMismatch: if weights or statistics do not fit.
    """
    arithmetic = Arithmetic(experiment.device, device, gains=experiment.model.channels_last)
    demands = _Trainable(experiment, device, statistics, fingerprint)
    data = yield from prepare_data(experiment, device, demands, total=3)
    compiling = tr("Compiling {model}: this takes a while", model=tr(experiment.model.label))
    building = tr("Building {model}", model=tr(experiment.model.label))
    yield Loading(compiling if experiment.device.compile else building, 2, 3)
    return _built(data, arithmetic, weights)


def prepare_examination(
    experiment: Experiment, device: torch.device, weights: Mapping[str, Tensor], demands: Demands
) -> Generator[Event, None, ModelSetup]:
    """Prepare an examination of `weights` on the test set; see `prepare`. No random numbers are used up.

    Raises:
        ModelMismatch: if the weights are not this model's, or what `demands` raises.
    """
    arithmetic = Arithmetic(experiment.device, device, gains=experiment.model.channels_last)
    data = yield from prepare_data(experiment, device, demands, splits=(TEST,))
    loss_fn = experiment.loss.build()
    with torch.random.fork_rng(devices=[]):
        model = experiment.model.build(data.info)
    load_weights(model, weights)
    arithmetic.place(model)
    return ModelSetup(**_shallow(data), arithmetic=arithmetic, model=model, loss_fn=loss_fn)


def prepare_data(
    experiment: Experiment,
    device: torch.device,
    demands: Demands,
    *,
    splits: Sequence[str] = (TRAIN, TEST),
    place: Place | None = None,
    most: int = 0,
    total: int = 1,
) -> Generator[Event, None, DataSetup]:
    """Prepare the samples; see `prepare`.

    Args:
        splits: those that are wanted, of `TRAIN` and `TEST`.
        place: where they are to lie; None chooses by the settings.
        most: so many samples are in a batch at most; 0 leaves it to the settings.
        total: steps of the whole preparation, of which each split is one.
    """
    data = experiment.data
    reading = tr("Reading {dataset}", dataset=tr(data.dataset.label))
    yield Loading(reading, 0, total)
    info = yield from count_data(data)
    demands.counted(info)
    if place is None:
        samples = {TRAIN: info.train_samples, TEST: info.test_samples}
        place = choose_place(data, sum(samples[split] for split in splits), device)
    source = yield from open_source(data)
    yield from demands.opened(source.info)
    info = source.info.resized(data.image_size)
    cut = data.model_copy(update={"batch_size": min(most, data.batch_size)}) if most else data
    loaded: dict[str, Split] = {}
    for done, split in enumerate(splits):
        if done:
            yield Loading(reading, done, total)
        loaded[split] = load_split(cut, source, place, train=split == TRAIN)
    measured = yield from _statistics(experiment, demands, info, source, device, loaded.get(TRAIN))
    transforms = Transforms(experiment, info, device, measured)
    return DataSetup(experiment.settled(info.channels), device, info, place, loaded, transforms)


def _statistics(
    experiment: Experiment,
    demands: Demands,
    info: DataInfo,
    source: Source,
    device: torch.device,
    train: Split | None,
) -> Generator[Event, None, Statistics | None]:
    """The statistics of the training images, where these are wanted: those that are known, else measured."""
    if experiment.data.normalization != "dataset":
        return None
    if (known := demands.statistics(info)) is not None:
        return known
    split = train if train is not None else load_split(experiment.data, source, Place(device), train=True)
    return (yield from measure(split))


def _built(data: DataSetup, arithmetic: Arithmetic, weights: Mapping[str, Tensor] | None) -> Setup:
    settings = data.experiment
    torch.manual_seed(settings.training.seed)
    model = settings.model.build(data.info)
    settings.initializer.apply(model)
    if weights is not None:
        load_weights(model, weights)
    arithmetic.place(model)
    optimizer = settings.optimizer.build(model.parameters())
    parts = settings.training.batch_parts
    sizes = part_sizes(_full_batch(data.train), parts)
    compiled = Compiled(model, sizes, data.device) if settings.device.compile else None
    forward, loss_fn = arithmetic.forward_of(compiled or model), settings.loss.build()
    step = Step(forward, loss_fn, optimizer, parts, replayed=compiled is not None and compiled.graphs)
    seconds = _rehearsed(compiled, step, data.info) if compiled is not None else 0.0
    return Setup(
        **_shallow(data),
        arithmetic=arithmetic,
        model=model,
        loss_fn=loss_fn,
        optimizer=optimizer,
        step=step,
        compiled=compiled,
        compile_seconds=seconds,
    )


def _rehearsed(compiled: Compiled, step: Step, info: DataInfo) -> float:
    """Compile now; returns the seconds that it took."""
    began = perf_counter()
    compiled.rehearse(step.forward, step.loss_fn, (info.channels, info.height, info.width))
    return perf_counter() - began


def _full_batch(split: Split) -> int:
    start, stop = split.plan.bounds(0)
    return stop - start


def _shallow(data: DataSetup) -> dict[str, Any]:
    """The attributes of `data` by name, to make a larger setup of."""
    return {field.name: getattr(data, field.name) for field in fields(data)}
