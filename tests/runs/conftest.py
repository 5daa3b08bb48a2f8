"""What the tests of files share: a trained-looking model, trained-looking runs, and the states of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Records, RunEnded, RunStarted
from desktop_trainer.engine.images.normalization import Statistics
from desktop_trainer.experiment.fields import shared_values
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.journal import Journal
from desktop_trainer.runs.journal_lines import started_line
from desktop_trainer.runs.model_file import SavedModel
from desktop_trainer.runs.run_folder import new_facts, write_experiment, write_facts


@pytest.fixture
def saved() -> SavedModel:
    """A LeNet for Fashion-MNIST with settings that are not the defaults."""
    values = {
        "data": {
            "dataset": "fashion_mnist",
            "batch_size": 17,
            "normalization": "dataset",
            "data_root": "/somewhere/of/mine",
        },
        "model": {"name": "lenet", "activation": "relu"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.5},
    }
    experiment = parse_experiment(values)
    torch.manual_seed(3)
    weights = experiment.model.build(experiment.data.info).state_dict()
    metrics = {"test_accuracy": 0.1 + 0.2, "epoch": 3}
    statistics = Statistics((0.1 + 0.2,), (1 / 3,))
    return SavedModel(experiment, weights, metrics, experiment.data.info.class_names, statistics)


def records(epoch: int, first: int, losses: list[float], lr: float = 0.1) -> Records:
    """Batches of 4 samples, each a tenth of a second after the one before."""
    count = len(losses)
    return Records(
        epoch,
        first,
        np.array(losses, np.float32),
        np.arange(count, dtype=np.int32) % 5,
        np.full(count, 4, np.int32),
        np.full(count, lr, np.float32),
        np.arange(first, first + count) / 10 + epoch,
    )


STARTED = RunStarted(1500, 297, 6, 2, 220, 3, "cpu", 1000, "in memory", 500, 0, 0)
VERSIONS = {"program": "0.1.0", "python": "3.11", "torch": "2.10", "cuda": ""}


def epoch_ended(epoch: int, accuracy: float = 0.5) -> EpochEnded:
    """An epoch that reached this test accuracy."""
    return EpochEnded(epoch, 1 / epoch, 0.5, 1.1 / epoch, accuracy, 2.5, 1000.0)


def make_run(
    folder: Path, *, outcome: str = "completed", accuracies: tuple[float, ...] = (0.5, 0.7, 0.6), lr: float = 0.001
) -> Path:
    """A run of three epochs of two batches in `folder`; an `outcome` that is empty leaves its end out."""
    experiment = parse_experiment({"training": {"epochs": 3}, "optimizer": {"name": "adam", "lr": lr}})
    folder.mkdir(parents=True)
    write_facts(folder, new_facts(experiment, "digits_first_steps"))
    write_experiment(folder, experiment)
    journal = Journal(folder)
    journal.write(started_line(STARTED, shared_values(experiment), versions=VERSIONS, threads=2))
    for epoch, accuracy in enumerate(accuracies, 1):
        journal.write(records(epoch, 1, [2.0 / epoch, 1.0 / epoch]))
        journal.write(epoch_ended(epoch, accuracy))
    if outcome:
        reason = "" if outcome == "completed" else f"It {outcome}."
        journal.write(RunEnded(outcome, len(accuracies), 0, 7.5, reason))
    journal.close()
    return folder


SMALL = {
    "data": {"dataset": {"name": "synthetic", "train_samples": 96, "test_samples": 20, "size": 4}, "batch_size": 16},
    "model": {"name": "mlp", "hidden_sizes": [8], "dropout": 0.5},
    "optimizer": "adam",
    "device": {"name": "cpu", "threads": 1},
}


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """Settings that train in a moment, with dropout and Adam: 6 batches an epoch."""
    return SMALL


@pytest.fixture(scope="session")
def state_after() -> Callable[[int], Any]:
    """The state of a small training, with dropout and Adam, 6 batches an epoch, after so many batches; numbers are
    pending.
    """

    @cache
    def make(batches: int) -> Any:
        from desktop_trainer.engine.training import Training

        training = Training(parse_experiment(SMALL), block_seconds=float("inf"))
        events = training.events()
        for event in events:
            if isinstance(event, RunStarted | BatchEnded) and 6 * training.epoch + training.batch == batches:
                break
        events.close()
        return training.state()

    return make


def bits_of(value: Any) -> Any:
    """`value` with each tensor as its type, shape and bytes, so that ``==`` compares bits; NaN by its name."""
    if isinstance(value, torch.Tensor):
        return value.dtype, value.shape, value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    if isinstance(value, Mapping):
        return {key: bits_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(bits_of, value))
    return repr(value)


@pytest.fixture(scope="session")
def same() -> Callable[[Any, Any], bool]:
    """Whether two states are equal, every tensor bit for bit, every number with its type."""
    return lambda one, other: bool(bits_of(one) == bits_of(other))


class Hasty(Disk):
    """Waits for no disk."""

    def sync(self, file: BinaryIO) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass
