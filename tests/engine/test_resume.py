"""A run that goes on from a state is the run that never stopped: at any event, bit for bit."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch

from desktop_trainer.engine.events import BatchEnded, EpochEnded, Evaluating, Event, RunEnded, RunStarted
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.settings import Experiment

MODEL = {"name": "mlp", "hidden_sizes": [24], "dropout": 0.5}
NEVER = float("inf")


@pytest.fixture
def experiment(small: Any) -> Experiment:
    """Dropout and Adam, so that random numbers and the optimizer's memory count: 12 + 3 batches an epoch, 3 epochs."""
    return small(MODEL, "adam", epochs=3)  # type: ignore[no-any-return]


def at(kind: type[Event], epoch: int, number: int) -> Any:
    """Whether an event is this one; `number` is its batch, or how many test batches are done."""

    def found(event: Event) -> bool:
        place = getattr(event, "epoch", None), getattr(event, "batch", getattr(event, "done", 0))
        return type(event) is kind and place == (epoch, number)

    return found


def run_to(training: Training, is_here: Any) -> list[Event]:
    """Pull until that event, and close."""
    events, seen = training.events(), []
    for event in events:
        seen.append(event)
        if is_here(event):
            break
    else:
        raise AssertionError("The run ended before that event.")
    events.close()
    return seen


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    """The state as a checkpoint would give it back: read without running any code."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)  # type: ignore[no-any-return]


def epochs_of(events: list[Event]) -> list[tuple[float, ...]]:
    return [
        (event.epoch, event.train_loss, event.train_accuracy, event.test_loss, event.test_accuracy)
        for event in events
        if isinstance(event, EpochEnded)
    ]


POINTS = [
    pytest.param(at(RunStarted, 0, 0), id="before the first batch"),
    pytest.param(at(BatchEnded, 1, 1), id="after the first batch"),
    pytest.param(at(BatchEnded, 2, 5), id="in the middle of an epoch"),
    pytest.param(at(BatchEnded, 1, 12), id="after the last batch of an epoch"),
    pytest.param(at(Evaluating, 2, 1), id="during the evaluation"),
    pytest.param(at(Evaluating, 1, 3), id="after the evaluation"),
    pytest.param(at(EpochEnded, 2, 0), id="at the end of an epoch"),
    pytest.param(at(BatchEnded, 3, 11), id="before the last batch of all"),
    pytest.param(at(EpochEnded, 3, 0), id="at the end of the last epoch"),
]


@pytest.mark.parametrize("block_seconds", [0.0, NEVER])
@pytest.mark.parametrize("point", POINTS)
def test_a_resumed_run_ends_as_the_uninterrupted_one(
    experiment: Experiment, same: Any, timeless: Any, rows: Any, point: Any, block_seconds: float
) -> None:
    """The whole state, every record and every epoch's figures; with numbers still unread at the interruption."""
    whole = Training(experiment, block_seconds=block_seconds)
    expected = list(whole.events())

    first = Training(experiment, block_seconds=block_seconds)
    before = run_to(first, point)
    state = through_a_file(first.state())
    torch.manual_seed(999)
    second = Training(experiment, block_seconds=block_seconds)
    second.load_state(state)
    after = list(second.events())

    assert same(timeless(second), timeless(whole))
    assert rows(before) + rows(after) == rows(expected)
    assert epochs_of(before) + epochs_of(after) == epochs_of(expected)


COLOURS = {"name": "synthetic", "train_samples": 20, "test_samples": 4, "size": 16, "channels": 3}
FUSED = {"optimizer": {"name": "adam", "fused": True}}
WAYS = [
    pytest.param({"training": {"batch_parts": 3}}, id="in parts"),
    pytest.param({"device": {"precision": "bf16"}}, id="bf16"),
    pytest.param(FUSED, id="fused"),
    pytest.param({"device": {"memory_format": "channels_last"}, **FUSED}, id="channels_last and fused"),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_resumed_run_is_the_same_in_every_way_of_computing(
    small: Any, same: Any, timeless: Any, rows: Any, way: Any
) -> None:
    """From a state whose tensors lost their layout, as in files that keep numbers only."""
    experiment = small(
        {"name": "lenet", "activation": "relu"}, **{"dataset": COLOURS, "batch_size": 8, "optimizer": "adam", **way}
    )
    whole, first, second = (Training(experiment, block_seconds=0) for _ in range(3))
    expected = list(whole.events())
    before = run_to(first, at(BatchEnded, 2, 2))
    second.load_state(_contiguous(first.state()))
    assert rows(before) + rows(list(second.events())) == rows(expected)
    assert same(timeless(second), timeless(whole))


def _contiguous(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.clone(memory_format=torch.contiguous_format)
    if isinstance(value, dict):
        return {key: _contiguous(part) for key, part in value.items()}
    return type(value)(map(_contiguous, value)) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("place", [{}, {"placement": "stream", "workers": 1}])
def test_a_resumed_run_is_the_same_with_every_change_of_its_images(
    small: Any, same: Any, timeless: Any, rows: Any, everything: Any, place: Any
) -> None:
    """In the middle of an epoch, through a file: what is measured is kept, and what is drawn is drawn again."""
    experiment = small(MODEL, dataset=COLOURS, batch_size=3, augmentation=everything, normalization="dataset", **place)
    whole, first, second = (Training(experiment, block_seconds=0) for _ in range(3))
    expected = list(whole.events())
    before = run_to(first, at(BatchEnded, 2, 2))
    second.load_state(through_a_file(first.state()))
    assert rows(before) + rows(list(second.events())) == rows(expected)
    assert same(timeless(second), timeless(whole))


@pytest.mark.parametrize("stop", [2, 3, 4])
def test_patience_goes_on_where_it_stood(
    small: Any, with_test_losses: Any, same: Any, timeless: Any, stop: int
) -> None:
    """Resumed while it waits, or when it has waited long enough, the run stops early after the same epoch."""
    losses = [2.0, 1.0, 1.5, 1.0, 0.5]
    whole, first, second = (
        with_test_losses(Training(small(epochs=5, batch_size=1500, training={"patience": 2})), losses) for _ in range(3)
    )
    expected = list(whole.events())[-1]
    run_to(first, at(EpochEnded, stop, 0))
    second.load_state(through_a_file(first.state()))
    ended = list(second.events())[-1]
    assert isinstance(ended, RunEnded)
    assert isinstance(expected, RunEnded)
    assert (ended.outcome, ended.epoch, ended.reason) == (expected.outcome, expected.epoch, expected.reason)
    assert (ended.outcome, ended.epoch) == ("early_stopped", 4)
    assert same(timeless(second), timeless(whole))


def test_a_state_is_a_copy(experiment: Experiment, same: Any) -> None:
    """Going on does not change what was taken, nor does resuming from it."""
    training = Training(experiment)
    run_to(training, at(BatchEnded, 1, 5))
    state = training.state()
    kept = through_a_file(state)
    list(training.events())
    other = Training(experiment)
    other.load_state(state)
    list(other.events())
    assert same(state, kept)


@pytest.mark.parametrize("dropped", ["rng", "optimizer", "batch", "epoch"])
def test_each_part_of_the_state_is_needed(experiment: Experiment, same: Any, timeless: Any, dropped: str) -> None:
    """Negative controls: without one of them the resumed run ends elsewhere, so the test above can see it."""
    whole = Training(experiment)
    list(whole.events())
    first = Training(experiment)
    run_to(first, at(BatchEnded, 2, 5))
    fresh = Training(experiment)
    run_to(fresh, at(RunStarted, 0, 0))
    second = Training(experiment)
    second.load_state({**first.state(), dropped: fresh.state()[dropped]})
    list(second.events())
    assert not same(timeless(second)["model"], timeless(whole)["model"])


def test_a_finished_run_goes_on_with_more_epochs(small: Any, same: Any, timeless: Any) -> None:
    """Two epochs and then one more are three."""
    whole, short, longer = (Training(small(MODEL, "adam", epochs=epochs)) for epochs in (3, 2, 3))
    list(whole.events())
    list(short.events())
    longer.load_state(short.state())
    events = list(longer.events())
    started = next(event for event in events if isinstance(event, RunStarted))
    assert (started.epoch, started.batch) == (2, 0)
    assert same(timeless(longer), timeless(whole))


def test_events_again_after_the_end_change_nothing(experiment: Experiment, same: Any) -> None:
    """The trained model is not built anew; the run says where it is and that it is completed."""
    training = Training(experiment)
    list(training.events())
    model, state = training.model, training.state()
    again = list(training.events())
    assert [type(event) for event in again] == [RunStarted, RunEnded]
    assert isinstance(again[1], RunEnded)
    assert (again[1].outcome, again[1].epoch, again[1].batch) == ("completed", 3, 0)
    assert training.model is model
    state["seconds"] = training.state()["seconds"]
    assert same(training.state(), state)


def test_closed_at_any_event_the_same_training_can_go_on(small: Any, same: Any, timeless: Any, rows: Any) -> None:
    """Also while data load and in the evaluation: every interruption leaves a consistent state."""
    experiment = small(MODEL, batch_size=500)
    whole = Training(experiment, block_seconds=NEVER)
    expected = list(whole.events())
    for stop in range(len(expected)):
        training = Training(experiment, block_seconds=NEVER)
        events = training.events()
        before = [next(events) for _ in range(stop)]
        events.close()
        after = list(training.events())
        assert rows(before) + rows(after) == rows(expected)
        assert same(timeless(training), timeless(whole))


def test_the_clock_goes_on_where_it_stood(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the pause nor the reading of the data counts, and an epoch's time has both its parts."""
    now = [0.0]

    def tick() -> float:
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr("desktop_trainer.engine.stopwatch.perf_counter", tick)
    first = Training(experiment)
    run_to(first, at(Evaluating, 1, 1))
    state = first.state()
    began, trained = state["seconds"][1:]
    now[0] += 1e6
    second = Training(experiment)
    second.load_state(state)
    ended = next(event for event in second.events() if isinstance(event, EpochEnded))
    assert ended.seconds < 1000
    assert ended.seconds > trained - began
    assert ended.examples_per_second == 1500 / (trained - began)
