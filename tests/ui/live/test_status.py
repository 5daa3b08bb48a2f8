"""What is said of a run at a glance: in words, never contradicting itself, in every state there is."""

import numpy as np
import pytest

from desktop_trainer.engine.events import (
    BatchEnded,
    EpochEnded,
    Evaluating,
    Event,
    Loading,
    Records,
    RunEnded,
    RunStarted,
)
from desktop_trainer.ui.live.status import Status
from desktop_trainer.ui.session import RunState

STARTED = RunStarted(60_000, 10_000, 235, 40, 96, 10, "cpu", 1, "in memory", 44_426, 0, 0)


def batches(epoch: int, first: int, last: int, loss: float = 0.52519) -> BatchEnded:
    count = last - first + 1
    numbers = np.full(count, 256, np.int32)
    seconds = np.arange(first, last + 1, dtype=np.float64) + 1000 * epoch
    lr, losses = np.full(count, 0.1, np.float32), np.full(count, loss, np.float32)
    return BatchEnded(epoch, last, Records(epoch, first, losses, numbers // 2, numbers, lr, seconds))


def ended(outcome: str, epoch: int, batch: int) -> RunEnded:
    return RunEnded(outcome, epoch, batch, 83.2)


def after(*said: Event, state: RunState = RunState.RUNNING) -> Status:
    status = Status()
    status.begin()
    for event in said:
        status.take(event)
    status.state = state
    return status


def epoch_end(epoch: int) -> EpochEnded:
    return EpochEnded(epoch, 0.5, 0.8, 0.4, 0.9, 250.0, 260.0)


def test_a_run_in_training_says_where_it_is_how_fast_and_its_last_figures() -> None:
    status = after(STARTED, batches(1, 1, 235), epoch_end(1), batches(2, 1, 64))
    texts = status.texts()
    assert {name: texts[name] for name in ("state", "epoch", "batch", "share")} == {
        "state": "Training",
        "epoch": "epoch 2/10",
        "batch": "batch 64/235",
        "share": "12 %",
    }
    assert (texts["rate"], texts["device"], texts["loss"], texts["accuracy"]) == (
        "256 samples/s",
        "cpu",
        "loss 0.5252",
        "acc 0.500",
    )
    assert texts["time"].endswith(" left")


@pytest.mark.parametrize(
    ("state", "word"),
    [(RunState.PAUSING, "Pausing…"), (RunState.PAUSED, "Paused"), (RunState.STOPPING, "Stopping…")],
)
def test_a_run_that_is_held_keeps_its_figures(state: RunState, word: str) -> None:
    said = STARTED, batches(1, 1, 64)
    running, held = after(*said).texts(), after(*said, state=state).texts()
    assert held == {**running, "state": word}


def test_the_test_pass_of_an_epoch_is_counted_in_test_batches_and_the_run_is_no_further() -> None:
    texts = after(STARTED, batches(1, 1, 235), Evaluating(1, 3, 40)).texts()
    assert (texts["state"], texts["epoch"], texts["batch"], texts["share"]) == (
        "Evaluating",
        "epoch 1/10",
        "test batch 3/40",
        "10 %",
    )


def test_an_examination_beside_the_runs_has_a_share_of_its_own() -> None:
    status = after(STARTED, batches(1, 1, 64), state=RunState.IDLE)
    status.take(Evaluating(0, 10, 40))
    assert status.texts() == {"state": "Evaluating", "batch": "test batch 10/40", "share": "25 %"}
    assert status.share == 0.25


def test_what_is_loading_is_said_instead_of_figures() -> None:
    assert after(Loading("Reading Fashion-MNIST", 1, 2)).texts() == {
        "state": "Loading",
        "doing": "Reading Fashion-MNIST",
    }


def test_what_is_loading_beside_a_run_that_ended_has_no_share_of_it() -> None:
    status = after(STARTED, batches(1, 1, 64), state=RunState.IDLE)
    status.take(Loading("", 0, 0))
    assert (status.share, status.texts()) == (0.0, {"state": "Loading"})


def test_a_run_that_has_just_begun_is_loading() -> None:
    assert after().texts() == {"state": "Loading"}


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (ended("completed", 10, 0), ("Finished", "epoch 10/10", "batch 235/235", "100 %")),
        (ended("early_stopped", 4, 0), ("Stopped early at", "epoch 4/10", "batch 235/235", "40 %")),
        (ended("stopped", 3, 64), ("Stopped at", "epoch 4/10", "batch 64/235", "40 %")),
        (ended("diverged", 3, 64), ("Diverged at", "epoch 4/10", "batch 64/235", "40 %")),
        (ended("failed", 0, 0), ("Failed at", "epoch 1/10", "batch 0/235", "40 %")),
    ],
)
def test_a_run_that_ended_says_how_and_where(end: RunEnded, expected: tuple[str, ...]) -> None:
    status = after(STARTED, batches(4, 1, 235), epoch_end(4), state=RunState.IDLE)
    assert status.run is not None
    status.run.ended = end
    texts = status.texts()
    assert (texts["state"], texts["epoch"], texts["batch"], texts["share"]) == expected
    assert texts["time"] == "took 1:23"


def test_a_hundred_percent_are_not_said_before_the_end() -> None:
    assert after(STARTED, batches(10, 1, 234)).texts()["share"] == "99 %"


def test_a_run_that_goes_on_keeps_its_last_figures_until_it_has_others() -> None:
    again = RunStarted(60_000, 10_000, 235, 40, 96, 10, "cpu", 1, "in memory", 44_426, 1, 64)
    texts = after(STARTED, batches(1, 1, 64, 0.7), again).texts()
    assert (texts["epoch"], texts["batch"], texts["loss"]) == ("epoch 2/10", "batch 64/235", "loss 0.7000")


def test_a_loss_that_exploded_stays_readable() -> None:
    assert after(STARTED, batches(1, 1, 64, 3.2e31)).texts()["loss"] == "loss 3.2e+31"


def test_without_a_run_it_is_ready() -> None:
    assert Status().texts() == {"state": "Ready"}
