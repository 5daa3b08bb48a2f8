"""The panel of the runs: its table stays as it was while rows come, go and change; and what can be done with a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QItemSelectionModel, Qt
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from desktop_trainer import i18n
from desktop_trainer.engine.events import EpochEnded
from desktop_trainer.report.run_columns import words_of
from desktop_trainer.runs.summary import RunSummary
from desktop_trainer.ui.language import apply_language
from desktop_trainer.ui.runs.columns import COLUMNS, PLACES
from desktop_trainer.ui.runs.model import Changes, RunRow, changes
from desktop_trainer.ui.runs.panel import RunsPanel
from desktop_trainer.ui.runs.table import RunTable
from tests.runs.conftest import make_run
from tests.ui.conftest import child

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def summary(number: int, **other: Any) -> RunSummary:
    """A run that was started `number` hours after the first."""
    folder = Path(f"/runs/run {number}")
    ended = EpochEnded(1, 1.0, 0.5, 1.0, number % 100 / 100, 2.0, 1000.0)
    values = {
        "data": {"dataset": "digits", "batch_size": 8 * (number % 9 + 1)},
        "model": "mlp",
        "optimizer": {"name": "sgd", "lr": 0.1},
    }
    run = RunSummary(
        folder,
        folder.name,
        str(number),
        BEGAN + timedelta(hours=number),
        "completed",
        "",
        values,
        "",
        1,
        0,
        3,
        24,
        ended,
        ended,
        2.0,
        (),
        "",
        False,
    )
    return replace(run, **other)


def coming(*runs: RunSummary) -> Changes:
    return Changes(frozenset(), tuple(RunRow(run, words_of(run)) for run in runs))


@pytest.fixture
def table(qtbot: QtBot) -> RunTable:
    table = RunTable()
    qtbot.addWidget(table)
    table.resize(900, 240)
    table.show()
    return table


def names(table: RunTable) -> list[str]:
    return [table.filter.index(row, 0).data() for row in range(table.filter.rowCount())]


def sort(table: RunTable, column: str, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
    table.sortByColumn(PLACES[column], order)


def test_the_newest_run_comes_first_and_any_column_sorts(table: RunTable) -> None:
    table.apply(coming(*(summary(number) for number in (3, 12, 7))))
    assert names(table) == ["run 12", "run 7", "run 3"]
    sort(table, "best", Qt.SortOrder.AscendingOrder)
    assert names(table) == ["run 3", "run 7", "run 12"]
    for column in COLUMNS:
        sort(table, column.name, Qt.SortOrder.DescendingOrder)
        assert len(names(table)) == 3


def test_a_run_whose_last_save_failed_is_marked_beside_its_state(table: RunTable) -> None:
    table.apply(coming(summary(1, save_failed="The disk is full."), summary(2)))
    saved, unsaved = (table.filter.index(row, PLACES["outcome"]) for row in range(2))
    assert saved.data() == "Completed"
    assert unsaved.data() == "Completed, not saved"
    role = Qt.ItemDataRole.DecorationRole
    assert saved.data(role).pixmap(16).toImage() != unsaved.data(role).pixmap(16).toImage()
    assert "The disk is full." in unsaved.data(Qt.ItemDataRole.ToolTipRole)


def test_what_runs_are_compared_by_is_in_sight_in_the_first_window(table: RunTable) -> None:
    table.resize(650, 240)
    for name in ("name", "outcome", "best", "epochs", "lr", "batch_size"):
        assert table.columnViewportPosition(PLACES[name]) + table.columnWidth(PLACES[name]) <= 650, name


def test_a_new_run_is_called_by_its_time_beside_columns_for_model_dataset_and_folder(table: RunTable) -> None:
    automatic, own = "2026-11-21 1520 mlp digits", "2026-11-21 1521 the best mlp"
    folders = [Path("/runs") / name for name in (automatic, f"{automatic} 2", own)]
    table.apply(coming(*(summary(3 - at, folder=folder, name=folder.name) for at, folder in enumerate(folders))))
    assert names(table) == ["2026-11-21 1520", "2026-11-21 1520 2", own]
    first = table.filter.index(0, PLACES["name"])
    assert first.data(Qt.ItemDataRole.EditRole) == automatic
    assert first.siblingAtColumn(PLACES["folder"]).data() == automatic
    assert first.siblingAtColumn(PLACES["dataset"]).data() == "Handwritten digits (bundled)"


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_no_heading_is_cut_and_no_word_of_an_ordinary_run(
    table: RunTable, qapp: QApplication, language: str, request: pytest.FixtureRequest
) -> None:
    before = i18n.language()
    request.addfinalizer(lambda: apply_language(qapp, before))
    apply_language(qapp, language)
    QApplication.sendEvent(table, QEvent(QEvent.Type.LanguageChange))
    table.apply(coming(summary(1, name="2026-11-21 1520 mlp digits"), summary(2, outcome="early_stopped")))
    header = table.horizontalHeader()
    for place, column in enumerate(COLUMNS):
        assert header.sectionSize(place) >= header.sectionSizeHint(place), column.heading
    for name in ("name", "outcome", "best", "epochs", "lr", "batch_size", "model", "dataset"):
        place = PLACES[name]
        assert table.columnWidth(place) >= table.sizeHintForColumn(place), name


def test_no_name_is_cut_when_its_curves_are_drawn(table: RunTable) -> None:
    run = summary(1, name="2026-11-21 1520 mlp digits")
    table.apply(coming(run))
    pixmap = QPixmap(20, 12)
    pixmap.fill()
    table.runs.set_colours({run.folder: QIcon(pixmap)})
    assert table.columnWidth(PLACES["name"]) >= table.sizeHintForColumn(PLACES["name"])


def test_renaming_begins_with_the_whole_name(table: RunTable, qtbot: QtBot) -> None:
    table.apply(coming(summary(1, name="2026-11-21 1520 mlp digits")))
    table.setCurrentIndex(table.filter.index(0, 0))
    table.rename()
    assert child(table, QLineEdit, "").text() == "2026-11-21 1520 mlp digits"


def test_a_run_that_is_held_is_paused_until_it_goes_on_or_ends(table: RunTable) -> None:
    run = summary(1, outcome="running")
    table.apply(coming(run))
    cell = table.filter.index(0, PLACES["outcome"])
    for folder, outcome, told in (
        (run.folder, "running", "Paused"),
        (None, "running", "Running"),
        (run.folder, "stopped", "Stopped"),
    ):
        table.runs.set_held(folder)
        table.apply(coming(replace(run, outcome=outcome)))
        assert cell.data() == told


def test_a_run_without_the_figure_is_last_in_either_order(table: RunTable) -> None:
    diverged = EpochEnded(1, 1.0, 0.5, float("nan"), float("nan"), 2.0, 1000.0)
    table.apply(coming(summary(1), summary(2, last=None, best=None), summary(3), summary(4, last=diverged, best=None)))
    for order in Qt.SortOrder:
        sort(table, "best", order)
        assert set(names(table)[2:]) == {"run 2", "run 4"}
        sort(table, "loss", order)
        assert set(names(table)[2:]) == {"run 2", "run 4"}


def test_a_search_looks_through_name_tags_note_and_settings_for_every_word(table: RunTable) -> None:
    one, two = summary(1, tags=("paper", "论文")), summary(2, note="Try without Dropout")
    table.apply(coming(one, two))
    for text, found in (
        ("paper", ["run 1"]),
        ("论文", ["run 1"]),
        ("dropout TRY", ["run 2"]),
        ("run optimizer.lr=0.1", ["run 2", "run 1"]),
        ("batch_size=16", ["run 1"]),
        ("paper dropout", []),
        ("", ["run 2", "run 1"]),
    ):
        table.filter.search(text)
        assert names(table) == found, text


def test_the_filter_by_state_follows_a_run_that_ends(table: RunTable) -> None:
    table.apply(coming(summary(1, outcome="running"), summary(2)))
    table.filter.search("", "running")
    assert names(table) == ["run 1"]
    table.apply(coming(summary(1, outcome="failed")))
    assert names(table) == []


def test_ten_thousand_rows_are_brought_up_to_date_without_reset_widgets_or_moving_what_is_seen(
    table: RunTable, qtbot: QtBot
) -> None:
    resets: list[bool] = []
    table.filter.modelReset.connect(lambda: resets.append(True))
    table.runs.modelReset.connect(lambda: resets.append(True))
    widgets = len(table.findChildren(QWidget))
    table.apply(coming(*(summary(number) for number in range(10_000))))
    bar = table.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 9_000)
    bar.setValue(5_000)
    seen = table.filter.summary(table.indexAt(table.rect().topLeft())).name
    chosen = table.filter.index(5_003, 0)
    table.selectionModel().select(
        chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
    )
    before = [run.name for run in table.selection()]
    gone = frozenset(Path(f"/runs/run {number}") for number in range(9_000, 9_100))
    told: list[int] = []
    table.runs.rowsInserted.connect(lambda *_: told.append(1))
    table.apply(Changes(gone, coming(summary(20_000), summary(30, note="changed")).fresh))
    assert table.filter.rowCount() == 10_000 - 100 + 1
    assert [run.name for run in table.selection()] == before
    assert table.filter.summary(table.indexAt(table.rect().topLeft())).name == seen
    assert len(table.findChildren(QWidget)) == widgets
    assert resets == []
    assert told == [1]
    assert seen == "run 4999"
    heights = {table.rowHeight(row) for row in (0, 1, 5_000, 9_900)}
    assert len(heights) == 1


def test_what_did_not_change_is_not_told() -> None:
    runs = [summary(number) for number in range(5)]
    known = {run.folder: run for run in runs}
    assert changes(known, [replace(run) for run in runs]) == Changes(frozenset(), ())
    found = changes(known, [*runs[1:], summary(2, note="x")])
    assert found.gone == {runs[0].folder}
    assert [row.summary.note for row in found.fresh] == ["x"]


def test_the_model_keeps_qts_rules(table: RunTable, qtmodeltester: ModelTester) -> None:
    qtmodeltester.check(table.runs)
    qtmodeltester.check(table.filter)
    table.apply(coming(*(summary(number) for number in range(20))))
    sort(table, "best")
    table.apply(Changes(frozenset(Path(f"/runs/run {number}") for number in (1, 2, 7)), coming(summary(50)).fresh))
    table.filter.search("run 1")
    table.runs.replace(Path("/runs/run 10"), summary(99))
    qtmodeltester.check(table.runs)
    qtmodeltester.check(table.filter)


def test_columns_can_be_hidden_and_come_back_with_the_layout(table: RunTable, qtbot: QtBot) -> None:
    action = next(action for action in table.header_menu().actions() if action.objectName() == "show_tags")
    action.trigger()
    assert table.isColumnHidden(PLACES["tags"])
    other = RunTable()
    qtbot.addWidget(other)
    other.layout_state = table.layout_state
    assert other.isColumnHidden(PLACES["tags"])


def test_a_running_run_keeps_its_name_and_takes_tags(table: RunTable) -> None:
    table.apply(coming(summary(1, outcome="running")))
    editable = Qt.ItemFlag.ItemIsEditable
    assert not table.filter.index(0, PLACES["name"]).flags() & editable
    assert table.filter.index(0, PLACES["tags"]).flags() & editable
    assert not table.filter.index(0, PLACES["lr"]).flags() & editable


@pytest.fixture
def runs(home: Path) -> Path:
    """Three real run folders: `first`, completed; `second`, stopped; `third`, whose process is gone."""
    folder = home / "runs"
    for name, outcome, lr in (("first", "completed", 0.001), ("second", "stopped", 0.01), ("third", "", 0.001)):
        make_run(folder / name, outcome=outcome, lr=lr)
    return folder


@pytest.fixture
def panel(qtbot: QtBot, runs: Path) -> Iterator[RunsPanel]:
    panel = RunsPanel(runs)
    qtbot.addWidget(panel)
    with qtbot.waitSignal(panel.feed.read, timeout=30_000):
        panel.show()
    yield panel
    panel.close_thread()


def test_the_folders_are_the_truth_and_are_found_when_they_come_and_go(
    qtbot: QtBot, panel: RunsPanel, runs: Path
) -> None:
    assert sorted(names(panel.table)) == ["first", "second", "third"]
    states = {panel.table.filter.summary(panel.table.filter.index(row, 0)).outcome for row in range(3)}
    assert states == {"completed", "stopped", "interrupted"}
    make_run(runs / "fourth")
    qtbot.waitUntil(lambda: "fourth" in names(panel.table), timeout=30_000)
    (runs / "first").rename(runs.parent / "elsewhere")
    qtbot.waitUntil(lambda: "first" not in names(panel.table), timeout=30_000)


def test_nothing_is_read_while_nobody_looks(qtbot: QtBot, panel: RunsPanel, runs: Path) -> None:
    panel.hide()
    make_run(runs / "fourth")
    panel.refresh()
    assert not panel.feed.busy
    panel.show()
    qtbot.waitUntil(lambda: "fourth" in names(panel.table), timeout=30_000)


def test_search_and_state_are_worked_with_the_keyboard(qtbot: QtBot, panel: RunsPanel) -> None:
    qtbot.keyClicks(child(panel, QLineEdit, "runs_search"), "optimizer.lr=0.01")
    assert names(panel.table) == ["second"]
    qtbot.keyClicks(child(panel, QLineEdit, "runs_search"), " nowhere")
    assert child(panel, QWidget, "no_runs").text() == "No run matches the search."


def test_what_can_be_done_depends_on_the_selection(panel: RunsPanel, qtbot: QtBot) -> None:
    def enabled() -> set[str]:
        return {verb for verb, action in panel.actions_.by_verb.items() if action.isEnabled()}

    assert enabled() == {"refresh_runs", "show_bin"}
    panel.table.selectRow(0)
    assert {"show_run_curves", "repeat_run", "delete_runs", "rename_run"} <= enabled()
    assert "resume_run" not in enabled()  # it has no checkpoint
    panel.actions_.set_idle(False)
    assert not {"repeat_run", "copy_run_settings", "open_best_model"} & enabled()
    panel.table.selectAll()
    assert {"show_run_curves", "delete_runs", "edit_run_notes"} <= enabled()
    assert "rename_run" not in enabled()


def test_a_run_with_a_checkpoint_can_be_resumed(qtbot: QtBot, panel: RunsPanel, runs: Path) -> None:
    resume = panel.actions_.by_verb["resume_run"]
    asked: list[tuple[Path]] = []
    panel.resume_requested.connect(lambda *what: asked.append(what))
    checkpoint = runs / "third" / "checkpoints" / "0001 epoch 1 batch 0"
    checkpoint.mkdir(parents=True)
    (checkpoint / "manifest.json").write_text("{}")
    panel.feed.refresh()
    known = panel.table.runs.summaries
    qtbot.waitUntil(lambda: known()[runs / "third"].checkpoint, timeout=30_000)
    panel.table.selectRow(names(panel.table).index("third"))
    resume.trigger()
    assert asked == [(runs / "third",)]


def test_every_control_has_a_name_for_those_who_cannot_see(panel: RunsPanel) -> None:
    for name in (
        "runs_table",
        "runs_search",
        "runs_state",
        "show_run_curves_button",
        "delete_runs_button",
        "runs_more",
    ):
        assert child(panel, QWidget, name).accessibleName(), name
