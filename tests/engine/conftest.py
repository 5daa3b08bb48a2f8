"""What the engine's tests share: small experiments, and ways to look at a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch

from desktop_trainer.engine.events import BatchEnded, Event, Records
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment

Small = Callable[..., Experiment]


def _small(model: Any = "softmax", optimizer: Any = "sgd", *, epochs: int = 2, **values: Any) -> Experiment:
    """An experiment on the digits, CPU, batches of 128; other data settings by their names, the rest in their
    sections.
    """
    initializer, threads = values.pop("initializer", "default"), values.pop("threads", 0)
    training, device = values.pop("training", {}), values.pop("device", {})
    augmentation = values.pop("augmentation", {})
    return parse_experiment(
        {
            "data": {"batch_size": 128, **values},
            "augmentation": augmentation,
            "model": model,
            "optimizer": optimizer,
            "initializer": initializer,
            "training": {"epochs": epochs, "seed": 7, **training},
            "device": {"name": "cpu", "threads": threads, **device},
        }
    )


@pytest.fixture(scope="session")
def small() -> Small:
    """Makes experiments that take a moment."""
    return _small


def _same(one: Any, other: Any) -> bool:
    """Whether two states are equal, every tensor bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


@pytest.fixture(scope="session")
def same() -> Callable[[Any, Any], bool]:
    """See `_same`."""
    return _same


def _timeless(training: Training) -> dict[str, Any]:
    """The state of a training without its times."""
    state = training.state()
    del state["seconds"]
    state["recorder"]["rest"] = [(count, lr) for count, lr, _ in state["recorder"]["rest"]]
    return state


@pytest.fixture(scope="session")
def timeless() -> Callable[[Training], dict[str, Any]]:
    """See `_timeless`."""
    return _timeless


def _rows(events: list[Event]) -> list[tuple[Any, ...]]:
    """Every record of a run: epoch, batch, loss, correct, count, lr."""
    blocks = [event.records for event in events if isinstance(event, BatchEnded) and event.records is not None]
    return [row for block in blocks for row in _rows_of(block)]


def _rows_of(block: Records) -> list[tuple[Any, ...]]:
    assert {len(getattr(block, item.name)) for item in fields(block)[2:]} == {len(block)}
    columns = (block.loss, block.correct, block.count, block.lr)
    numbers = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
    return [(block.epoch, block.first + index, *row) for index, row in enumerate(numbers)]


@pytest.fixture(scope="session")
def rows() -> Callable[[list[Event]], list[tuple[Any, ...]]]:
    """See `_rows`."""
    return _rows


def _with_test_losses(training: Training, losses: list[float]) -> Training:
    """`training`, whose examination after epoch k finds the k-th of `losses`."""
    end_epoch = training._end_epoch
    training._end_epoch = lambda _, accuracy: end_epoch(losses[training.epoch], accuracy)  # type: ignore[method-assign, assignment]
    return training


@pytest.fixture(scope="session")
def with_test_losses() -> Callable[[Training, list[float]], Training]:
    """See `_with_test_losses`."""
    return _with_test_losses
