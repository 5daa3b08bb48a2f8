"""What the window says when a run did not end well, and what its button then does."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from desktop_trainer import folders
from desktop_trainer.engine.events import RunEnded
from desktop_trainer.report import next_steps
from desktop_trainer.runs.checkpoint_folders import checkpoints
from desktop_trainer.runs.files import Disk
from desktop_trainer.runs.history import read_journal
from desktop_trainer.runs.journal import Journal
from desktop_trainer.runs.run_folder import EVENTS
from desktop_trainer.ui.session import RunState
from tests.runs.conftest import epoch_ended, make_run
from tests.ui.conftest import Opener, child

RUN = {
    "data": {"dataset": {"name": "synthetic", "train_samples": 40, "test_samples": 8, "size": 4}, "batch_size": 8},
    "model": {"name": "softmax"},
    "optimizer": {"name": "sgd", "lr": 0.1},
    "training": {"epochs": 2},
    "device": {"name": "cpu", "threads": 1},
}

DEEP = {"model": {"name": "mlp", "hidden_sizes": [8, 8, 8]}}
ENDS = [
    pytest.param(1e12, "diverged", "error", ("training diverged", "smaller learning rate"), id="diverged"),
    pytest.param(1e-30, "early_stopped", "info", ("best after epoch 1", "set the patience higher"), id="stopped early"),
]


def train(qtbot: QtBot, window: Any) -> RunEnded:
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as ended:
        window.actions_["start"].trigger()
    return ended.args[0]  # type: ignore[no-any-return]


def press(qtbot: QtBot, window: Any) -> None:
    qtbot.mouseClick(child(window, QPushButton, "banner_action"), Qt.MouseButton.LeftButton)


def the_run() -> Path:
    (folder,) = (path for path in folders.runs().iterdir() if not path.name.startswith("."))
    return folder


def cut_off(folder: Path, before: str) -> None:
    """Make the run in `folder` one that ended before it could write the first line of the kind `before`."""
    lines = (folder / EVENTS).read_text().splitlines(keepends=True)
    kinds = [json.loads(line)["kind"] for line in lines]
    (folder / EVENTS).write_text("".join(lines[: kinds.index(before)]))


@pytest.mark.parametrize(("lr", "outcome", "kind", "words"), ENDS)
def test_the_banner_says_why_and_what_to_do_next(
    qtbot: QtBot, open_window: Opener, lr: float, outcome: str, kind: str, words: tuple[str, str]
) -> None:
    training = {"epochs": 9, "patience": 1}
    window = open_window({**RUN, **DEEP, "optimizer": {"name": "sgd", "lr": lr}, "training": training})
    assert train(qtbot, window).outcome == outcome
    assert window.banner.property("kind") == kind
    for word in words:
        assert word in window.banner.text
        assert word in window.log.toPlainText()


def test_a_run_that_needs_too_much_memory_goes_on_in_smaller_parts(
    qtbot: QtBot, open_window: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps stay the same: it is the same run."""
    import torch

    from desktop_trainer.engine.step import Step

    def step(self: Step, images: torch.Tensor, labels: torch.Tensor) -> Any:
        if self.parts == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return whole(self, images, labels)

    whole = Step.__call__
    monkeypatch.setattr(Step, "__call__", step)
    window = open_window(RUN)
    assert train(qtbot, window).outcome == "failed"
    assert "20.00 GiB" in window.banner.text
    folder = the_run()
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as ended:
        press(qtbot, window)
    assert ended.args[0].outcome == "completed"
    assert the_run() == folder
    assert window.form.experiment.training.batch_parts == 2


def test_a_diverged_run_goes_back_with_a_smaller_learning_rate(
    qtbot: QtBot, open_window: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the last checkpoints are of parameters that nothing helps any more."""
    monkeypatch.setattr(next_steps, "SMALLER", 1e-13)
    hot = {"optimizer": {"name": "sgd", "lr": 1e12}, "training": {"epochs": 9}, "saving": {"every_batches": 1}}
    window = open_window({**RUN, **DEEP, **hot})
    assert train(qtbot, window).outcome == "diverged"
    assert "diverged" in window.banner.text
    folder = the_run()
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as ended:
        press(qtbot, window)
    assert ended.args[0].outcome == "completed"
    assert the_run() == folder
    assert window.form.experiment.optimizer.lr == 0.1
    assert window.session.model.experiment.optimizer.lr == 0.1


def test_a_run_that_was_interrupted_is_told_of_at_the_next_start_and_goes_on(qtbot: QtBot, open_window: Opener) -> None:
    first = open_window(RUN)
    train(qtbot, first)
    straight = first.session.model.weights
    first.close()
    cut_off(the_run(), "ended")
    again = open_window(RUN)
    qtbot.waitUntil(lambda: "was interrupted in epoch" in again.banner.text, timeout=30_000)
    assert the_run().name in again.banner.text
    assert again.session.state is RunState.IDLE
    with qtbot.waitSignal(again.session.ended, timeout=60_000) as ended:
        press(qtbot, again)
    assert ended.args[0].outcome == "completed"
    assert again.form.experiment.training.epochs == 2
    assert all(straight[name].equal(tensor) for name, tensor in again.session.model.weights.items())
    assert [event.epoch for event in again.curves.series.epochs] == [1, 2]
    assert [event.epoch for event in read_journal(the_run()).epochs] == [1, 2]


def told(qtbot: QtBot, window: Any) -> str:
    """What the window says of interrupted runs when it has looked for them."""
    qtbot.waitUntil(lambda: window.ends._looking is None, timeout=30_000)
    return str(window.banner.text)


def dismiss(qtbot: QtBot, window: Any) -> None:
    qtbot.mouseClick(child(window, QToolButton, "close_banner"), Qt.MouseButton.LeftButton)
    window.close()


def interrupted_run(folder: Path, *, epochs: int = 1) -> Path:
    """A run that was interrupted after so many epochs, with something like a checkpoint of its first."""
    make_run(folder, outcome="", accuracies=(0.5,) * epochs)
    checkpoint = folder / "checkpoints" / "0001 epoch 1 batch 0"
    checkpoint.mkdir(parents=True)
    (checkpoint / "manifest.json").write_text('{"format": 1, "files": {}}')
    return folder


def test_an_interrupted_run_is_told_of_until_that_was_read_and_again_after_the_next_crash(
    qtbot: QtBot, open_window: Opener, home: Path
) -> None:
    run = interrupted_run(home / "runs" / "mine")
    for _ in range(2):
        window = open_window(RUN)
        assert "mine was interrupted" in told(qtbot, window)
        window.close()
    again = open_window(RUN)
    told(qtbot, again)
    dismiss(qtbot, again)
    read = open_window(RUN)
    assert told(qtbot, read) == ""
    read.close()
    journal = Journal(run)
    journal.write(epoch_ended(2))
    journal.close()
    assert "mine was interrupted" in told(qtbot, open_window(RUN))


def test_of_several_interrupted_runs_the_newest_is_told_of_and_the_others_are_counted(
    qtbot: QtBot, open_window: Opener, home: Path
) -> None:
    for name in ("one", "two", "three"):
        interrupted_run(home / "runs" / name)
    window = open_window(RUN)
    assert "beside it: 2." in told(qtbot, window)
    dismiss(qtbot, window)
    interrupted_run(home / "runs" / "four")
    later = open_window(RUN)
    assert "four was interrupted" in told(qtbot, later)
    assert "beside it" not in later.banner.text


def test_a_run_that_failed_is_resumed_where_it_was_saved(
    qtbot: QtBot, open_window: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_trainer.engine.evaluation import Evaluation

    window = open_window(RUN)
    with monkeypatch.context() as broken:
        broken.setattr(Evaluation, "means", lambda _self: 1 / 0)
        assert train(qtbot, window).outcome == "failed"
    assert "ZeroDivisionError" in window.banner.text
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as ended:
        press(qtbot, window)
    assert ended.args[0].outcome == "completed"


def test_a_run_whose_folder_is_gone_cannot_go_on_and_that_is_said(open_window: Opener, tmp_path: Path) -> None:
    window = open_window(RUN)
    window.ends.resume(tmp_path / "no such run")
    assert "cannot go on" in window.banner.text
    assert window.session.state is RunState.IDLE


def test_at_logout_the_run_is_kept_at_once(qtbot: QtBot, open_window: Opener) -> None:
    """Nobody can be asked then, and the events of the window may never be delivered."""
    window = open_window({**RUN, "training": {"epochs": 100_000}})
    window.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(window.curves.series.epochs) > 0, timeout=60_000)
    window.on_logout(None)
    ended = read_journal(the_run()).ended
    assert ended is not None
    assert ended.outcome == "stopped"
    qtbot.waitUntil(lambda: not window.session.active, timeout=30_000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_at_start(qtbot: QtBot, open_window: Opener, home: Path) -> None:
    (home / "runs").mkdir(parents=True)
    (home / "runs").chmod(0o500)
    window = open_window(RUN)
    with qtbot.waitSignal(window.session.failed, timeout=60_000):
        window.actions_["start"].trigger()
    assert "cannot be made" in window.banner.text


def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the disk has no room."""

    def no_room(_self: Disk, _file: object, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Disk, "write", no_room)


@pytest.mark.parametrize("how", ["stop", "close"])
def test_a_run_that_cannot_be_saved_does_not_end(
    qtbot: QtBot, open_window: Opener, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Neither by Stop and keep nor by closing the window: it waits for room, and is whole then."""
    window = open_window({**RUN, "training": {"epochs": 100_000}})
    window.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(window.curves.series.epochs) > 0, timeout=60_000)
    with monkeypatch.context() as no_room:
        full(no_room)
        if how == "stop":
            window.actions_["stop_and_keep"].trigger()
        else:
            window.close()
            qtbot.mouseClick(child(window, QPushButton, "close_and_keep"), Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=30_000)
        assert "could not be saved" in window.banner.text
        assert window.isVisible()
        assert not window.closing.may_close()
        child(window, QPushButton, "keep_training").click()
    with qtbot.waitSignal(window.session.ended, timeout=30_000) as ended:
        window.actions_["stop_and_keep"].trigger()
    assert ended.args[0].outcome == "stopped"
    history = read_journal(the_run())
    assert history.ended is not None
    assert history.position == (ended.args[0].epoch, ended.args[0].batch)
    assert sum(map(len, history.records)) == 5 * ended.args[0].epoch + ended.args[0].batch


def test_a_run_that_cannot_be_saved_can_be_discarded(
    qtbot: QtBot, open_window: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window({**RUN, "training": {"epochs": 100_000}})
    window.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(window.curves.series.epochs) > 0, timeout=60_000)
    with monkeypatch.context() as no_room:
        full(no_room)
        window.actions_["stop_and_keep"].trigger()
        qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=30_000)
        with qtbot.waitSignal(window.session.ended, timeout=30_000):
            window.session.stop(discard=True)
    qtbot.waitUntil(lambda: not window.session.active)


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no file that is open")
def test_a_folder_that_is_deleted_during_its_run_is_told_in_the_banner_and_the_log(
    qtbot: QtBot, open_window: Opener
) -> None:
    window = open_window({**RUN, "training": {"epochs": 100_000}})
    window.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(window.curves.series.epochs) > 0, timeout=60_000)
    window.session.pause()
    folder = the_run()
    qtbot.waitUntil(lambda: len(checkpoints(folder)) == 2, timeout=30_000)  # now nothing is being written
    shutil.rmtree(folder)
    window.session.resume()
    qtbot.waitUntil(lambda: "was deleted while the run was" in window.banner.text, timeout=30_000)
    with qtbot.waitSignal(window.session.ended, timeout=30_000) as ended:
        window.actions_["stop_and_keep"].trigger()
    assert ended.args[0].outcome == "stopped"
    assert "was deleted while the run was" in window.log.toPlainText()
    assert read_journal(folder).ended is not None
