"""Where 0 means that something is off or automatic, the editor shows that word."""

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QTableWidget
from pytestqt.qtbot import QtBot

from desktop_trainer import i18n
from desktop_trainer.experiment.difference import differences
from desktop_trainer.experiment.fields import Setting, settings_of
from desktop_trainer.experiment.settings import Experiment
from desktop_trainer.report.setting_words import tooltip
from desktop_trainer.runs.continuing import Proposal
from desktop_trainer.ui.form.editor import Editor
from desktop_trainer.ui.form.editors import make_editor
from desktop_trainer.ui.live.continue_dialog import ContinueDialog
from desktop_trainer.ui.runs.differences import difference_texts
from tests.ui.conftest import child

PATIENCE, FLIP = "training.patience", "augmentation.flip"


def shown(qtbot: QtBot, path: str, value: Any) -> Any:
    """The editor of a setting, with the focus."""
    declared: Setting = next(setting for setting in settings_of({}) if setting.path == path)
    editor: Editor = make_editor(declared)
    qtbot.addWidget(editor)
    editor.set_value(value)
    with qtbot.waitActive(editor):
        editor.show()
        editor.activateWindow()
    editor.control.setFocus()
    return editor


def units(editor: Any) -> list[str]:
    return [label.text() for label in editor.findChildren(QLabel) if label.isVisible()]


@pytest.mark.parametrize("path", [PATIENCE, FLIP])
def test_zero_is_shown_as_its_word_and_means_zero(qtbot: QtBot, path: str) -> None:
    editor = shown(qtbot, path, 0)
    assert editor.control.text() == "off"
    assert editor.value() == 0
    editor.set_value(1)
    assert (editor.control.text(), editor.value()) == ("1", 1)
    assert "Default: off" in tooltip(editor.setting)


def test_a_word_has_no_unit(qtbot: QtBot) -> None:
    editor = shown(qtbot, PATIENCE, 0)
    assert "epochs" not in units(editor)
    editor.set_value(3)
    assert "epochs" in units(editor)


def test_a_number_is_typed_over_the_word_and_a_step_leaves_it(qtbot: QtBot) -> None:
    editor = shown(qtbot, PATIENCE, 0)
    qtbot.waitUntil(lambda: editor.control.lineEdit().selectedText() == "off")
    QTest.keyClicks(editor.control, "12")
    assert editor.value() == 12
    QTest.keyClick(editor.control, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(editor.control, "0")
    assert editor.value() == 0
    QTest.keyClick(editor.control, Qt.Key.Key_Up)
    assert (editor.control.text(), editor.value()) == ("1", 1)
    QTest.keyClick(editor.control, Qt.Key.Key_Down)
    assert (editor.control.text(), editor.value()) == ("off", 0)


def test_the_word_follows_the_language(qtbot: QtBot) -> None:
    editor = shown(qtbot, PATIENCE, 0)
    i18n.set_language("zh_CN")
    editor.retranslate()
    assert (editor.control.text(), editor.value()) == ("关", 0)


def test_the_legend_and_the_question_before_a_run_goes_on_say_the_word_too(qtbot: QtBot) -> None:
    before, after = ({"training": {"patience": patience}} for patience in (0, 3))
    assert difference_texts([before, after]) == ["Patience off", "Patience 3"]
    dialog = ContinueDialog("run", Proposal(Experiment(), {}, tuple(differences(before, after))))
    qtbot.addWidget(dialog)
    table = child(dialog, QTableWidget, "continue_table")
    assert [table.item(0, column).text() for column in range(3)] == ["Patience", "off", "3"]
