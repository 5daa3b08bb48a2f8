"""The first training samples of an epoch, as the model sees them and as they are stored. Knows experiments; knows
no screen.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desktop_trainer.engine.data import Split, order_of_epoch
from desktop_trainer.engine.events import Event
from desktop_trainer.engine.images.normalization import Statistics
from desktop_trainer.engine.placement import Place
from desktop_trainer.engine.setup import TRAIN, Demands, prepare_data
from desktop_trainer.experiment.settings import Experiment

_CPU = torch.device("cpu")
"""Where it is computed, whatever the experiment says: a training may need its device for itself."""

Pictures = NDArray[np.uint8]
"""``(n, height, width, channels)``, red, green and blue, or grey."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleSheet:
    """The first samples of batch 1 of an epoch, in the order in which the batch has them.

    Attributes:
        seen: as the model sees them, its normalisation undone. stored: as they are in the dataset, resized.
        indices: their numbers in the training set, from 0. labels: the number of the class of each.
        epoch: from 1. batch_size: samples in the whole batch.
        lowest, highest: of all numbers that the model gets of these samples.
        statistics: what was undone; None if the model gets [0, 1].
        augmented: whether any augmentation is on.
    """

    seen: Pictures
    stored: Pictures
    indices: tuple[int, ...]
    labels: tuple[int, ...]
    class_names: tuple[str, ...]
    epoch: int
    batch_size: int
    lowest: float
    highest: float
    statistics: Statistics | None
    augmented: bool


def sample_sheet(experiment: Experiment, epoch: int, count: int) -> Generator[Event, None, SampleSheet]:
    """The first samples of `epoch` (from 1), at most `count`; yields what is being loaded.

    Only these samples are read, if the files of the dataset allow it, and those that its statistics are measured on.

    Raises:
        DataMissing, DataDamaged, DataGone: if the files cannot be read.
        ExperimentError: if the files turn out not to fit the settings.
    """
    setup = yield from prepare_data(
        experiment, _CPU, Demands(experiment), splits=(TRAIN,), place=Place(_CPU), most=count
    )
    data, split, transforms = experiment.data, setup.train, setup.transforms
    start, stop = data.plan(setup.info, train=True).bounds(0)
    order = order_of_epoch(split.plan.samples, experiment.training.seed, epoch - 1) if data.shuffle else None
    with closing(setup):
        indices, stored, labels = _first_batch(split, order)
    transform = transforms.of_epoch(epoch - 1)
    inputs = transform(stored, indices)
    return SampleSheet(
        seen=_pictures(transforms.plain.restored(inputs)),
        stored=_pictures(stored),
        indices=tuple(indices.tolist()),
        labels=tuple(labels.tolist()),
        class_names=setup.info.class_names,
        epoch=epoch,
        batch_size=stop - start,
        lowest=inputs.min().item(),
        highest=inputs.max().item(),
        statistics=transforms.plain.statistics,
        augmented=transform is not transforms.plain,
    )


def _first_batch(split: Split, order: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers in the split, images as bytes, and labels."""
    taken: list[Tensor] = []

    def as_stored(images: Tensor, indices: Tensor) -> Tensor:
        taken.append(indices)
        return images

    with closing(split.batches(as_stored, order)) as batches:
        images, labels = next(batches)
    return taken[0], images, labels


def _pictures(images: Tensor) -> Pictures:
    """Of other than one or three channels, the first ones."""
    channels = 3 if images.shape[1] >= 3 else 1
    pictures: Pictures = np.ascontiguousarray(images[:, :channels].permute(0, 2, 3, 1).numpy())
    return pictures
