"""What is ready before the first batch: as much as was asked for, the same for whoever asks."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import FrozenInstanceError
from typing import Any, TypeVar

import pytest
import torch

from desktop_trainer.engine.events import Event, Loading, RunStarted
from desktop_trainer.engine.placement import Place
from desktop_trainer.engine.setup import TEST, TRAIN, Demands, Setup, prepare, prepare_data, prepare_examination
from desktop_trainer.engine.training import Training

T = TypeVar("T")
CPU = torch.device("cpu")
NORMALIZED = {"normalization": "dataset", "dataset": {"name": "synthetic", "train_samples": 50, "test_samples": 20}}


def drained(steps: Generator[Event, None, T]) -> tuple[list[Event], T]:
    """What it yields, and what it returns."""
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


def prepared(experiment: Any, **more: Any) -> Setup:
    return drained(prepare(experiment, CPU, **more))[1]


def test_a_training_trains_with_what_was_prepared(small: Any, same: Any) -> None:
    """Before the first event there is nothing; then it is what anybody else would get, bit for bit."""
    experiment = small("mlp", **NORMALIZED)
    training = Training(experiment)
    assert training.setup is None
    assert not training.started
    with pytest.raises(RuntimeError, match="not prepared"):
        _ = training.model
    next(event for event in training.events() if isinstance(event, RunStarted))
    assert training.setup is not None
    own = prepared(experiment)
    assert same(training.setup.model.state_dict(), own.model.state_dict())
    assert training.setup.transforms.measured == own.transforms.measured
    assert (training.setup.info, training.setup.place) == (own.info, own.place)
    with pytest.raises(FrozenInstanceError):
        own.model = torch.nn.Flatten()


def test_it_says_what_is_being_loaded(small: Any) -> None:
    events, _ = drained(prepare(small(**NORMALIZED), CPU))
    told = [(event.done, event.total) for event in events if isinstance(event, Loading)]
    assert told == [(0, 3), (1, 3), (0, 50), (2, 3)]


def test_the_seed_decides_the_model_and_whatever_was_drawn_before_does_not(small: Any, same: Any) -> None:
    torch.manual_seed(1)
    one = prepared(small("mlp"))
    after = torch.get_rng_state()
    torch.manual_seed(2)
    assert same(prepared(small("mlp")).model.state_dict(), one.model.state_dict())
    assert torch.equal(torch.get_rng_state(), after)


def test_given_weights_and_statistics_are_taken(small: Any, same: Any) -> None:
    """Nothing is measured then."""
    experiment = small("mlp", **NORMALIZED)
    weights = {name: tensor + 1 for name, tensor in prepared(experiment).model.state_dict().items()}
    known = {"mean": [0.25], "std": [0.5]}
    events, setup = drained(prepare(experiment, CPU, weights=weights, statistics=known))
    assert same(setup.model.state_dict(), weights)
    assert setup.transforms.measured is not None
    assert setup.transforms.measured.values() == known
    assert not any("Measuring" in event.what for event in events if isinstance(event, Loading))


def test_an_examination_gets_the_test_set_and_its_model_and_draws_nothing(small: Any, same: Any) -> None:
    """Its transforms are the training's."""
    experiment = small("mlp", **NORMALIZED)
    training = prepared(experiment)
    before, weights = torch.get_rng_state(), training.model.state_dict()
    _, setup = drained(prepare_examination(experiment, CPU, weights, Demands(experiment)))
    assert torch.equal(torch.get_rng_state(), before)
    assert list(setup.splits) == [TEST]
    assert same(setup.model.state_dict(), weights)
    assert setup.transforms.measured == training.transforms.measured
    assert torch.equal(setup.test.read(range(20)), training.test.read(range(20)))


def test_who_looks_at_samples_gets_no_more_than_these(small: Any) -> None:
    """In small batches, of the images that the training has."""
    experiment = small(**NORMALIZED)
    looked_at = prepare_data(experiment, CPU, Demands(experiment), splits=(TRAIN,), place=Place(CPU), most=4)
    _, setup = drained(looked_at)
    assert list(setup.splits) == [TRAIN]
    assert setup.train.plan.bounds(0) == (0, 4)
    assert setup.train.nbytes == 0
    assert torch.equal(setup.train.read(range(50)), prepared(experiment).train.read(range(50)))
