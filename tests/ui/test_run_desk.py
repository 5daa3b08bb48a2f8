"""What the window does with the runs there are: curves, settings, names, notes, the bin, models and whole folders."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QTableWidget,
    QToolButton,
)
from pytestqt.qtbot import QtBot

from desktop_trainer.runs.run_folder import NOTES, read_notes
from desktop_trainer.ui.runs.columns import PLACES
from desktop_trainer.ui.runs.notes import split_tags
from tests.runs.conftest import make_run
from tests.ui.conftest import child

Opener = Callable[..., Any]
DATA = {
    "dataset": {"name": "synthetic", "train_samples": 100, "test_samples": 50, "size": 4, "noise": 0.2},
    "batch_size": 10,
}
SHORT = {"data": DATA, "model": {"name": "mlp", "hidden_sizes": [8]}, "training": {"epochs": 2}}


@pytest.fixture
def runs(home: Path) -> Path:
    folder = home / "runs"
    for name, lr, accuracy in (("first", 0.001, 0.2), ("second", 0.01, 0.5), ("third", 0.1, 0.8)):
        make_run(folder / name, lr=lr, accuracies=(accuracy, accuracy, accuracy))
    return folder


@pytest.fixture
def window(qtbot: QtBot, open_window: Opener, runs: Path) -> Any:
    """The window with its runs in sight."""
    window = open_window(SHORT)
    window.tabs.setCurrentWidget(window.runs)
    qtbot.waitUntil(lambda: len(window.runs.table.runs.rows) == 3, timeout=30_000)
    return window


def select(window: Any, *names: str) -> None:
    table = window.runs.table
    table.clearSelection()
    for row in range(table.filter.rowCount()):
        if table.filter.summary(table.filter.index(row, 0)).name in names:
            flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
            table.selectionModel().select(table.filter.index(row, 0), flags)
    assert {run.name for run in table.selection()} == set(names)


def do(window: Any, verb: str) -> None:
    action = window.runs.actions_.by_verb[verb]
    assert action.isEnabled(), verb
    action.trigger()


def listed(window: Any) -> set[str]:
    return {row.summary.name for row in window.runs.table.runs.rows}


def click(qtbot: QtBot, window: Any, button: str) -> None:
    qtbot.mouseClick(child(window.banner, QPushButton, button), Qt.MouseButton.LeftButton)


def edit(window: Any, name: str, column: str, text: str) -> None:
    """Type into a cell."""
    table = window.runs.table
    names = [table.filter.summary(table.filter.index(row, 0)).name for row in range(table.filter.rowCount())]
    table.filter.setData(table.filter.index(names.index(name), PLACES[column]), text)


def colours_in(plot: Any) -> set[str]:
    image = plot.canvas.grab().toImage()
    return {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}


def overlay(qtbot: QtBot, window: Any, *names: str) -> list[Any]:
    select(window, *names)
    do(window, "show_run_curves")
    qtbot.waitUntil(lambda: {run.name for run in window.curves.overlay} == set(names), timeout=30_000)
    return list(window.curves.overlay)


def test_deleted_runs_lie_in_the_bin_and_come_back_with_undo(qtbot: QtBot, window: Any, runs: Path) -> None:
    select(window, "first", "second")
    do(window, "delete_runs")
    assert listed(window) == {"third"}
    assert not (runs / "first").exists()
    click(qtbot, window, "banner_action")
    assert (runs / "first" / "events.jsonl").exists()
    assert (runs / "second").exists()
    assert listed(window) == {"first", "second", "third"}


def test_a_run_is_renamed_in_place_and_stays_selected(window: Any, runs: Path) -> None:
    select(window, "second")
    edit(window, "second", "name", "  LeNet, 论文 ")
    assert (runs / "LeNet, 论文" / "events.jsonl").exists()
    assert [run.name for run in window.runs.table.selection()] == ["LeNet, 论文"]


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "first", "CON", "x" * 300, "a\nb:c"])
def test_a_bad_name_is_refused_with_the_reason_and_nothing_moves(window: Any, runs: Path, name: str) -> None:
    edit(window, "second", "name", name)
    assert "second" in window.banner.text
    assert window.banner.isVisible()
    assert listed(window) == {"first", "second", "third"}
    assert sorted(path.name for path in runs.iterdir() if path.is_dir()) == ["first", "second", "third"]


def test_a_refusal_goes_when_the_next_name_is_taken(window: Any) -> None:
    edit(window, "second", "name", "first")
    assert window.banner.isVisible()
    edit(window, "first", "tags", "paper")
    assert window.banner.isVisible()
    edit(window, "second", "name", "other")
    assert not window.banner.isVisible()


def test_a_run_that_did_all_of_its_epochs_goes_on_for_as_many_again(qtbot: QtBot, window: Any) -> None:
    """From the panel, and then by the menu's Continue last run: the form shows for how long."""
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()

    def trained() -> list[Any]:
        return [row.summary for row in window.runs.table.runs.rows if row.summary.checkpoint]

    qtbot.waitUntil(lambda: [run.outcome for run in trained()] == ["completed"], timeout=30_000)
    select(window, trained()[0].name)
    assert "2 more epochs" in window.runs.actions_.by_verb["resume_run"].text()
    for action, epochs in ((window.runs.actions_.by_verb["resume_run"], 4), (window.actions_["continue_run"], 8)):
        with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
            action.trigger()
        assert caught.args[0].epoch == window.form.experiment.training.epochs == epochs
        assert [ended.epoch for ended in window.curves.series.epochs] == list(range(1, epochs + 1))


def test_tags_are_edited_in_their_cell_and_found(window: Any, runs: Path) -> None:
    edit(window, "first", "tags", "paper,  v2 ，论文, paper")
    assert read_notes(runs / "first").tags == ("paper", "v2", "论文")
    window.runs.table.filter.search("论文")
    assert window.runs.table.filter.rowCount() == 1


def test_the_tags_of_several_runs_change_together_and_each_keeps_its_own(qtbot: QtBot, window: Any, runs: Path) -> None:
    edit(window, "first", "tags", "old, mine")
    edit(window, "second", "tags", "old")
    select(window, "first", "second")
    do(window, "edit_run_notes")
    line = child(window, QLineEdit, "run_tags")
    assert line.text() == "old"
    line.setText("new")
    child(window, QPushButton, "save_notes").click()
    assert read_notes(runs / "first").tags == ("mine", "new")
    assert read_notes(runs / "second").tags == ("new",)


def test_a_note_is_kept_in_the_runs_folder(window: Any, runs: Path) -> None:
    select(window, "first")
    do(window, "edit_run_notes")
    child(window, QPlainTextEdit, "run_note").setPlainText("Try\nmore")
    child(window, QPushButton, "save_notes").click()
    assert read_notes(runs / "first").note == "Try\nmore"


def test_notes_that_cannot_be_written_are_said_and_not_shown(
    window: Any, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_trainer.runs.files import Disk

    def forbidden(*_: object) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Disk, "create", forbidden)
    edit(window, "first", "tags", "paper")
    assert "not allowed" in window.banner.text
    assert not (runs / "first" / NOTES).exists()
    assert all(row.summary.tags == () for row in window.runs.table.runs.rows)


def test_a_run_in_a_folder_that_may_not_change_is_neither_renamed_nor_deleted(
    window: Any, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", read_only)
    edit(window, "first", "name", "other")
    assert "Permission denied" in window.banner.text
    select(window, "first", "second")
    do(window, "delete_runs")
    assert "Permission denied" in window.banner.text
    assert listed(window) == {"first", "second", "third"}


def test_copied_settings_can_be_undone(qtbot: QtBot, window: Any) -> None:
    before = window.form.experiment
    select(window, "second")
    do(window, "copy_run_settings")
    assert window.form.experiment.optimizer.lr == 0.01
    assert window.form.experiment.data.dataset.name != "synthetic"
    click(qtbot, window, "banner_action")
    assert window.form.experiment == before


def test_settings_that_make_no_experiment_leave_the_form_alone(qtbot: QtBot, window: Any, runs: Path) -> None:
    before = window.form.experiment
    (runs / "first" / "experiment.json").write_text('{"training": {"epochs": -3}}')
    window.runs.feed.refresh()
    summaries = window.runs.table.runs.summaries
    qtbot.waitUntil(lambda: summaries()[runs / "first"].values == {"training": {"epochs": -3}}, timeout=30_000)
    select(window, "first")
    do(window, "repeat_run")
    assert "training.epochs" in window.banner.text
    assert window.form.experiment is before
    assert not window.session.active


def test_repeat_trains_anew_with_the_settings_of_the_run_and_the_run_is_listed(
    qtbot: QtBot, window: Any, runs: Path
) -> None:
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(listed(window)) == 4, timeout=30_000)
    name = (listed(window) - {"first", "second", "third"}).pop()
    window.form.set_value("optimizer.lr", 0.5)
    select(window, name)
    with qtbot.waitSignal(window.session.ended, timeout=60_000) as caught:
        do(window, "repeat_run")
        assert not window.runs.actions_.by_verb["repeat_run"].isEnabled()
    assert caught.args[0].outcome == "completed"
    assert window.form.experiment.optimizer.lr != 0.5
    qtbot.waitUntil(lambda: len(listed(window)) == 5, timeout=30_000)
    select(window, name)
    with qtbot.waitSignal(window.files.loaded, timeout=60_000):
        do(window, "open_last_model")
    assert window.session.model.experiment.model.name == "mlp"


def test_a_stopped_run_is_renamed_and_goes_on_from_the_panel_with_its_curves(qtbot: QtBot, window: Any) -> None:
    """A real training, from its folder."""
    window.form.set_value("training.epochs", 100_000)
    window.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(window.curves.series) > 10, timeout=60_000)
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["stop_and_keep"].trigger()
    trained = len(window.curves.series)

    def stopped() -> list[Any]:
        every = [row.summary for row in window.runs.table.runs.rows]
        return [run for run in every if run.outcome == "stopped" and run.checkpoint]

    qtbot.waitUntil(lambda: bool(stopped()), timeout=30_000)
    edit(window, stopped()[0].name, "name", "mine")
    select(window, "mine")
    do(window, "resume_run")
    qtbot.waitUntil(lambda: len(window.curves.series) > trained, timeout=60_000)
    assert not window.runs.actions_.by_verb["resume_run"].isEnabled()
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["stop_and_keep"].trigger()
    assert listed(window) == {"first", "second", "third", "mine"}


def test_a_run_without_a_model_says_so(window: Any) -> None:
    select(window, "first")
    do(window, "open_best_model")
    assert "best.safetensors" in window.banner.text


def test_what_changed_marks_the_settings_that_differ(window: Any) -> None:
    select(window, "first", "second")
    do(window, "what_changed")
    table = child(window, QTableWidget, "differences_table")
    shown = [row for row in range(table.rowCount()) if not table.isRowHidden(row)]
    assert [[table.item(row, column).text() for column in range(3)] for row in shown] == [
        ["Optimizer: Learning rate", *(f"{run.values['optimizer']['lr']:g}" for run in window.runs.table.selection())]
    ]
    child(window, QCheckBox, "all_settings").setChecked(True)
    assert not any(table.isRowHidden(row) for row in range(table.rowCount()))


def test_what_changed_since_a_run_compares_it_with_the_form(window: Any) -> None:
    select(window, "first")
    do(window, "copy_run_settings")
    window.form.set_value("data.batch_size", 17)
    do(window, "what_changed")
    table = child(window, QTableWidget, "differences_table")
    shown = [row for row in range(table.rowCount()) if not table.isRowHidden(row)]
    assert [table.item(row, 0).text() for row in shown] == ["Data: Batch size"]
    assert table.item(shown[0], 2).text() == "17"


def test_curves_of_the_selection_are_drawn_with_their_differences_and_cleared(qtbot: QtBot, window: Any) -> None:
    drawn = overlay(qtbot, window, "first", "second")
    assert [[ended.epoch for ended in run.series.epochs] for run in drawn] == [[1, 2, 3], [1, 2, 3]]
    assert all(len(run.series) for run in drawn)
    assert {run.difference for run in drawn} == {"lr 0.001", "lr 0.01"}
    assert drawn[0].shade() != drawn[1].shade()
    window.curves.draw()
    assert {run.shade().name() for run in drawn} <= colours_in(window.curves.accuracy_plot)
    qtbot.mouseClick(child(window.curves, QToolButton, "clear_run_curves_button"), Qt.MouseButton.LeftButton)
    assert window.curves.overlay == []
    assert not window.curves.legend.isVisible()


def test_an_entry_of_the_legend_hides_its_curves(qtbot: QtBot, window: Any) -> None:
    drawn = overlay(qtbot, window, "first", "second")
    child(window.curves, QListWidget, "overlaid_runs").item(0).setCheckState(Qt.CheckState.Unchecked)
    assert [run.shown for run in drawn] == [False, True]
    window.curves.draw()
    colours = colours_in(window.curves.accuracy_plot)
    assert drawn[0].shade().name() not in colours
    assert drawn[1].shade().name() in colours


def test_overlaid_curves_follow_a_rename_and_go_with_a_deleted_run(qtbot: QtBot, window: Any) -> None:
    overlay(qtbot, window, "first", "second")
    edit(window, "first", "name", "renamed")
    assert {run.name for run in window.curves.overlay} == {"renamed", "second"}
    select(window, "second")
    do(window, "delete_runs")
    assert [run.name for run in window.curves.overlay] == ["renamed"]


def test_curves_can_be_read_at_the_cursor_without_a_run_at_hand(qtbot: QtBot, window: Any) -> None:
    overlay(qtbot, window, "first", "third")
    window.curves.draw()
    window.curves.loss_plot.hovered.emit(3.0)
    text = window.curves.loss_plot.crosshair.label.text()
    assert "first" in text
    assert "third" in text
    assert window.curves.loss_plot.crosshair.label.isVisible()


def test_more_runs_than_can_be_told_apart_are_cut_and_said(
    qtbot: QtBot, window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desktop_trainer.ui import run_curves

    monkeypatch.setattr(run_curves, "MOST_RUNS", 2)
    window.runs.table.selectAll()
    do(window, "show_run_curves")
    qtbot.waitUntil(lambda: len(window.curves.overlay) == 2, timeout=30_000)
    assert window.banner.isVisible()


def test_a_run_is_exported_whole_without_its_lock(
    qtbot: QtBot, window: Any, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (runs / "first" / "lock").touch()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "run 论文"), ""))
    select(window, "first")
    do(window, "export_run")
    qtbot.waitUntil(lambda: "Saved" in window.banner.text, timeout=30_000)
    with zipfile.ZipFile(tmp_path / "run 论文.zip") as archive:
        assert sorted(archive.namelist()) == ["first/events.jsonl", "first/experiment.json", "first/run.json"]
        archive.extract("first/events.jsonl", tmp_path)
    assert (tmp_path / "first" / "events.jsonl").read_bytes() == (runs / "first" / "events.jsonl").read_bytes()


def test_an_export_that_fails_leaves_no_file_and_says_why(
    qtbot: QtBot, window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "nowhere" / "x.zip"), ""))
    select(window, "first")
    do(window, "export_run")
    qtbot.waitUntil(lambda: "no such folder" in window.banner.text, timeout=30_000)
    assert not (tmp_path / "nowhere").exists()


def test_the_run_that_is_discarded_can_no_longer_go_on_from_here(qtbot: QtBot, window: Any) -> None:
    with qtbot.waitSignal(window.session.ended, timeout=60_000):
        window.actions_["start"].trigger()
    qtbot.waitUntil(lambda: len(listed(window)) == 4, timeout=30_000)
    name = (listed(window) - {"first", "second", "third"}).pop()
    edit(window, name, "name", "mine")
    assert window.session.can_continue
    select(window, "mine")
    do(window, "delete_runs")
    assert not window.session.can_continue
    assert window.session.has_model


def test_tags_are_split_at_commas_of_both_kinds() -> None:
    assert split_tags(" a , b，c ,, a") == ("a", "b", "c")
