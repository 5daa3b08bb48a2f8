"""The samples that are shown are those that the first batch of the epoch takes, and as the model gets them there."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from desktop_trainer.engine.data import order_of_epoch
from desktop_trainer.engine.events import Event, Loading, RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import ExperimentError, parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.files.errors import DataMissing
from desktop_trainer.files.samples import FileSamples
from desktop_trainer.insight.samples import SampleSheet, sample_sheet

COUNT = 10


def experiment(
    channels: int = 3, augmentation: dict[str, float] | None = None, seed: int = 0, **data: Any
) -> Experiment:
    dataset = {"name": "synthetic", "train_samples": 60, "test_samples": 8, "size": 12, "channels": channels}
    return parse_experiment(
        {
            "data": {"dataset": dataset, "batch_size": 16, "workers": 0, **data},
            "augmentation": augmentation or {},
            "model": "softmax",
            "training": {"seed": seed},
            "device": {"name": "cpu"},
        }
    )


def drained(steps: Generator[Event, None, SampleSheet]) -> tuple[list[Event], SampleSheet]:
    """What it yields, and what it returns."""
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


def sheet(settings: Experiment, epoch: int = 1, count: int = COUNT) -> SampleSheet:
    return drained(sample_sheet(settings, epoch, count))[1]


def first_batch(settings: Experiment, epoch: int) -> tuple[Tensor, Tensor, Training]:
    """What a training of `settings` takes first in `epoch` (from 1)."""
    training = Training(settings)
    events = training.events()
    while not isinstance(next(events), RunStarted):
        pass
    training.epoch = epoch - 1
    images, labels = next(
        training.prepared.train.batches(training.prepared.transforms.of_epoch(training.epoch), training._order())
    )
    events.close()
    return images, labels, training


@pytest.mark.parametrize("placement", ["memory", "stream"])
@pytest.mark.parametrize("normalization", ["none", "dataset", "symmetric"])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_the_first_batch_of_the_training(
    everything: dict[str, float], placement: str, normalization: str, channels: int
) -> None:
    """Of the epoch that is asked for, with every augmentation; the bytes are the batch's numbers, normalisation
    undone.
    """
    settings = experiment(channels, everything, 5, placement=placement, normalization=normalization)
    images, labels, training = first_batch(settings, 3)
    shown = sheet(settings, 3)
    statistics = training.prepared.transforms.plain.statistics
    undone = images[:COUNT].double().permute(0, 2, 3, 1).numpy()
    if statistics is not None:
        undone = undone * statistics.std + statistics.mean
    assert np.abs(shown.seen - 255 * undone).max() <= 0.501
    assert (shown.lowest, shown.highest) == (images[:COUNT].min().item(), images[:COUNT].max().item())
    assert shown.labels == tuple(labels[:COUNT].tolist())
    assert shown.indices == tuple(order_of_epoch(60, 5, 2)[:COUNT].tolist())
    assert shown.statistics == statistics
    assert shown.seen.shape == (COUNT, 12, 12, channels)
    assert (shown.batch_size, shown.epoch, shown.augmented) == (16, 3, True)


def test_what_is_stored_is_the_dataset_resized(everything: dict[str, float]) -> None:
    """The same samples in the same order, byte for byte; without augmentation that is what is seen, too."""
    images, labels = experiment().data.dataset.load(Path(), train=True)
    for augmentation in (everything, {}):
        shown = sheet(experiment(3, augmentation, normalization="dataset"))
        chosen = list(shown.indices)
        assert np.array_equal(shown.stored, images[chosen].permute(0, 2, 3, 1).numpy())
        assert shown.labels == tuple(labels[chosen].tolist())
        assert np.array_equal(shown.seen, shown.stored) is not shown.augmented
    assert sheet(experiment(image_size=20)).stored.shape == (COUNT, 20, 20, 3)


def test_epoch_and_seed_choose_other_samples_and_vary_them_in_another_way(everything: dict[str, float]) -> None:
    """Without shuffling the samples are the first ones, each time varied anew."""
    shown = [sheet(experiment(seed=seed), epoch).indices for seed, epoch in ((0, 1), (0, 2), (1, 1), (0, 1))]
    assert len(set(shown)) == 3
    assert shown[0] == shown[3]
    sheets = [sheet(experiment(3, everything, seed, shuffle=False), epoch) for seed, epoch in ((0, 1), (0, 2), (1, 1))]
    assert {each.indices for each in sheets} == {tuple(range(COUNT))}
    assert len({each.seen.tobytes() for each in sheets}) == 3
    assert len({each.stored.tobytes() for each in sheets}) == 1


def test_there_are_no_more_than_the_batch_has() -> None:
    """Of a batch, or of a dataset, that is smaller than the sheet."""
    assert len(sheet(experiment(batch_size=4), count=32).seen) == 4
    small = sheet(experiment(batch_size=500), count=500)
    assert sorted(small.indices) == list(range(60))
    assert small.batch_size == 60


@pytest.mark.parametrize("channels", [2, 4])
def test_other_numbers_of_channels_can_be_seen(channels: int) -> None:
    """The first ones are shown, as grey or as colours."""
    assert sheet(experiment(channels)).seen.shape[3] == (1 if channels == 2 else 3)


def test_nobody_elses_numbers_are_touched(everything: dict[str, float]) -> None:
    """A training that goes on beside it draws as if it were alone, and keeps its threads."""
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    sheet(experiment(3, everything, normalization="dataset"))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_few_samples_of_a_large_dataset_are_read(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Fashion-MNIST's 60 000 those that are shown."""
    counts, read = [], FileSamples.read

    def counted(self: FileSamples, indices: list[int]) -> Any:
        counts.append(len(indices))
        return read(self, indices)

    monkeypatch.setattr(FileSamples, "read", counted)
    shown = sheet(parse_experiment({"data": {"dataset": "fashion_mnist", "data_root": str(real_data)}}))
    assert counts == [COUNT]
    assert len(shown.class_names) == 10


def test_missing_files_are_said_and_progress_is_told(tmp_path: Path) -> None:
    """In the words of the catalogue."""
    with pytest.raises(DataMissing, match="is not in"):
        sheet(parse_experiment({"data": {"dataset": "fashion_mnist", "data_root": str(tmp_path)}}))
    events, _ = drained(sample_sheet(experiment(normalization="dataset"), 1, COUNT))
    assert [event.what for event in events if isinstance(event, Loading)] == [
        "Reading Synthetic patterns",
        "Measuring the training images",
    ]


def test_files_that_do_not_fit_the_settings_are_said() -> None:
    """They may have changed since the form looked at them: here no whole batch is left."""
    settings = experiment()
    data = settings.data.model_copy(update={"batch_size": 500, "drop_last": True})
    with pytest.raises(ExperimentError, match="drop"):
        sheet(settings.model_copy(update={"data": data}))
