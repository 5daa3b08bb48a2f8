"""The table of the epochs, with its clipboard and its language."""

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from desktop_trainer import i18n
from desktop_trainer.engine.events import EpochEnded
from desktop_trainer.ui.language import apply_language
from desktop_trainer.ui.live import epochs as module
from desktop_trainer.ui.live.epochs import EpochTable


@pytest.fixture
def table(qtbot: QtBot) -> EpochTable:
    table = EpochTable()
    qtbot.addWidget(table)
    table.resize(700, 120)
    table.show()
    return table


def ended(epoch: int, test_accuracy: float = 0.5) -> EpochEnded:
    return EpochEnded(epoch, 0.52519, 0.80512, 0.6, test_accuracy, 2.598, 23_104.4)


def row(table: EpochTable, at: int) -> list[str]:
    return [table.model().index(at, column).data() for column in range(7)]


def bold(table: EpochTable, at: int) -> bool:
    font = table.model().index(at, 0).data(Qt.ItemDataRole.FontRole)
    return isinstance(font, QFont) and font.bold()


def test_a_row_reads_like_the_line_of_the_tutorials(table: EpochTable) -> None:
    table.add(ended(3, 0.7971))
    assert row(table, 0) == ["3", "0.5252", "0.805", "0.6000", "0.797", "2.6 s", "23 104"]
    alignment = table.model().index(0, 1).data(Qt.ItemDataRole.TextAlignmentRole)
    assert Qt.AlignmentFlag(alignment) & Qt.AlignmentFlag.AlignRight


def test_the_first_epoch_with_the_best_test_accuracy_is_bold(table: EpochTable) -> None:
    for epoch, accuracy in enumerate((0.6, 0.8, 0.8, 0.7), 1):
        table.add(ended(epoch, accuracy))
    assert [bold(table, at) for at in range(4)] == [False, True, False, False]


def test_an_epoch_trained_again_replaces_what_followed(table: EpochTable) -> None:
    for epoch in (1, 2, 3, 2):
        table.add(ended(epoch, epoch / 10))
    assert [row(table, at)[0] for at in range(table.model().rowCount())] == ["1", "2"]
    assert bold(table, 1)


def test_clear_leaves_no_row_and_a_new_run_begins(table: EpochTable) -> None:
    table.add(ended(1))
    table.clear()
    assert table.model().rowCount() == 0
    table.add(ended(1))
    assert bold(table, 0)


def test_ctrl_c_copies_the_selected_rows_with_headings_in_full_precision(table: EpochTable, qtbot: QtBot) -> None:
    for epoch in (1, 2, 3):
        table.add(ended(epoch))
    QApplication.clipboard().setText("before")
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "before"
    table.selectRow(1)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[:2] == ["Epoch", "Train loss"]
    assert lines[1:] == ["2\t0.52519\t0.80512\t0.6\t0.5\t2.598\t23104.4"]


def test_new_epochs_are_shown_unless_the_user_has_scrolled_up(table: EpochTable) -> None:
    for epoch in range(1, 31):
        table.add(ended(epoch))
    bar = table.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    bar.setValue(0)
    table.add(ended(31))
    assert bar.value() == 0


def test_headings_follow_the_language(table: EpochTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "tr", lambda text, **_: f"<{text}>")
    with_headings = table.model()
    QApplication.sendEvent(table, QEvent(QEvent.Type.LanguageChange))
    assert with_headings.headerData(0, Qt.Orientation.Horizontal) == "<Epoch>"
    assert table.accessibleName() == "<Each epoch>"


def test_the_model_keeps_qts_rules(table: EpochTable, qtmodeltester: ModelTester) -> None:
    qtmodeltester.check(table.epochs)
    for epoch in (1, 2, 1):
        table.add(ended(epoch))
    table.clear()
    qtmodeltester.check(table.epochs)


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_no_heading_is_cut_and_all_are_in_sight_in_the_smallest_window(
    table: EpochTable, qapp: QApplication, language: str, request: pytest.FixtureRequest
) -> None:
    before = i18n.language()
    request.addfinalizer(lambda: apply_language(qapp, before))
    apply_language(qapp, language)
    QApplication.sendEvent(table, QEvent(QEvent.Type.LanguageChange))
    header = table.horizontalHeader()
    for width in (690, 200):
        table.resize(width, 120)
        assert all(header.sectionSize(at) >= header.sectionSizeHint(at) for at in range(7))
        assert (header.length() == table.viewport().width()) is (width == 690)


def test_all_columns_are_in_sight_and_a_heading_says_what_it_means(table: EpochTable) -> None:
    table.resize(690, 120)
    table.add(ended(1))
    header = table.horizontalHeader()
    assert header.length() == table.viewport().width()
    hints = [table.model().headerData(at, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) for at in range(7)]
    assert len({hint for hint in hints if hint}) == 7
