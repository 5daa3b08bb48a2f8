"""The log: it follows its end, is bounded, and can be taken elsewhere."""

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from desktop_trainer.ui.live import log as module
from desktop_trainer.ui.live.log import MOST_LINES, LogPanel
from tests.ui.conftest import child


@pytest.fixture
def log(qtbot: QtBot) -> LogPanel:
    log = LogPanel()
    qtbot.addWidget(log)
    log.resize(400, 100)
    log.show()
    return log


def test_lines_come_one_below_the_other_and_cannot_be_edited(log: LogPanel, qtbot: QtBot) -> None:
    log.add("epoch 1, loss 0.5")
    log.add("epoch 2, loss 0.4")
    qtbot.keyClicks(log, "typed")
    assert log.toPlainText() == "epoch 1, loss 0.5\nepoch 2, loss 0.4"


def test_what_a_file_says_is_shown_and_not_obeyed(log: LogPanel) -> None:
    """Neither here nor where the saved log is read."""
    log.add("class \x1b[2J\u202egpj.exe")
    assert log.toPlainText() == r"class \u001b[2J\u202egpj.exe"


def test_it_follows_the_end_unless_the_user_scrolled_up(log: LogPanel) -> None:
    bar = log.verticalScrollBar()
    for number in range(50):
        log.add(f"line {number}")
    assert bar.value() == bar.maximum() > 0
    bar.setValue(3)
    log.add("one more")
    assert bar.value() == 3
    bar.setValue(bar.maximum())
    log.add("and another")
    assert bar.value() == bar.maximum()


def test_it_holds_a_bounded_number_of_lines_the_last_ones(log: LogPanel) -> None:
    log.setPlainText("\n".join(map(str, range(MOST_LINES))))
    log.add("last")
    assert log.blockCount() == MOST_LINES
    assert log.toPlainText().endswith("last")


def test_lines_can_begin_with_the_time_of_day(log: LogPanel) -> None:
    log.timestamps = True
    log.add("epoch 1")
    time, line = log.toPlainText().split("  ")
    assert line == "epoch 1"
    assert len(time.split(":")) == 3


def test_the_menu_copies_clears_and_saves(
    log: LogPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.add("损失 0.5")
    entries = {action.objectName(): action for action in log.menu().actions()}
    assert not entries["copy_log"].isEnabled()
    entries["select_log"].trigger()
    menu = log.menu()
    assert entries["copy_log"].isEnabled()
    entries["copy_log"].trigger()
    assert QApplication.clipboard().text() == "损失 0.5"
    target = tmp_path / "run log.txt"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    entries["save_log"].trigger()
    assert target.read_text(encoding="utf-8") == "损失 0.5\n"
    entries["clear_log"].trigger()
    assert log.toPlainText() == ""
    menu.close()


def test_a_place_that_cannot_be_written_is_named(log: LogPanel, qtbot: QtBot, tmp_path: Path) -> None:
    log.save(tmp_path / "missing" / "log.txt")
    box = child(log, QMessageBox, "not_saved")
    assert str(tmp_path / "missing" / "log.txt") in box.text()
    box.close()


def test_the_menu_speaks_the_language(log: LogPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "tr", lambda text, **_: f"<{text}>")
    QApplication.sendEvent(log, QEvent(QEvent.Type.LanguageChange))
    assert child(log, QAction, "clear_log").text() == "<Clear the log>"
    assert log.accessibleName() == "<Log>"


def test_a_long_line_wraps_and_is_saved_as_one(log: LogPanel, tmp_path: Path) -> None:
    log.add("long " * 100)
    assert log.horizontalScrollBar().maximum() == 0
    assert log.verticalScrollBar().maximum() > 0
    log.save(tmp_path / "log.txt")
    assert (tmp_path / "log.txt").read_text(encoding="utf-8").count("\n") == 1
