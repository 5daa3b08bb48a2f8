"""The training thread obeys between two events, whatever the run is doing."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from desktop_trainer.engine.events import BatchEnded, Event
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs.recording import Recording
from desktop_trainer.ui.thread import Command, IteratorThread, TrainingThread

VALUES = {
    "data": {"dataset": {"name": "synthetic", "train_samples": 100, "test_samples": 50, "size": 4}, "batch_size": 10},
    "training": {"epochs": 3},
}


@pytest.fixture
def make_thread(
    tmp_path: Path, qtbot: QtBot
) -> Generator[Callable[..., tuple[TrainingThread, list[Event]]], None, None]:
    threads: list[TrainingThread] = []

    def make(epochs: int = 3, **options: Any) -> tuple[TrainingThread, list[Event]]:
        values = {**VALUES, "training": {"epochs": epochs}}
        thread = TrainingThread(lambda: Recording(Training(parse_experiment(values)), tmp_path), **options)
        seen: list[Event] = []
        thread.happened.connect(seen.append)
        threads.append(thread)
        return thread, seen

    yield make
    for thread in threads:
        thread.tell(Command.STOP)
        thread.wait()
        thread.deleteLater()


def batches(events: list[Event]) -> list[int]:
    """The global numbers of the batches whose records came."""
    blocks = [event.records for event in events if isinstance(event, BatchEnded) and event.records is not None]
    return [(block.epoch - 1) * 10 + block.first + index for block in blocks for index in range(len(block))]


def test_every_batch_of_a_run_arrives_once_and_in_order(qtbot: QtBot, make_thread: Any) -> None:
    thread, seen = make_thread()
    with qtbot.waitSignal(thread.finished, timeout=30_000):
        thread.start()
    assert batches(seen) == list(range(1, 31))
    assert thread.recording.ended.outcome == "completed"


def test_a_thread_begun_with_a_step_holds_after_one_batch_and_steps_on(qtbot: QtBot, make_thread: Any) -> None:
    thread, seen = make_thread(step=True)
    for wanted in range(1, 13):  # over the end of the first epoch
        with qtbot.waitSignal(thread.held, timeout=30_000):
            thread.start() if wanted == 1 else thread.tell(Command.STEP)
        assert batches(seen) == list(range(1, wanted + 1))


def test_pause_holds_with_all_records_shown_and_resume_goes_on(qtbot: QtBot, make_thread: Any) -> None:
    thread, seen = make_thread(epochs=2000)
    with qtbot.waitSignal(thread.happened, timeout=30_000):
        thread.start()
    with qtbot.waitSignal(thread.held, timeout=30_000):
        thread.tell(Command.PAUSE)
    training = thread.recording.training
    assert len(batches(seen)) == 10 * training.epoch + training.batch
    count = len(seen)
    qtbot.wait(50)
    assert len(seen) == count
    with qtbot.waitSignal(thread.happened, timeout=30_000):
        thread.tell(Command.RESUME)


def test_a_snapshot_can_be_had_while_running_and_while_held(qtbot: QtBot, make_thread: Any) -> None:
    thread, _ = make_thread(epochs=2000, step=True)
    with qtbot.waitSignal(thread.held, timeout=30_000):
        thread.start()
    for command in (Command.SNAPSHOT, Command.RESUME):
        if command is Command.RESUME:
            thread.tell(command)
        with qtbot.waitSignal(thread.snapshot, timeout=30_000) as caught:
            thread.tell(Command.SNAPSHOT)
        assert set(caught.args[0].weights) == set(thread.recording.training.model.state_dict())


def test_an_exception_crosses_the_thread_as_an_object(qtbot: QtBot) -> None:
    def make() -> Recording:
        raise ZeroDivisionError("of the run")

    thread = TrainingThread(make)
    with qtbot.waitSignals([thread.failed, thread.finished], timeout=30_000):
        thread.start()
    assert thread.recording is None


def test_an_iterator_is_pulled_in_the_thread_and_closed_when_stopped(qtbot: QtBot) -> None:
    where: list[object] = []
    closed: list[bool] = []

    def numbers() -> Generator[int, None, None]:
        try:
            where.append(QThread.currentThread())
            for number in range(1_000_000):
                yield number
                QThread.msleep(1)
        finally:
            closed.append(True)

    thread = IteratorThread(numbers)
    with qtbot.waitSignal(thread.item, timeout=30_000):
        thread.start()
    with qtbot.waitSignal(thread.finished, timeout=30_000):
        thread.stop()
    assert closed == [True]
    assert where == [thread]
