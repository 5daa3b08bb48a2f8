"""The window as a user works it: with clicks and keys, on data that are there in no time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QMessageBox, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from desktop_trainer import i18n
from desktop_trainer.engine.images.normalization import Statistics
from desktop_trainer.runs.model_file import load_model
from desktop_trainer.runs.run_folder import read_facts
from desktop_trainer.ui.session import RunState

Opener = Callable[..., Any]
DATA = {
    "dataset": {"name": "synthetic", "train_samples": 100, "test_samples": 50, "size": 4, "noise": 0.2},
    "batch_size": 10,
}
SHORT = {"data": DATA, "model": {"name": "mlp", "hidden_sizes": [8]}, "training": {"epochs": 2}}
ENDLESS = {**SHORT, "training": {"epochs": 100_000}}


def click(qtbot: QtBot, window: Any, verb: str) -> None:
    """Click an action's button in the toolbar."""
    button = window.toolbar.widgetForAction(window.actions_[verb])
    assert isinstance(button, QToolButton)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def answer(qtbot: QtBot, window: Any, box: str, button: str) -> None:
    """Click a button of the question that the window is asking."""
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, box) is not None, timeout=30_000)
    found = window.findChild(QMessageBox, box).findChild(QPushButton, button)
    qtbot.mouseClick(found, Qt.MouseButton.LeftButton)


def train(qtbot: QtBot, window: Any) -> Any:
    """Press F5 and wait for the end."""
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
        qtbot.keyClick(window, Qt.Key.Key_F5)
    return caught.args[0]


def until_training(qtbot: QtBot, window: Any) -> None:
    qtbot.waitUntil(lambda: records(window) > 0, timeout=60_000)


def records(window: Any) -> int:
    """How many batches the curves have heard of."""
    return len(window.curves.series)


def test_start_trains_and_shows_every_batch_and_epoch(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
        click(qtbot, window, "start")
        assert window.session.state is RunState.RUNNING
        assert not window.form.editor("data.batch_size").control.isEnabled()
    assert caught.args[0].outcome == "completed"
    assert records(window) == 20
    assert len(window.curves.series) == 20
    assert window.epochs.model().rowCount() == 2
    lines = window.log.toPlainText()
    assert "epoch 2, loss " in lines
    assert "samples/s on cpu" in lines
    assert "MLP" in window.windowTitle()
    assert window.form.editor("data.batch_size").control.isEnabled()


def test_a_run_knows_the_recipe_it_was_started_from(qtbot: QtBot, open_window: Opener, home: Path) -> None:
    window = open_window()
    assert window.form.recipe == "digits_first_steps"
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        click(qtbot, window, "start")
        until_training(qtbot, window)
        click(qtbot, window, "stop_and_keep")
    (folder,) = (home / "runs").glob("2*")
    assert read_facts(folder).recipe == "digits_first_steps"
    window.form.set_value("data.batch_size", 65)
    assert window.form.recipe == ""


def test_pause_holds_step_does_one_batch_resume_goes_on(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(ENDLESS)
    click(qtbot, window, "start")
    until_training(qtbot, window)
    click(qtbot, window, "pause")
    qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=30_000)
    before = records(window)
    for done in (1, 2, 3):
        qtbot.keyClick(window, Qt.Key.Key_F10)
        qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=30_000)
        assert records(window) == before + done
    click(qtbot, window, "pause")
    qtbot.waitUntil(lambda: records(window) > before + 3, timeout=30_000)


def test_step_without_a_run_does_the_first_batch_of_a_new_one(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    click(qtbot, window, "step")
    qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=60_000)
    assert records(window) == 1


def test_the_first_batch_alone_can_be_seen(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    click(qtbot, window, "step")
    qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=60_000)
    window.curves.draw()
    assert all(len(plot.curves["batch"]._dots) == 1 for plot in window.curves.plots)


def test_stop_and_keep_leaves_a_model_that_can_go_on(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(ENDLESS)
    click(qtbot, window, "start")
    until_training(qtbot, window)
    with qtbot.waitSignal(window.session.ended, timeout=30_000) as caught:
        qtbot.keyClick(window, Qt.Key.Key_F5, Qt.KeyboardModifier.ShiftModifier)
    assert caught.args[0].outcome == "stopped"
    assert Path(caught.args[0].paths["model"]).exists()
    shown = len(window.curves.series)
    window.actions_["continue_run"].trigger()
    qtbot.waitUntil(lambda: len(window.curves.series) > shown, timeout=30_000)


def test_continue_goes_on_to_the_epochs_of_the_form_or_as_many_again(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    train(qtbot, window)
    window.form.set_value("training.epochs", 5)
    for wanted in (5, 10):
        with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
            window.actions_["continue_run"].trigger()
        assert caught.args[0].epoch == wanted
        assert window.form.experiment.training.epochs == wanted


def test_an_examination_normalises_by_the_models_own_numbers(qtbot: QtBot, open_window: Opener) -> None:
    """Not by those of the files as they are now."""
    window = open_window({**SHORT, "data": {**DATA, "normalization": "dataset"}})
    train(qtbot, window)
    accuracies = []
    for statistics in (window.session.model.statistics, Statistics((0.9,), (0.01,))):
        window.session.set_model(replace(window.session.model, statistics=statistics))
        with qtbot.waitSignal(window.files.evaluated, timeout=60_000) as caught:
            window.actions_["evaluate_model"].trigger()
        accuracies.append(caught.args[0].accuracy)
        qtbot.waitUntil(window.actions_["start"].isEnabled, timeout=5_000)
    assert accuracies[0] == window.session.model.metrics["test_accuracy"] != accuracies[1]


def test_discard_asks_and_can_be_undone(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    ended = train(qtbot, window)
    window.actions_["stop_and_discard"].trigger()
    with qtbot.waitSignal(window.session.discarded, timeout=30_000):
        answer(qtbot, window, "ask_discard", "discard")
    assert not Path(ended.paths["run"]).exists()
    assert window.epochs.model().rowCount() == 0
    window.actions_["undo_discard"].trigger()
    assert Path(ended.paths["model"]).exists()
    assert window.epochs.model().rowCount() == 2
    assert len(window.curves.series) == 20


def test_discard_stands_beside_the_safe_buttons_only_while_a_run_is_going_on(qtbot: QtBot, open_window: Opener) -> None:
    """Afterwards one click too many would throw the run away; the menu has it."""
    window = open_window(ENDLESS)
    discard, icons = window.actions_["stop_and_discard"], [window.actions_["pause"].icon().cacheKey()]
    assert discard not in window.toolbar.actions()
    click(qtbot, window, "start")
    until_training(qtbot, window)
    buttons = window.toolbar.actions()
    assert buttons.index(discard) == buttons.index(window.actions_["stop_and_keep"]) + 1
    click(qtbot, window, "pause")
    icons.append(window.actions_["pause"].icon().cacheKey())
    with qtbot.waitSignal(window.session.ended, timeout=30_000):
        click(qtbot, window, "stop_and_keep")
    assert discard not in window.toolbar.actions()
    assert discard.isEnabled()
    assert len({*icons, window.actions_["start"].icon().cacheKey()}) == 3


def test_start_is_disabled_with_the_reason_while_a_setting_is_wrong(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    control = window.form.editor("optimizer.lr").control
    control.setFocus()
    control.selectAll()
    qtbot.keyClicks(control, "-1")
    start = window.actions_["start"]
    assert not start.isEnabled()
    assert "optimizer.lr" in start.toolTip()
    control.selectAll()
    qtbot.keyClicks(control, "0.01")
    assert start.isEnabled()


def test_missing_data_are_said_before_the_run_with_what_to_do(
    qtbot: QtBot, open_window: Opener, tmp_path: Path
) -> None:
    window = open_window({"data": {"dataset": "fashion_mnist", "data_root": str(tmp_path)}})
    click(qtbot, window, "start")
    assert not window.session.active
    assert "Fashion-MNIST" in window.banner.text
    assert str(tmp_path) in window.banner.text
    assert window.banner.findChild(QPushButton, "banner_action").isVisible()


@pytest.mark.parametrize(("button", "kept"), [("close_and_keep", True), ("close_and_discard", False)])
def test_closing_while_training_asks_and_then_closes(
    qtbot: QtBot, open_window: Opener, home: Path, button: str, kept: bool
) -> None:
    window = open_window(ENDLESS)
    click(qtbot, window, "start")
    until_training(qtbot, window)
    window.close()
    assert window.isVisible()
    answer(qtbot, window, "ask_close", button)
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=30_000)
    models = [path for path in (home / "runs").glob("*/model.safetensors") if path.parent.name != ".bin"]
    assert bool(models) is kept


def test_keep_training_keeps_training(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(ENDLESS)
    click(qtbot, window, "start")
    until_training(qtbot, window)
    window.close()
    answer(qtbot, window, "ask_close", "keep_training")
    before = records(window)
    qtbot.waitUntil(lambda: records(window) > before, timeout=30_000)
    assert window.isVisible()


def test_save_and_open_bring_back_model_and_settings(
    qtbot: QtBot, open_window: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(SHORT)
    train(qtbot, window)
    target = tmp_path / "模型 1.safetensors"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    qtbot.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(target.exists, timeout=30_000)
    assert load_model(target).metrics["epoch"] == 2
    other = open_window()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(target), ""))
    with qtbot.waitSignal(other.session.model_changed, timeout=60_000):
        qtbot.keyClick(other, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
    assert other.form.experiment == window.form.experiment
    assert "模型 1.safetensors" in other.banner.text
    with qtbot.waitSignal(other.files.evaluated, timeout=60_000) as caught:
        qtbot.mouseClick(other.banner.findChild(QPushButton, "banner_action"), Qt.MouseButton.LeftButton)
    assert caught.args[0].accuracy == pytest.approx(load_model(target).metrics["test_accuracy"])
    qtbot.waitUntil(other.actions_["continue_run"].isEnabled, timeout=30_000)  # the examination's thread ends
    with qtbot.waitSignal(other.session.ended, timeout=60_000) as ended:
        other.actions_["continue_run"].trigger()
    assert ended.args[0].outcome == "completed"
    recent = other.findChild(QMenu, "recent_models").actions()
    assert [action.text() for action in recent] == ["模型 1.safetensors"]


def test_a_model_is_saved_in_the_middle_of_a_run(
    qtbot: QtBot, open_window: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(ENDLESS)
    click(qtbot, window, "start")
    until_training(qtbot, window)
    target = tmp_path / "now.safetensors"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    click(qtbot, window, "save_model")
    qtbot.waitUntil(target.exists, timeout=30_000)
    assert window.session.state is RunState.RUNNING


def test_export_writes_a_plain_state_dict(
    qtbot: QtBot, open_window: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    window = open_window(SHORT)
    train(qtbot, window)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "plain.pt"), ""))
    window.actions_["export_model"].trigger()
    qtbot.waitUntil((tmp_path / "plain.pt").exists, timeout=30_000)
    weights = torch.load(tmp_path / "plain.pt", weights_only=True)
    assert set(weights) == set(window.session.model.weights)


def test_a_model_that_is_being_written_is_whole_when_the_window_has_closed(
    qtbot: QtBot, open_window: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(SHORT)
    train(qtbot, window)
    target = tmp_path / "late.safetensors"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    click(qtbot, window, "save_model")
    window.close()
    assert load_model(target).metrics["epoch"] == 2


def test_a_model_that_cannot_be_written_is_said(
    qtbot: QtBot, open_window: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(SHORT)
    train(qtbot, window)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "none" / "a.safetensors"), ""))
    click(qtbot, window, "save_model")
    qtbot.waitUntil(lambda: "There is no such folder" in window.banner.text, timeout=30_000)
    assert window.preferences.recent_models == []


def test_a_file_that_is_no_model_changes_nothing(qtbot: QtBot, open_window: Opener, tmp_path: Path) -> None:
    window = open_window(SHORT)
    train(qtbot, window)
    model, experiment = window.session.model, window.form.experiment
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"\xff" * 100)
    window.files.load(wrong, experiment)
    qtbot.waitUntil(lambda: "wrong.safetensors" in window.banner.text, timeout=60_000)
    assert window.session.model is model
    assert window.form.experiment is experiment
    window.banner.findChild(QPushButton, "copy_details").click()
    assert "Traceback" in QApplication.clipboard().text()


def test_a_model_dropped_on_the_window_is_opened(qtbot: QtBot, open_window: Opener, tmp_path: Path) -> None:
    ended = train(qtbot, open_window(SHORT))
    window = open_window(SHORT)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(ended.paths["model"])])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, left, none)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    with qtbot.waitSignal(window.files.loaded, timeout=60_000):
        window.dropEvent(QDropEvent(QPointF(5, 5), copy, data, left, none))
    assert window.session.model is not None


def test_the_language_changes_at_once_and_comes_back_at_the_next_start(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(SHORT)
    window.findChild(QAction, "language_zh_CN").trigger()
    qtbot.waitUntil(lambda: window.actions_["start"].text() != "&Start", timeout=5_000)
    assert i18n.language() == "zh_CN"
    assert window.tabs.tabText(0) == "各轮"
    assert open_window(SHORT).actions_["start"].text() == window.actions_["start"].text()
    window.findChild(QAction, "language_en").trigger()
    qtbot.waitUntil(lambda: window.actions_["start"].text() == "&Start", timeout=5_000)


@pytest.mark.parametrize(("theme", "dark"), [("dark", True), ("light", False)])
def test_the_theme_changes_at_once(qtbot: QtBot, open_window: Opener, theme: str, dark: bool) -> None:
    window = open_window(SHORT)
    window.findChild(QAction, f"theme_{theme}").trigger()
    qtbot.waitUntil(lambda: (window.palette().window().color().lightness() < 128) is dark, timeout=5_000)


def test_the_named_parts_are_there(open_window: Opener) -> None:
    window = open_window(SHORT)
    for name in (
        "loss_plot",
        "accuracy_plot",
        "batch_plan",
        "log",
        "epochs",
        "data.batch_size",
        "data.dataset",
        "model",
    ):
        assert window.findChild(QWidget, name) is not None, name
    verbs = ("start", "pause", "step", "stop_and_keep", "stop_and_discard", "save_model", "load_model")
    assert all(window.findChild(QAction, verb) is not None for verb in verbs)


def test_the_window_can_be_as_small_as_promised(open_window: Opener) -> None:
    window = open_window(SHORT)
    window.resize(1024, 640)
    assert (window.width(), window.height()) == (1024, 640)


def test_the_first_field_of_the_form_has_the_focus(open_window: Opener) -> None:
    window = open_window(SHORT)
    assert QApplication.focusWidget() is window.findChild(QWidget, "recipe")
