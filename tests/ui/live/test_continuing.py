"""To continue a run is one act, wherever it is asked for: what differs is shown, asked for once, marked and kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QFileDialog, QMessageBox, QPushButton, QTableWidget
from pytestqt.qtbot import QtBot

from desktop_trainer import folders
from desktop_trainer.experiment.problems import parse_experiment
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.report.series import Axis
from desktop_trainer.runs.history import read_journal
from desktop_trainer.runs.run_folder import EVENTS, LOG, read_facts, write_experiment, write_facts
from desktop_trainer.ui.session import RunState
from tests.runs.conftest import make_run
from tests.ui.conftest import Opener, child

RUN: dict[str, Any] = {
    "data": {"dataset": {"name": "synthetic", "train_samples": 40, "test_samples": 8, "size": 4}, "batch_size": 8},
    "model": {"name": "softmax"},
    "optimizer": {"name": "sgd", "lr": 0.1},
    "training": {"epochs": 2},
    "device": {"name": "cpu", "threads": 1},
}
ENDLESS = {**RUN, "training": {"epochs": 100_000}}


def the_run() -> Path:
    (folder,) = (path for path in folders.runs().iterdir() if not path.name.startswith("."))
    return folder


def stopped(qtbot: QtBot, window: Any) -> Any:
    """A run of the window that was stopped."""
    window.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(window.curves.series) > 3, timeout=60_000)
    stop(qtbot, window)
    return window


def stop(qtbot: QtBot, window: Any) -> None:
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["stop_and_keep"].trigger()


def paused(qtbot: QtBot, window: Any) -> Any:
    window.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(window.curves.series) > 3, timeout=60_000)
    pause(qtbot, window)
    return window


def pause(qtbot: QtBot, window: Any) -> None:
    window.actions_["pause"].trigger()
    qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=60_000)


def trained_more(qtbot: QtBot, window: Any) -> None:
    before = len(window.curves.series)
    qtbot.waitUntil(lambda: len(window.curves.series) > before + 3, timeout=60_000)


def rows(dialog: QDialog) -> list[list[str]]:
    table = child(dialog, QTableWidget, "continue_table")
    return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount())]


def asked(window: Any) -> QDialog:
    dialog: QDialog = child(window, QDialog, "continue_dialog")
    return dialog


def answer(qtbot: QtBot, window: Any, button: str) -> None:
    qtbot.mouseClick(child(asked(window), QPushButton, button), Qt.MouseButton.LeftButton)


def default(window: Any) -> str:
    """The button that Enter presses."""
    (button,) = (button for button in asked(window).findChildren(QPushButton) if button.isDefault())
    return button.objectName()


def of_form(window: Any) -> Experiment:
    experiment: Experiment = window.form.experiment
    return experiment


def test_without_a_difference_nobody_is_asked(qtbot: QtBot, open_window: Opener) -> None:
    window = stopped(qtbot, open_window(ENDLESS))
    window.actions_["continue_run"].trigger()
    assert window.session.active
    assert window.findChild(QDialog, "continue_dialog") is None
    trained_more(qtbot, window)


def test_what_differs_is_shown_and_what_can_change_is_taken_over_and_marked(qtbot: QtBot, open_window: Opener) -> None:
    """Form, run, curve, log and journal then say the same."""
    window = stopped(qtbot, open_window(ENDLESS))
    window.form.set_value("optimizer.lr", 0.05)
    window.form.set_value("data.batch_size", 4)
    window.actions_["continue_run"].trigger()
    assert not window.session.active
    assert rows(asked(window)) == [["Learning rate", "0.1", "0.05", "yes"], ["Batch size", "8", "4", "no"]]
    assert default(window) == "continue_unchanged", "the form is of another run"
    done = len(window.curves.series)
    answer(qtbot, window, "continue_changed")
    trained_more(qtbot, window)
    assert (of_form(window).optimizer.lr, of_form(window).data.batch_size) == (0.05, 8)
    assert window.session.experiment == of_form(window)
    assert window.curves.series.lr.values[-1] == pytest.approx(0.05)
    ((place, text),) = window.curves.series.change_points(Axis.BATCHES)
    assert (place, text) == (done, "lr 0.05")
    line = "Learning rate 0.1 → 0.05"
    assert line in window.log.toPlainText()
    assert line in (the_run() / LOG).read_text(encoding="utf-8")
    assert read_journal(the_run()).starts[-1].changes == ("optimizer.lr",)


def test_return_leaves_a_run_as_it_was_where_the_form_is_of_another_one(qtbot: QtBot, open_window: Opener) -> None:
    """What the form offers to change was meant for that other run."""
    window = stopped(qtbot, open_window(ENDLESS))
    window.form.set_value("optimizer.lr", 0.05)
    window.form.set_value("model", "mlp")
    window.actions_["continue_run"].trigger()
    dialog = asked(window)
    assert ["Model", "Softmax regression", "MLP (multilayer perceptron)", "no"] in rows(dialog)
    default = child(dialog, QPushButton, "continue_unchanged")
    qtbot.waitUntil(dialog.isVisible, timeout=30_000)
    assert default.isDefault()
    assert dialog.focusWidget() is default
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    trained_more(qtbot, window)
    assert of_form(window).optimizer.lr == 0.1


def test_the_answer_can_be_to_go_on_as_it_was_or_not_at_all(qtbot: QtBot, open_window: Opener) -> None:
    """The form then shows what is trained; Edit, Undo brings back what it had."""
    window = stopped(qtbot, open_window(ENDLESS))
    window.form.set_value("optimizer.lr", 0.05)
    window.actions_["continue_run"].trigger()
    answer(qtbot, window, "continue_cancel")
    assert not window.session.active
    assert of_form(window).optimizer.lr == 0.05
    qtbot.waitUntil(lambda: window.findChild(QDialog, "continue_dialog") is None, timeout=30_000)
    window.actions_["continue_run"].trigger()
    answer(qtbot, window, "continue_unchanged")
    trained_more(qtbot, window)
    assert of_form(window).optimizer.lr == 0.1
    assert not window.curves.series.changes
    stop(qtbot, window)
    window.actions_["undo"].trigger()
    assert of_form(window).optimizer.lr == 0.05


def test_the_panel_of_the_runs_asks_the_same(qtbot: QtBot, open_window: Opener) -> None:
    window = stopped(qtbot, open_window(ENDLESS))
    window.form.set_value("optimizer.lr", 0.05)
    window.runs.resume_requested.emit(the_run())
    assert rows(asked(window)) == [["Learning rate", "0.1", "0.05", "yes"]]
    assert default(window) == "continue_changed"
    answer(qtbot, window, "continue_changed")
    trained_more(qtbot, window)
    assert window.session.experiment.optimizer.lr == 0.05


def in_toolbar(window: Any) -> list[str]:
    return [action.objectName() for action in window.toolbar.actions()][:2]


def test_after_a_stop_going_on_comes_first_in_the_toolbar_and_after_the_end_to_start(
    qtbot: QtBot, open_window: Opener
) -> None:
    window = open_window(ENDLESS)
    assert in_toolbar(window) == ["start", "pause"]
    stopped(qtbot, window)
    assert in_toolbar(window) == ["continue_run", "start"]
    window.actions_["continue_run"].trigger()
    assert in_toolbar(window) == ["start", "pause"]
    stop(qtbot, window)
    window.form.set_value("training.epochs", window.session.epochs_done + 1)
    window.actions_["continue_run"].trigger()
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
        answer(qtbot, window, "continue_changed")
    assert caught.args[0].outcome == "completed"
    assert in_toolbar(window) == ["start", "pause"]


def test_the_next_session_continues_the_last_run(qtbot: QtBot, open_window: Opener) -> None:
    """Its curves are there again, and where its settings had changed."""
    first = stopped(qtbot, open_window(ENDLESS))
    first.form.set_value("optimizer.lr", 0.05)
    first.actions_["continue_run"].trigger()
    answer(qtbot, first, "continue_changed")
    trained_more(qtbot, first)
    stop(qtbot, first)
    done, changes = len(first.curves.series), first.curves.series.changes
    first.close()
    again = open_window({**ENDLESS, "optimizer": {"name": "sgd", "lr": 0.05}})
    qtbot.waitUntil(lambda: again.actions_["continue_run"].isEnabled(), timeout=30_000)
    assert in_toolbar(again) == ["continue_run", "start"]
    again.actions_["continue_run"].trigger()
    qtbot.waitUntil(lambda: len(again.curves.series) > done, timeout=60_000)
    assert again.curves.series.changes == changes
    assert again.log.toPlainText().count("Learning rate 0.1 → 0.05") == 1


def test_in_a_pause_the_form_lets_one_change_what_can_change_then(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(ENDLESS)
    rate, size = window.form.editor("optimizer.lr").control, window.form.editor("data.batch_size").control
    paused(qtbot, window)
    assert rate.isEnabled()
    assert not size.isEnabled()
    done = len(window.curves.series)
    window.form.set_value("optimizer.lr", 0.01)
    assert window.actions_["pause"].toolTip().startswith("Go on with the changed settings.")
    window.actions_["pause"].trigger()
    trained_more(qtbot, window)
    assert not rate.isEnabled()
    assert window.curves.series.lr.values[done - 1] == pytest.approx(0.1)
    assert window.curves.series.lr.values[done] == pytest.approx(0.01)
    assert window.curves.series.changes == [(done, "lr 0.01")]
    assert "Learning rate 0.1 → 0.01" in window.log.toPlainText()
    stop(qtbot, window)
    kinds = [json.loads(line)["kind"] for line in (the_run() / EVENTS).read_text().splitlines()]
    assert kinds.count("started") == kinds.count("changed") == 1
    window.actions_["continue_run"].trigger()
    assert window.session.active


def test_while_a_run_is_held_before_it_has_a_model_nothing_can_be_changed_yet(
    qtbot: QtBot, open_window: Opener
) -> None:
    """There is no optimizer yet that could take it."""
    window = open_window(ENDLESS)
    window.form.set_value("training.seed", 3)
    window.actions_["start"].trigger()
    pause(qtbot, window)
    assert not window.session.has_model
    assert not window.form.editor("optimizer.lr").control.isEnabled()
    assert not window.actions_["undo"].isEnabled()
    window.form.set_value("optimizer.lr", 0.01)
    assert window.actions_["pause"].toolTip().startswith("Go on with the next batch.")
    window.actions_["pause"].trigger()
    trained_more(qtbot, window)
    assert window.curves.series.lr.values[-1] == pytest.approx(0.1)
    assert window.session.experiment.optimizer.lr == 0.1
    pause(qtbot, window)
    window.actions_["pause"].trigger()
    trained_more(qtbot, window)
    assert window.curves.series.lr.values[-1] == pytest.approx(0.01)


def test_a_step_takes_what_was_changed_too_and_what_is_wrong_keeps_the_run_waiting(
    qtbot: QtBot, open_window: Opener
) -> None:
    window = paused(qtbot, open_window(ENDLESS))
    window.form.set_value("optimizer.lr", -1)
    assert not window.actions_["pause"].isEnabled()
    assert not window.actions_["step"].isEnabled()
    window.form.set_value("optimizer.lr", 0.01)
    done = len(window.curves.series)
    window.actions_["step"].trigger()
    qtbot.waitUntil(lambda: len(window.curves.series) == done + 1, timeout=60_000)
    qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=60_000)
    assert window.curves.series.lr.values[-1] == pytest.approx(0.01)


def test_fewer_epochs_than_are_done_are_refused_and_the_run_waits(qtbot: QtBot, open_window: Opener) -> None:
    window = open_window(ENDLESS)
    window.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(window.curves.series.epochs) > 1, timeout=60_000)
    pause(qtbot, window)
    window.form.set_value("training.epochs", 1)
    with qtbot.waitSignal(window.session.failed, timeout=60_000):
        window.actions_["pause"].trigger()
    assert "ask for more" in window.banner.text
    qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=60_000)
    window.form.set_value("training.epochs", 99_999)
    window.actions_["pause"].trigger()
    trained_more(qtbot, window)
    qtbot.waitUntil(lambda: "/99999" in window.progress.figures, timeout=30_000)


def test_a_folder_of_images_that_was_moved_is_asked_for_and_compared(
    qtbot: QtBot, open_window: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        for name in ("ant", "bee"):
            (tmp_path / "insects" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / "insects" / name / f"{number}.png")
    data = {"dataset": {"name": "image_folder", "folder": str(tmp_path / "insects"), "size": 4}, "batch_size": 8}
    window = open_window({**RUN, "data": data})
    qtbot.waitUntil(window.actions_["start"].isEnabled, timeout=30_000)
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()
    moved = (tmp_path / "insects").rename(tmp_path / "moved")
    (tmp_path / "empty/ant").mkdir(parents=True)
    (tmp_path / "empty/bee").mkdir()
    for name in ("ant", "bee"):
        for number in range(30):
            Image.new("RGB", (4, 4), (0, number, 0)).save(tmp_path / "empty" / name / f"{number}.png")
    folder = the_run()
    for found, words in ((tmp_path / "empty", "not those that the run was trained on"), (moved, "")):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, found=found: str(found))
        window.continuing.resume(folder)
        with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
            qtbot.mouseClick(child(window, QPushButton, "choose_images"), Qt.MouseButton.LeftButton)
        assert words in window.banner.text
        qtbot.waitUntil(lambda: window.findChild(QMessageBox, "ask_images") is None, timeout=30_000)
    assert caught.args[0].outcome == "completed"
    assert caught.args[0].epoch == 4
    assert of_form(window).data.dataset.folder == str(moved)  # type: ignore[attr-defined]


def test_a_folder_that_the_user_chooses_may_lie_on_another_computer(
    qtbot: QtBot, open_window: Opener, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a run whose images were moved, and of the datasets; no message asks for it to be chosen by the user."""
    monkeypatch.setattr(folders, "_NETWORK_PATHS", True)
    window = open_window(RUN)
    data = {"dataset": {"name": "image_folder", "folder": str(tmp_path / "gone")}}
    folder = make_run(home / "runs" / "moved", outcome="stopped", accuracies=(0.5,))
    write_experiment(folder, parse_experiment({**RUN, "data": data}))
    for choose, computer in (
        (lambda: window.continuing.resume(folder, {}), "nas"),
        (window.data.choose_root, "other"),
    ):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, computer=computer: f"//{computer}/images")
        choose()
        if computer == "nas":
            qtbot.mouseClick(child(window, QPushButton, "choose_images"), Qt.MouseButton.LeftButton)
            assert not window.banner.isVisible()
        assert not folders.unasked_computer(f"//{computer}/x")
    assert window.form.problems == ()


def test_what_belongs_to_the_machine_comes_from_the_form(qtbot: QtBot, open_window: Opener) -> None:
    """And not from where the run was made."""
    window = stopped(qtbot, open_window(ENDLESS))
    folder = the_run()
    facts = read_facts(folder)
    write_facts(folder, replace(facts, local={**facts.local, "device.threads": 7, "data.workers": 99}))
    window.actions_["continue_run"].trigger()
    trained_more(qtbot, window)
    stop(qtbot, window)
    experiment = window.session.experiment
    assert (experiment.device.threads, experiment.data.workers) == (1, 2)
