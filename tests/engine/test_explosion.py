"""A loss that explodes and stays finite ends as diverged; a loss that is merely large never does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from desktop_trainer.catalog.losses import CrossEntropy
from desktop_trainer.engine.data import InMemory
from desktop_trainer.engine.events import EpochEnded, RunEnded
from desktop_trainer.engine.explosion import Outcome, guessing
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.batches import BatchPlan


def ended(training: Training) -> RunEnded:
    last = list(training.events())[-1]
    assert isinstance(last, RunEnded)
    return last


@pytest.mark.parametrize(
    ("model", "lr", "data"),
    [("mlp", 1e4, {}), ({"name": "lenet", "activation": "relu"}, 100.0, {"image_size": 16})],
    ids=["SGD", "Adam"],
)
def test_a_loss_that_explodes_and_stays_finite_is_no_completed_run(
    small: Any, model: Any, lr: float, data: Any
) -> None:
    """What is left guesses; in the middle of the run nobody could tell whether it recovers."""
    optimizer = {"name": "sgd" if model == "mlp" else "adam", "lr": lr}
    training = Training(small(model, optimizer, **{**data, "batch_size": 64}))
    events = list(training.events())
    end = events[-1]
    assert isinstance(end, RunEnded)
    assert (end.outcome, end.epoch, end.batch) == ("diverged", 1, 24)
    assert "e+" in end.reason
    assert "no better than guessing" in end.reason
    assert f"smaller learning rate than {lr:g}" in end.next_step
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [1]


def test_it_ends_so_also_where_it_would_have_stopped_early(small: Any) -> None:
    training = Training(small("mlp", {"name": "sgd", "lr": 1e4}, epochs=9, training={"patience": 1}, batch_size=64))
    assert ended(training).outcome == "diverged"


def test_resumed_before_the_end_it_is_told_just_the_same(small: Any) -> None:
    """The first loss and the largest are part of the state."""
    experiment = small("mlp", {"name": "sgd", "lr": 1e4}, batch_size=64)
    whole, first, second = Training(experiment), Training(experiment), Training(experiment)
    expected = ended(whole)
    for event in (events := first.events()):
        if isinstance(event, EpochEnded):
            break
    events.close()
    second.load_state(first.state())
    assert ended(second).reason == expected.reason


@pytest.mark.parametrize("lr", [0.1, 1000.0, 1e12])
def test_a_linear_model_with_huge_steps_has_a_huge_loss_and_is_right(small: Any, lr: float) -> None:
    """With 1e12 the loss is 1e10, and nine of ten digits are found."""
    assert ended(Training(small("softmax", {"name": "sgd", "lr": lr}, epochs=3, batch_size=64))).outcome == "completed"


@pytest.mark.parametrize("scale", [1e-9, 1e20])
def test_the_size_of_the_loss_does_not_matter(small: Any, monkeypatch: pytest.MonkeyPatch, scale: float) -> None:
    """A loss in other units, as that of a regression on large numbers: learning or not, the run is completed."""
    monkeypatch.setattr(CrossEntropy, "build", lambda _: lambda *both: scale * torch.nn.functional.cross_entropy(*both))
    for lr in (0.1 / scale, 1e-9 / scale):
        training = Training(small())
        training.experiment = training.experiment.model_copy(update={"optimizer": _sgd(lr)})
        assert ended(training).outcome == "completed"


def _sgd(lr: float) -> Any:
    from desktop_trainer.catalog.optimizers import SGD

    return SGD.model_construct(lr=lr)


@pytest.mark.parametrize(
    ("outcome", "guess", "exploded"),
    [
        pytest.param(Outcome(2.3, 1e20, 500.0, 0.1), (2.3, 0.1), True, id="dead"),
        pytest.param(Outcome(2.3, 1e20, 1e20, 0.15), (2.3, 0.1), True, id="at its peak"),
        pytest.param(Outcome(2.3, 1e20, 0.4, 0.9), (2.3, 0.1), False, id="recovered"),
        pytest.param(Outcome(2.3, 1e20, 1e19, 0.9), (2.3, 0.1), False, id="large but right"),
        pytest.param(Outcome(2.3, 1e20, 500.0, 0.9), (2.3, 0.9), True, id="always the most frequent class"),
        pytest.param(Outcome(2.3, 2.4, 2.3, 0.1), (2.3, 0.1), False, id="never learned"),
        pytest.param(Outcome(2.3, 2e4, 2.5, 0.1), (2.3, 0.1), False, id="a jump that is none"),
        pytest.param(Outcome(1e30, 2e30, 1e29, 0.1), (2.3, 0.1), False, id="began badly"),
        pytest.param(Outcome(1e-9, 2.4, 2.5, 0.1), (2.3, 0.1), False, id="spoilt what was learned before"),
        pytest.param(Outcome(1e12, 3e12, 1e11, 0.0), (1e12, 0.0), False, id="regression on large numbers"),
        pytest.param(Outcome(2.3, 1e20, 1.0, 0.0), (0.0, 1.0), False, id="nothing to compare with"),
        pytest.param(Outcome(float("-inf"), float("-inf"), 2.3, 0.1), (2.3, 0.1), False, id="no batch was read"),
    ],
)
def test_by_hand(outcome: Outcome, guess: tuple[float, float], exploded: bool) -> None:
    assert outcome.exploded(*guess) is exploded


def test_guessing_by_hand() -> None:
    """Seven samples in batches of three: for zeros the loss is ln 4, and the class 2 is the most frequent."""
    labels = torch.tensor([2, 0, 2, 1, 2, 3, 2])
    split = InMemory(torch.zeros(7, 1, 2, 2, dtype=torch.uint8), labels, BatchPlan(7, 3))

    def transform(images: Tensor, _: Tensor) -> Tensor:
        return images.float()

    steps, done = guessing(split, transform, torch.nn.CrossEntropyLoss(), 4), []
    while True:
        try:
            done.append(next(steps))
        except StopIteration as end:
            loss, accuracy = end.value
            break
    assert done == [1, 2, 3]
    assert loss == pytest.approx(1.3862944)
    assert accuracy == 4 / 7
