"""The training thread obeys between two events, whatever the run is doing."""

import errno
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from desktop_trainer.engine.events import BatchEnded, Event
from desktop_trainer.engine.training import Training
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.runs import retrying
from desktop_trainer.runs.checkpoint import newest_checkpoint
from desktop_trainer.runs.checkpoint_folders import checkpoints
from desktop_trainer.runs.events import SaveProblem
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.recording import Recording
from desktop_trainer.runs.resume import reopen
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


class FullDisk(Disk):
    """Has no room for a checkpoint while `full`."""

    def __init__(self) -> None:
        self.full = False

    def make_folder(self, path: Path) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        super().make_folder(path)


def saved_thread(folder: Path, disk: Disk | None = None, every_batches: int = 0, **options: Any) -> TrainingThread:
    """A thread with an endless run in `folder`."""
    saving = {"every_minutes": 0, "every_batches": every_batches}
    values = {**VALUES, "training": {"epochs": 2000}, "saving": saving}
    return TrainingThread(lambda: Recording(Training(parse_experiment(values)), folder, disk=disk), **options)


def test_a_save_that_fails_holds_the_run_and_resume_tries_again(qtbot: QtBot, tmp_path: Path) -> None:
    disk = FullDisk()
    thread = saved_thread(tmp_path, disk, every_batches=1, step=True)
    seen: list[Any] = []
    thread.happened.connect(seen.append)
    with qtbot.waitSignal(thread.held, timeout=30_000):
        thread.start()
    disk.full = True
    for tries in (1, 2):
        with qtbot.waitSignal(thread.held, timeout=30_000):
            thread.tell(Command.RESUME)
        problems = [event for event in seen if isinstance(event, SaveProblem)]
        assert len(problems) == tries
        assert "disk is full" in problems[-1].reason
        assert thread.recording is not None
        assert (thread.recording.training.epoch, thread.recording.training.batch) == (0, 2)
    disk.full = False
    with qtbot.waitSignal(thread.held, timeout=30_000):
        thread.tell(Command.STEP)
    assert batches(seen) in ([1, 2], [1, 2, 3])
    assert newest_checkpoint(tmp_path).state["batch"] >= 2
    thread.tell(Command.STOP)
    thread.wait()


def test_a_write_that_is_refused_for_a_moment_does_not_hold_the_run(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a virus scanner holds new files, every night, and nobody is there to click."""

    class Scanned(Disk):
        refused: ClassVar[set[str]] = set()

        def make_folder(self, path: Path) -> None:
            if path.name[0] == "0" and path.name not in self.refused:
                self.refused.add(path.name)
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            super().make_folder(path)

    monkeypatch.setattr(retrying, "PAUSES", (0.0, 0.0))
    thread = saved_thread(tmp_path, Scanned(), every_batches=1)
    seen: list[Any] = []
    thread.happened.connect(seen.append)
    thread.start()
    qtbot.waitUntil(lambda: len(batches(seen)) > 20, timeout=30_000)
    thread.tell(Command.STOP)
    thread.wait()
    assert len(Scanned.refused) > 3
    assert not any(isinstance(event, SaveProblem) for event in seen)
    assert checkpoints(tmp_path)


def test_a_run_that_is_held_is_saved_there(qtbot: QtBot, tmp_path: Path) -> None:
    thread = saved_thread(tmp_path, step=True)
    with qtbot.waitSignal(thread.held, timeout=30_000):
        thread.start()
    qtbot.waitUntil(lambda: len(checkpoints(tmp_path)) == 2, timeout=30_000)
    assert checkpoints(tmp_path)[-1] == "0002 epoch 0 batch 1"
    thread.tell(Command.STOP)
    thread.wait()


def test_a_run_that_goes_on_tells_its_history_first(qtbot: QtBot, tmp_path: Path) -> None:
    first = saved_thread(tmp_path, step=True)
    with qtbot.waitSignal(first.held, timeout=30_000):
        first.start()
    first.tell(Command.STOP)
    first.wait()
    again = TrainingThread(lambda: reopen(tmp_path), step=True, replay=True)
    past: list[Event] = []
    seen: list[Event] = []
    again.replayed.connect(past.append)
    again.happened.connect(seen.append)
    with qtbot.waitSignal(again.held, timeout=30_000):
        again.start()
    assert batches(past) == [1]
    assert batches(seen) == [2]
    again.tell(Command.STOP)
    again.wait()
