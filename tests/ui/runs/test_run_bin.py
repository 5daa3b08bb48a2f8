"""Deleting, discarding and restoring runs: on the one undo stack, and in the view of the bin."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QPushButton, QTableView
from pytestqt.qtbot import QtBot

from desktop_trainer.runs import store
from desktop_trainer.ui.runs.bin_dialog import BinDialog
from desktop_trainer.ui.session import RunState
from tests.runs.conftest import make_run
from tests.ui.conftest import Opener, child
from tests.ui.test_run_desk import SHORT, click, do, listed, select


@pytest.fixture
def runs(home: Path) -> Path:
    for name in ("first", "second", "third"):
        make_run(home / "runs" / name)
    return home / "runs"


@pytest.fixture
def window(qtbot: QtBot, open_window: Opener, runs: Path) -> Any:
    window = open_window(SHORT)
    window.tabs.setCurrentWidget(window.runs)
    qtbot.waitUntil(lambda: len(window.runs.table.runs.rows) == 3, timeout=30_000)
    return window


def undo(window: Any) -> None:
    assert window.actions_["undo"].isEnabled()
    window.actions_["undo"].trigger()


def redo(window: Any) -> None:
    assert window.actions_["redo"].isEnabled()
    window.actions_["redo"].trigger()


def train(qtbot: QtBot, window: Any) -> Path:
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as ended:
        window.actions_["start"].trigger()
    return Path(ended.args[0].paths["run"])


def there(runs: Path) -> set[str]:
    return {path.name for path in runs.iterdir() if not path.name.startswith(".")}


def test_undo_after_a_deletion_brings_the_runs_back_and_leaves_the_form_alone(window: Any, runs: Path) -> None:
    window.form.set_value("optimizer.lr", 0.5)
    select(window, "first", "second")
    do(window, "delete_runs")
    assert window.actions_["undo"].text().endswith("Delete 2 runs")
    undo(window)
    assert there(runs) == listed(window) == {"first", "second", "third"}
    assert window.form.experiment.optimizer.lr == 0.5
    redo(window)
    assert there(runs) == listed(window) == {"third"}
    undo(window)
    undo(window)
    assert there(runs) == {"first", "second", "third"}
    assert window.form.experiment.optimizer.lr == 0.001


def test_what_was_changed_after_a_deletion_is_undone_first_and_the_banner_undoes_the_deletion(
    qtbot: QtBot, window: Any, runs: Path
) -> None:
    select(window, "first")
    do(window, "delete_runs")
    window.form.set_value("optimizer.lr", 0.5)
    click(qtbot, window, "banner_action")
    assert there(runs) == {"first", "second", "third"}
    assert window.actions_["undo"].text().endswith("Restore first")
    undo(window)
    assert there(runs) == {"second", "third"}
    undo(window)
    assert window.form.experiment.optimizer.lr == 0.001
    undo(window)
    assert there(runs) == listed(window) == {"first", "second", "third"}


def test_a_discarded_run_comes_back_with_undo_its_curves_and_its_model(qtbot: QtBot, window: Any, runs: Path) -> None:
    folder = train(qtbot, window)
    window.form.set_value("optimizer.lr", 0.5)
    window.session.discard_last()
    assert not folder.exists()
    for _ in range(2):
        undo(window)
        assert folder.exists()
        assert window.session.has_model
        assert window.session.can_continue
        assert len(window.curves.series) == 20
        redo(window)
        assert not folder.exists()
        assert not window.session.has_model
    undo(window)
    assert window.form.experiment.optimizer.lr == 0.5


def test_the_last_run_that_was_deleted_and_brought_back_can_go_on_again(qtbot: QtBot, window: Any, runs: Path) -> None:
    """And is not taken for a model from a file, which would begin anew."""
    folder = train(qtbot, window)
    qtbot.waitUntil(lambda: folder.name in listed(window), timeout=30_000)
    select(window, folder.name)
    do(window, "delete_runs")
    assert window.actions_["continue_run"].text() == "Train the opened &model"
    undo(window)
    assert window.actions_["continue_run"].text() == "&Continue last run"
    assert window.session.can_continue
    redo(window)
    assert not window.session.can_continue


def test_what_is_said_of_a_run_in_the_bin_goes_when_undo_brings_it_back(qtbot: QtBot, window: Any, runs: Path) -> None:
    train(qtbot, window)
    window.session.discard_last()
    assert window.banner.text == "The run was discarded."
    undo(window)
    assert window.banner.isHidden()
    select(window, "first")
    do(window, "delete_runs")
    assert not window.banner.isHidden()
    undo(window)
    assert window.banner.isHidden()


def test_a_discarded_run_comes_back_also_after_the_next_start_and_during_a_run(
    qtbot: QtBot, window: Any, runs: Path
) -> None:
    folder = train(qtbot, window)
    window.session.discard_last()
    window.actions_["step"].trigger()
    qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=60_000)
    undo(window)
    assert folder.exists()
    assert window.session.active


def test_during_a_run_the_forms_changes_stay_but_for_those_that_a_pause_allows(qtbot: QtBot, window: Any) -> None:
    window.form.set_value("data.batch_size", 20)
    window.form.set_value("training.epochs", 100_000)
    window.form.set_value("optimizer.lr", 0.5)
    window.actions_["start"].trigger()
    assert not window.actions_["undo"].isEnabled()
    qtbot.waitUntil(lambda: len(window.curves.series) > 3, timeout=60_000)
    window.actions_["pause"].trigger()
    qtbot.waitUntil(lambda: window.session.state is RunState.PAUSED, timeout=60_000)
    undo(window)
    undo(window)
    assert window.form.experiment.training.epochs != 100_000
    assert not window.actions_["undo"].isEnabled()
    assert window.form.experiment.data.batch_size == 20


def test_a_run_that_is_gone_from_the_bin_is_said_and_leaves_the_stack(window: Any, runs: Path) -> None:
    window.form.set_value("optimizer.lr", 0.5)
    select(window, "first")
    do(window, "delete_runs")
    shutil.rmtree(runs / ".bin")
    undo(window)
    assert "first is no longer in the bin" in window.banner.text
    assert window.actions_["undo"].text().endswith("Learning rate")


def test_a_run_that_was_renamed_meanwhile_is_deleted_again_under_its_name(window: Any, runs: Path) -> None:
    select(window, "first")
    do(window, "delete_runs")
    undo(window)
    window.desk.files.rename(window.runs.table.runs.summaries()[runs / "first"], "other")
    redo(window)
    assert there(runs) == listed(window) == {"second", "third"}


def bin_of(qtbot: QtBot, window: Any, *names: str) -> QDialog:
    """The view of the bin, with these runs."""
    window.actions_["show_bin"].trigger()
    dialog: QDialog = child(window, QDialog, "bin_dialog")
    shown(qtbot, dialog, *names)
    return dialog


def shown(qtbot: QtBot, dialog: Any, *names: str) -> None:
    qtbot.waitUntil(lambda: {row.summary.name for row in dialog.table.runs.rows} == set(names), timeout=30_000)
    qtbot.waitUntil(lambda: dialog._thread is None, timeout=30_000)


def press(qtbot: QtBot, dialog: QDialog, button: str) -> None:
    qtbot.mouseClick(child(dialog, QPushButton, button), Qt.MouseButton.LeftButton)


def test_the_bin_shows_its_runs_and_restores_them(qtbot: QtBot, window: Any, runs: Path) -> None:
    select(window, "first", "second")
    do(window, "delete_runs")
    dialog = bin_of(qtbot, window, "first", "second")
    assert not child(dialog, QPushButton, "restore").isEnabled()
    table = child(dialog, QTableView, "bin_table")
    table.selectRow(next(row for row in range(2) if table.filter.index(row, 0).data() == "first"))
    press(qtbot, dialog, "show_run_curves")
    qtbot.waitUntil(lambda: [run.name for run in window.curves.overlay] == ["first"], timeout=30_000)
    press(qtbot, dialog, "restore")
    shown(qtbot, dialog, "second")
    assert there(runs) == {"first", "third"}
    assert window.curves.overlay[0].folder == runs / "first"
    qtbot.waitUntil(lambda: listed(window) == {"first", "third"}, timeout=30_000)
    press(qtbot, dialog, "close_bin")
    undo(window)
    assert there(runs) == {"third"}


def test_the_bin_is_emptied_for_good_when_that_is_confirmed(qtbot: QtBot, window: Any, runs: Path) -> None:
    select(window, "first", "second")
    do(window, "delete_runs")
    dialog = bin_of(qtbot, window, "first", "second")
    press(qtbot, dialog, "empty_bin")
    qtbot.mouseClick(child(dialog, QPushButton, "delete_for_good"), Qt.MouseButton.LeftButton)
    shown(qtbot, dialog)
    assert store.binned(runs) == []
    assert there(runs) == {"third"}
    press(qtbot, dialog, "close_bin")


def test_the_window_closes_while_the_bin_is_shown_and_read(qtbot: QtBot, window: Any, runs: Path) -> None:
    select(window, "first", "second")
    do(window, "delete_runs")
    window.actions_["show_bin"].trigger()
    window.close()
    dialog = child(window, BinDialog, "bin_dialog")
    assert dialog._thread is None or dialog._thread.isFinished()
    assert window.isHidden()
